// What a TypeScript user can write and what is inferred; compiled against the build by types.test.ts, never run.
import { open, type LogRecord, type Topic } from 'millrace'

interface Order { item: string; total: number }

const log = await open('./data')
const orders = await log.topic<Order>('orders', { partitions: 4, retention: '30d', compression: 'zstd' })
const plain = await log.topic('plain', { value: 'string' })
await plain.send({ value: 'x' })
const raw = await log.topic<Uint8Array, Uint8Array>('raw', { key: 'bytes', value: 'bytes' })
// @ts-expect-error bytes for an Order
await log.topic<Order>('bad', { value: 'bytes' })
await orders.send({ key: 'ada', value: { item: 'mill', total: 12 } })
// @ts-expect-error wrong value
await orders.send({ key: 'ada', value: { item: 1 } })
for await (const r of orders.read({ from: 'earliest' })) { const t: number | undefined = r.value?.total; void t }
const g = log.group('billing')
const runner = await g.run(orders, async (record, { attempt }) => { const o: Order | null = record.value; void o; void attempt }, { from: 'earliest', retry: { attempts: 5 }, deadLetter: 'orders.dead' })
await g.run([orders, raw], async record => { const x = record.value; void x }, { from: 'latest' })
await g.run(orders, async records => { for (const r of records) { const o: Order | null = r.value; void o } }, { from: 'latest', batch: { max: 100 } })
const c = await g.join(orders, { from: 'earliest' })
for await (const r of c) { const o: Order | null = r.value; void o; await c.commit(r); break }
const all: Topic[] = [orders, raw]
void all
const list: Topic[] = log.topics()
void list
const v = await orders.view()
const o: Order | undefined = v.get('ada')
void o
const one: LogRecord<Order, string> | undefined = await orders.partitions[0]!.get(3)
void one
await log.producer().send({ topic: orders, key: 'a', value: 1 })
await runner.stop()
await log.close()

// What else users write.
{
  await using producer = orders.producer({ linger: '5ms', durability: 'power', signal: AbortSignal.timeout(1000) })
  const sent = await producer.send([{ key: 'ada', value: null }, { value: { item: 'mill', total: 1 }, headers: { trace: 'x', none: null }, timestamp: new Date() }])
  const offsets: number[] = sent.map(({ offset }) => offset)
  void offsets
}
for await (const batch of raw.batches({ from: new Map([[0, 5]]), to: 'latest', partitions: [0] })) {
  for (const { key, value } of batch) { const bytes: [Uint8Array | null, Uint8Array | null] = [key, value]; void bytes }
}
const off: () => void = log.on('recovered', ({ topic, partition, cutBytes, endOffset }) => { void [topic, partition, cutBytes, endOffset] })
off()
// @ts-expect-error an event that does not exist
log.on('recoverd', () => undefined)
// @ts-expect-error a misspelt option
await log.topic('orders', { retentin: '7d' })
// @ts-expect-error what stored records depend on can't be altered
await orders.alter({ value: 'json' })
// @ts-expect-error numbers are no keys of this topic
v.get(7)
{
  await using consumer = await g.join(/^orders/, { from: new Date(), memberId: 'a', onMissing: 'earliest' })
  for await (const batch of consumer.batches()) { const value: unknown = [...batch][0]?.value; void value; break }
  consumer.pause(...consumer.assignment)
  await consumer.seek({ topic: 'orders', partition: 0 }, 'latest')
}
const mixed = await g.join([orders, 'by-name'], { from: 'latest' })
for await (const { value, key } of mixed) { const read: [unknown, unknown] = [value, key]; void read; break }
const position: Map<number, number> = await g.committed(raw)
await g.reset(orders, position)
const lagging: number = (await g.lag()).reduce((sum, { lag }) => sum + lag, 0)
g.on('rebalance', ({ generation, moved }) => { void [generation, moved, lagging] })
// @ts-expect-error where a group begins has to be said
await g.join(orders, {})
// @ts-expect-error one record where batches were not asked for
await g.run(orders, async records => { void records.length }, { from: 'latest' })
await g.run(orders, async ({ key, value }, { tx, attempt, signal }) => {
  void [attempt, signal]
  await tx.send(plain, { value: value?.item ?? 'none' })
  await tx.send(orders, [{ key, value }])
  // @ts-expect-error a wrong value
  await tx.send(orders, { value: 1 })
}, { from: 'latest', delivery: 'exactly-once' })
// @ts-expect-error batches where each effect happens exactly once
await g.run(orders, () => undefined, { from: 'latest', delivery: 'exactly-once', batch: {} })
// @ts-expect-error a transaction where none was asked for
await g.run(orders, (_record, { tx }) => { void tx }, { from: 'latest' })
