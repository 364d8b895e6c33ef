// Positions that move with transactions: one transaction at a time moves that of a partition, and a mistake dooms it.
import { expect, test } from 'vitest'
import type { LogRecord, MillraceError } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'
import { hold, valuesOf } from './support/held-transaction.ts'

async function consuming() {
  const log = await testLog()
  const [orders, bills] = await Promise.all([log.topic<string>('orders'), log.topic<string>('bills')])
  await orders.send(['a', 'b', 'c'].map(value => ({ value })))
  const consumer = await log.group('billing').join(orders, { from: 'earliest', commit: 'manual' })
  const records: LogRecord<string>[] = []
  for await (const record of consumer) if (records.push(record) === 3) break
  return { log, orders, bills, consumer, records, committed: async () => (await log.group('billing').committed(orders)).get(0) }
}

test('two open transactions never move the position of one partition: it would go back to where the slower one is', async () => {
  const { log, bills, consumer, records, committed } = await consuming()
  const first = await hold(log)
  first.tx.advance(consumer, records[0])
  await expect(log.transaction(async tx => {
    await tx.send(bills, { value: 'second' })
    tx.advance(consumer, records[1])
  })).rejects.toMatchObject({ code: 'POSITION_IN_TRANSACTION' })
  first.end()
  await first.done
  expect(await committed()).toBe(1)
  await log.transaction(async tx => { tx.advance(consumer, records[2]); tx.advance(consumer, records[1]) })
  expect(await committed()).toBe(3)
  expect(await valuesOf(bills)).toEqual([])
  await log.close()
})

test('an advance that is refused dooms the transaction, whoever catches its error', async () => {
  const { log, bills, consumer, committed } = await consuming()
  await expect(log.transaction(async tx => {
    await tx.send(bills, { value: 'without its position' })
    try { tx.advance(consumer, { topic: 'orders', partition: 0, offset: 17 } as LogRecord) } catch { /* as a careless caller does */ }
  })).rejects.toMatchObject({ code: 'OFFSET_INVALID' })
  expect(await valuesOf(bills)).toEqual([])
  expect(await committed()).not.toBe(18)
  await log.close()
})

test('what is sent after the function has returned is told, if nobody awaits it', async () => {
  const { log, bills } = await consuming()
  const told: MillraceError[] = []
  log.on('error', ({ error }) => { told.push(error) })
  const held = await hold(log)
  held.end()
  await held.done
  void held.tx.send(bills, { value: 'late' })
  await log.clock.settle()
  expect(told).toMatchObject([{ code: 'TRANSACTION_ENDED' }])
  expect(await valuesOf(bills)).toEqual([])
  await log.close()
})

test('a member without partitions has no position to move', async () => {
  const { log, orders, bills } = await consuming()
  const idle = await log.group('billing').join(orders, { from: 'earliest', commit: 'manual' })
  await log.transaction(async tx => {
    tx.advance(idle)
    await tx.send(bills, { value: 'sent' })
  })
  expect(await valuesOf(bills)).toEqual(['sent'])
  await log.close()
})

test('what was sent to a topic that is deleted and made again is missing: nothing is committed', async () => {
  const { log, bills } = await consuming()
  const gone = await log.topic<string>('gone')
  await expect(log.transaction(async tx => {
    await tx.send(gone, { value: 'first' })
    await tx.send(bills, { value: 'bill' })
    await log.deleteTopic('gone')
    await tx.send(await log.topic<string>('gone'), { value: 'second' })
  })).rejects.toMatchObject({ code: 'TOPIC_DELETED' })
  expect(await valuesOf(bills)).toEqual([])
  await log.close()
})
