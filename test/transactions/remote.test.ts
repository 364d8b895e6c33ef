// Transactions of producers of other processes: what each request is answered, and what readers see of it, in both of
// Kafka's transaction versions. Over kills and power cuts it is remote-crashes.test.ts, of positions remote-positions.test.ts.
import { expect, test } from 'vitest'
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { encodeTransactionKey, encodeTransactionValue } from '../../src/format/transaction-records.ts'
import type { WritablePartition } from '../../src/storage/writable-partition.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { partsOf } from '../../src/surface/event-log.ts'
import { RemoteClient } from './support/remote-client.ts'
import { failure, valuesOf } from './support/held-transaction.ts'

const versions = [1, 2] as const

async function start(): Promise<{ log: TestLog; values: () => Promise<unknown[]> }> {
  const log = await testLog({ durability: 'power' })
  const orders = await log.topic<string>('orders', { partitions: 3, value: 'string' })
  return { log, values: () => valuesOf(orders) }
}

test.each(versions)('version %i: what is committed is seen as a whole, what is aborted never, and one follows the other', async version => {
  const { log, values } = await start()
  const client = await RemoteClient.begin(log, { version })
  expect(await client.send('orders', 0, 'a', 'b')).toBe('NONE')
  expect(await client.send('orders', 2, 'c')).toBe('NONE')
  expect(await values()).toEqual([])
  expect(await client.commit()).toBe('NONE')
  expect((await values()).sort()).toEqual(['a', 'b', 'c'])
  await client.send('orders', 0, 'gone')
  expect(await client.abort()).toBe('NONE')
  await client.send('orders', 0, 'd')
  expect(await client.commit()).toBe('NONE')
  expect((await values()).sort()).toEqual(['a', 'b', 'c', 'd'])
  await log.close()
})

test('version 2 raises the epoch with every transaction, version 1 does not', async () => {
  const { log } = await start()
  const raising = await RemoteClient.begin(log, { transactionalId: 'two' })
  const keeping = await RemoteClient.begin(log, { transactionalId: 'one', version: 1 })
  const before = keeping.producer
  for (const commit of [true, false]) {
    const { epoch } = raising.producer
    for (const client of [raising, keeping]) {
      await client.send('orders', 0, 'x')
      expect(await client.end(commit)).toBe('NONE')
    }
    expect(raising.producer.epoch).toBe(epoch + 1)
    expect(keeping.producer).toEqual(before)
  }
  await log.close()
})

test.each(versions)('version %i: who asks again how it ended gets the same answer; who asks for the opposite is refused', async version => {
  const { log, values } = await start()
  const client = await RemoteClient.begin(log, { version })
  for (const commit of [true, false]) {
    await client.send('orders', 0, String(commit))
    expect(await client.end(commit, { hears: false })).toBe('NONE')
    expect(await client.end(commit, { hears: false })).toBe('NONE')
    expect(await client.end(!commit, { hears: false })).toBe(commit || version === 1 ? 'INVALID_TXN_STATE' : 'PRODUCER_FENCED')
    expect(await client.end(commit)).toBe('NONE')
  }
  expect(await values()).toEqual(['true'])
  await client.send('orders', 0, 'next')
  expect(await client.commit()).toBe('NONE')
  expect(await values()).toEqual(['true', 'next'])
  await log.close()
})

test('there is nothing to commit, and version 2 may abort that', async () => {
  const { log } = await start()
  const client = await RemoteClient.begin(log)
  expect(await client.commit()).toBe('INVALID_TXN_STATE')
  const { epoch } = client.producer
  expect(await client.abort()).toBe('NONE')
  expect(client.producer.epoch).toBe(epoch + 1)
  const older = await RemoteClient.begin(log, { transactionalId: 'older', version: 1 })
  expect(await older.abort()).toBe('INVALID_TXN_STATE')
  await log.close()
})

test.each(versions)('version %i: the newest producer of an id is it: the one before is refused, and what it had open is aborted', async version => {
  const { log, values } = await start()
  const first = await RemoteClient.begin(log, { version })
  await first.send('orders', 0, 'half')
  const second = await RemoteClient.begin(log, { version })
  expect(second.producer.id).toBe(first.producer.id)
  expect(second.producer.epoch).toBeGreaterThan(first.producer.epoch)
  expect(first.write('orders', 0, ['late'])).toBe('INVALID_PRODUCER_EPOCH')
  expect(await first.add('orders', 1)).toBe('PRODUCER_FENCED')
  expect(await first.commit()).toBe('PRODUCER_FENCED')
  expect(await first.init({ expected: first.producer })).toBe('PRODUCER_FENCED')
  await second.send('orders', 0, 'whole')
  expect(await second.commit()).toBe('NONE')
  expect(await values()).toEqual(['whole'])
  await log.close()
})

