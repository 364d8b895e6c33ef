// Records of one producer enter a partition in the order of the calls, whatever linger, codec or schema does.
import type { ProducerOptions, Sent, StandardSchema } from 'millrace'
import { testLog } from 'millrace/testing'
import { expect, test } from 'vitest'

/** A program from a seed that repeats it: small numbers, one after the other. */
function draws(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = Math.imul(state, 1_103_515_245) + 12_345 & 0x7fff_ffff
    return (state >>> 8) % below
  }
}

/** Takes its time with some values. */
const unhurried: StandardSchema<unknown, string> = {
  '~standard': { version: 1, vendor: 'test', validate: value => String(value).length % 3 === 0 ? new Promise(resolve => { setImmediate(resolve, { value }) }) : { value } },
}

const SEED = Number(process.env['SEED'] ?? 7)

test.each<[string, ProducerOptions, object]>([
  ['nothing else', {}, {}],
  ['a linger', { linger: 5 }, {}],
  ['compression off the main thread', { compression: 'gzip', batchBytes: '40KiB' }, {}],
  ['an asynchronous schema', {}, { schema: unhurried }],
  ['a buffer that is always full', { maxBufferedBytes: 1 }, {}],
  ["durability 'power'", { durability: 'power' }, {}],
  ['all of it', { linger: 3, compression: 'gzip', batchBytes: '40KiB', maxBufferedBytes: '64KiB', durability: 'power' }, { schema: unhurried }],
])(`with %s (seed ${SEED})`, async (_what, options, topicOptions) => {
  const log = await testLog({ seed: SEED })
  const topic = await log.topic<string>('orders', { segmentBytes: '64KiB', ...topicOptions })
  const producer = topic.producer(options)
  const draw = draws(SEED)
  const called: string[] = []
  const sends: Promise<Sent | Sent[]>[] = []
  const next = (): { value: string } => {
    const value = `${called.length} ${'x'.repeat(draw(20) === 0 ? 30_000 : draw(30))}`
    called.push(value)
    return { value }
  }
  for (let step = 0; step < 200; step++) {
    const choice = draw(10)
    if (choice < 6) sends.push(producer.send(next()))
    else if (choice < 8) sends.push(producer.send(Array.from({ length: draw(8) }, next)))
    else if (choice === 8) await log.clock.advance(draw(6))
    else void producer.flush()
  }
  await producer.close()
  const sent = (await Promise.all(sends)).flat()
  expect(sent.map(({ offset }) => offset)).toEqual(called.map((_, offset) => offset))
  const stored: (string | null)[] = []
  for await (const record of topic.read()) stored.push(record.value)
  expect(stored).toEqual(called)
  await log.close()
})

test('sendSync comes after what its producer had pending, and before what it sends next', async () => {
  const log = await testLog()
  const topic = await log.topic<number>('orders')
  const producer = topic.producer({ linger: '1m' })
  const first = producer.send({ value: 0 })
  expect(producer.sendSync({ value: 1 }).offset).toBe(1)
  const last = producer.send({ value: 2 })
  await producer.flush()
  expect([(await first).offset, (await last).offset]).toEqual([0, 2])
  await log.close()
})
