// A rescue copies what can still be read. What can't be is told, and offsets that were on the device are never given again.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HEADER_BYTES } from '../../src/format/record-batch.ts'
import type { LogEvents } from '../../src/index.ts'
import { open, type EventLog } from '../../src/surface/event-log.ts'
import type { Topic } from '../../src/surface/topic.ts'
import { testLog } from '../../src/testing.ts'

const SEGMENT = 'orders-0/00000000000000000000.log'

let directory: string
let log: EventLog
let topic: Topic<string>
const told: string[] = []

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-rescue-'))
  await openLog()
})

afterEach(async () => {
  await log.close()
  rmSync(directory, { recursive: true })
})

async function openLog(): Promise<void> {
  told.length = 0
  log = await open(directory, { storage: 'file' })
  log.on('error', ({ error }: LogEvents['error']) => told.push(error.code))
  log.on('recovered', ({ endOffset }: LogEvents['recovered']) => told.push(`recovered to ${endOffset}`))
  topic = await log.topic<string>('orders', { value: 'string' })
}

const two = (): Promise<unknown> => topic.producer({ durability: 'power' }).send(['a', 'b'].map(value => ({ value })))

/** The next sync finds the segment deleted: it fails. */
async function failSync(): Promise<void> {
  rmSync(join(directory, SEGMENT))
  await expect(topic.producer({ durability: 'power' }).send({ value: 'lost' })).rejects.toMatchObject({ code: 'PARTITION_FAILED' })
}

test.each<[way: string, reopen: () => Promise<void>]>([
  ['recover() after a failed sync', async () => {
    await failSync()
    await topic.partitions[0]!.recover()
  }],
  ['opening after a failed sync', async () => {
    await failSync()
    await log.close()
    await openLog()
  }],
  ['opening after closing has failed to sync', async () => {
    rmSync(join(directory, SEGMENT))
    await expect(log.close()).rejects.toMatchObject({ code: 'PARTITION_FAILED' })
    await openLog()
  }],
])('%s tells which synced records are gone, and gives their offsets to no others', async (_, reopen) => {
  await two()
  await topic.send({ value: 'c' })
  await reopen()
  await nextTurn()
  expect(told).toContain('SYNCED_RECORDS_MISSING')
  expect((await topic.send({ value: 'd' })).offset).toBe(2)
})

test('recover() tells that it has left behind what nobody could believe', async () => {
  const simulated = await testLog()
  const orders = await simulated.topic<string>('orders', { value: 'string' })
  await orders.producer({ durability: 'power' }).send(['a', 'b'].map(value => ({ value })))
  const synced = orders.partitions[0]!.bytes
  await orders.send({ value: 'c' })
  simulated.disk.failNext('sync', { error: 'EIO', path: /orders-0/ })
  await expect(orders.producer({ durability: 'power' }).send({ value: 'd' })).rejects.toMatchObject({ code: 'PARTITION_FAILED' })
  simulated.disk.corrupt(`/log/${SEGMENT}`, synced + HEADER_BYTES, 0xff)
  const recovered: LogEvents['recovered'][] = []
  simulated.on('recovered', event => recovered.push(event))
  await orders.partitions[0]!.recover()
  expect(recovered).toEqual([{ topic: 'orders', partition: 0, endOffset: 2, cutBytes: expect.any(Number) }])
  await simulated.close()
})