test.each(versions)('version %i: a transaction that is open for too long is aborted, and its producer refused until it begins anew', async version => {
  const { log, values } = await start()
  const client = await RemoteClient.begin(log, { version, timeoutMs: 5000 })
  await client.send('orders', 0, 'slow')
  await log.clock.advance(4999)
  expect(await client.send('orders', 0, 'in time')).toBe('NONE')
  await log.clock.advance(1)
  expect(await client.commit()).toBe('PRODUCER_FENCED')
  expect(client.write('orders', 0, ['late'])).toBe('INVALID_PRODUCER_EPOCH')
  expect(await client.init()).toBe('NONE')
  await client.send('orders', 0, 'again')
  expect(await client.commit()).toBe('NONE')
  expect(await values()).toEqual(['again'])
  await log.close()
})

test('a producer goes on after an error with what it has, and asks again without harm', async () => {
  const { log } = await start()
  const client = await RemoteClient.begin(log, { version: 1 })
  const before = client.producer
  expect(await client.init({ expected: before })).toBe('NONE')
  const after = client.producer
  expect(after).toEqual({ id: before.id, epoch: before.epoch + 1 })
  expect(await client.init({ expected: before })).toBe('NONE')
  expect(client.producer).toEqual(after)
  expect(await client.init({ expected: { id: before.id + 1, epoch: 0 } })).toBe('PRODUCER_FENCED')
  await log.close()
})

test('a producer without transactions gets an id that nobody else has', async () => {
  const { log } = await start()
  const { remote } = partsOf(log).transactions
  const given = [await remote.initProducer({ transactionalId: null, timeoutMs: 0, expected: undefined }), await remote.initProducer({ transactionalId: null, timeoutMs: 0, expected: undefined }), (await RemoteClient.begin(log)).producer]
  expect(new Set(given.map(producer => typeof producer === 'string' ? producer : producer.id)).size).toBe(3)
  await log.close()
})

test('ids and time-outs that can\'t be are refused', async () => {
  const { log } = await start()
  const { remote } = partsOf(log).transactions
  const init = (transactionalId: string, timeoutMs: number) => remote.initProducer({ transactionalId, timeoutMs, expected: undefined })
  expect([await init('', 1), await init('__millrace-0', 1)]).toEqual(['INVALID_REQUEST', 'INVALID_REQUEST'])
  expect([await init('a', 0), await init('a', 900_001)]).toEqual(['INVALID_TRANSACTION_TIMEOUT', 'INVALID_TRANSACTION_TIMEOUT'])
  expect(await init('a', 900_000)).toMatchObject({ epoch: 0 })
  await log.close()
})

test('a batch outside a transaction of its producer is refused', async () => {
  const { log, values } = await start()
  const { remote } = partsOf(log).transactions
  const older = await RemoteClient.begin(log, { version: 1 })
  expect(older.write('orders', 0, ['not added'])).toBe('INVALID_TXN_STATE')
  await older.send('orders', 1, 'added')
  expect(older.write('orders', 0, ['elsewhere'])).toBe('INVALID_TXN_STATE')
  expect(await older.commit()).toBe('NONE')
  expect(older.write('orders', 1, ['after the end'])).toBe('INVALID_TXN_STATE')
  const partition = partsOf(log).log.topics.get('orders')!.writable(0)
  const batch = { partition, producer: older.producer, implicit: true, knowsAbortable: true }
  expect(remote.admit({ ...batch, transactionalId: null })).toBe('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  expect(remote.admit({ ...batch, transactionalId: 'nobody' })).toBe('INVALID_PRODUCER_ID_MAPPING')
  expect(remote.admit({ ...batch, transactionalId: 'remote', producer: { id: older.producer.id + 1, epoch: 0 } })).toBe('INVALID_PRODUCER_ID_MAPPING')
  expect(remote.admit({ ...batch, transactionalId: 'remote' }), 'whose last one had the same epoch').toBe('INVALID_TXN_STATE')
  expect(remote.admit({ ...batch, transactionalId: 'remote', implicit: false })).toBe('TRANSACTION_ABORTABLE')
  expect(await values()).toEqual(['added'])
  await log.close()
})

test('an id is one for all: a transaction of this process fences a remote producer, and the other way round', async () => {
  const { log, values } = await start()
  const orders = await log.topic<string>('orders')
  const client = await RemoteClient.begin(log)
  await client.send('orders', 0, 'remote, half')
  await log.transaction(async tx => { await tx.send(orders, { value: 'own', partition: 0 }) }, { id: 'remote' })
  expect(client.write('orders', 1, ['late'])).toBe('INVALID_PRODUCER_EPOCH')
  expect(await client.commit()).toBe('PRODUCER_FENCED')
  let begun = (): void => {}
  const isOpen = new Promise<void>(resolve => { begun = resolve })
  const own = log.transaction(async tx => {
    await tx.send(orders, { value: 'own, half', partition: 0 })
    begun()
    await new Promise(() => {})
  }, { id: 'remote' })
  own.catch(() => {})
  await isOpen
  expect(await client.init()).toBe('NONE')
  expect(await failure(own)).toMatchObject({ code: 'TRANSACTION_FENCED' })
  await client.send('orders', 0, 'remote')
  expect(await client.commit()).toBe('NONE')
  expect(await values()).toEqual(['own', 'remote'])
  await log.close()
})

test('a producer whose epochs are used up goes on with another id: by the end of its last transaction, or when it begins anew', async () => {
  const before = await start()
  await RemoteClient.begin(before.log)
  const { log } = partsOf(before.log)
  const states = await log.internalPartition('__transaction_state', { create: false }) as WritablePartition
  const encoder = new BatchEncoder()
  for (const transactionalId of ['ending', 'beginning']) {
    encoder.append(0, encodeTransactionKey(transactionalId), encodeTransactionValue({ producerId: transactionalId.length, producerEpoch: 32_765, timeoutMs: 1000, status: 'Empty', partitions: [], lastUpdateTimestamp: log.settings.clock.now(), startTimestamp: -1 }), [])
  }
  states.append(encoder.seal({}))
  const next = await before.log.crash()

  const ending = await RemoteClient.begin(next, { transactionalId: 'ending' })
  expect(ending.producer).toEqual({ id: 6, epoch: 32_766 })
  await ending.send('orders', 0, 'a')
  expect(await ending.end(true, { hears: false })).toBe('NONE')
  const after = await next.crash()
  ending.log = after
  expect(await ending.commit(), 'asked again').toBe('NONE')
  expect(ending.producer).toMatchObject({ epoch: 0 })
  expect(ending.producer.id).toBeGreaterThan(9)
  await ending.send('orders', 0, 'b')
  expect(await ending.commit()).toBe('NONE')

  const beginning = await RemoteClient.begin(after, { transactionalId: 'beginning' })
  expect(beginning.producer).toEqual({ id: 9, epoch: 32_766 })
  await beginning.send('orders', 0, 'gone')
  expect(await beginning.init()).toBe('NONE')
  expect(beginning.producer).toMatchObject({ epoch: 0 })
  await beginning.send('orders', 0, 'c')
  expect(await beginning.commit()).toBe('NONE')
  expect(await valuesOf(await after.topic<string>('orders'))).toEqual(['a', 'b', 'c'])
  await after.close()
})

test.each(versions)('version %i: what it wrote to a topic that is deleted is gone, and the rest is committed', async version => {
  for (const turns of [0, 1, 3]) {
    const { log, values } = await start()
    await log.topic('bills', { value: 'string' })
    const client = await RemoteClient.begin(log, { version })
    await client.send('bills', 0, 'a')
    await client.send('orders', 0, 'b')
    const committing = turns === 0 ? undefined : client.commit()
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    await log.deleteTopic('bills')
    expect(await (committing ?? client.commit())).toBe('NONE')
    expect(await values()).toEqual(['b'])
    await log.close()
  }
})

test('closing the log aborts what is open, and does not wait for its producer', async () => {
  const { log } = await start()
  const client = await RemoteClient.begin(log)
  await client.send('orders', 0, 'open')
  expect(log.stats().transactions).toMatchObject([{ id: 'remote', partitions: 1 }])
  await log.close()
  const next = await log.crash()
  expect(next.stats().topics[0]!.partitions[0]).toMatchObject({ stableOffset: 2, endOffset: 2 })
  await next.close()
})
