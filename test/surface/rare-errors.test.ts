// Errors that it takes trouble to meet: damaged state, a disk that fails in the wrong moment, files put there by others.
import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open, type LogEvents } from '../../src/index.ts'
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { StateLog } from '../../src/log/state-log.ts'
import { plainFiles } from '../../src/platform/storage-choice.ts'
import { testLog } from '../../src/testing.ts'
import { expectRefused, failureOf } from '../contract/support/failures.ts'
import { openFiles, temporaryDirectory } from '../contract/support/logs.ts'
import { batchOf, newPartition } from '../support/partitions.ts'

async function closedLog(): Promise<string> {
  const directory = temporaryDirectory()
  const log = await open(directory)
  await (await log.topic('orders')).send([{ value: 1 }, { value: 2 }])
  await log.close()
  return directory
}

describe('files that others changed', () => {
  test('a note in .lock that makes no sense is not thrown away', async () => {
    const directory = await closedLog()
    const lock = plainFiles('as a test wants it').lock(directory)
    lock.write('{"orders-0":', { claimBoot: true })
    lock.release()
    expect(await failureOf(() => open(directory))).toMatchObject({ name: 'CorruptionError', code: 'LOCK_MALFORMED', hint: expect.stringContaining('look at it before you remove it') as string })
  })

  test('a directory with records of no known topic is in the way of a new topic, and is left alone', async () => {
    const opened = await openFiles(temporaryDirectory())
    const { log } = opened
    mkdirSync(join(log.location, 'orders-0'))
    writeFileSync(join(log.location, 'orders-0', '00000000000000000000.log'), batchOf(['theirs']))
    await expectRefused(opened, () => log.topic('orders'), { name: 'ConflictError', code: 'PARTITION_DIRECTORY_EXISTS', message: 'orders-0', hint: 'move the directory away' })
  })

  test('records that were on the device and are gone are reported, and their offsets not given again', async () => {
    const directory = await closedLog()
    truncateSync(join(directory, 'orders-0', '00000000000000000000.log'), 0)
    const log = await open(directory)
    const errors: LogEvents['error'][] = []
    log.on('error', event => errors.push(event))
    const topic = await log.topic('orders')
    expect((await topic.send({ value: 3 })).offset).toBe(2)
    await log.close()
    expect(errors).toMatchObject([{ topic: 'orders', partition: 0, error: { name: 'CorruptionError', code: 'SYNCED_RECORDS_MISSING', details: { from: 0, to: 2 } } }])
  })

  test('state that is no JSON is damage', async () => {
    const partition = await newPartition()
    const encoder = new BatchEncoder()
    encoder.append(1000, Buffer.from('orders'), Buffer.from('{'), [])
    partition.append(encoder.seal({}))
    const state = new StateLog(partition, value => value, () => undefined)
    expect(await failureOf(() => state.replay())).toMatchObject({ name: 'CorruptionError', code: 'STATE_MALFORMED' })
  })

  test('what is appended to a segment from outside is cut off and told, never read', async () => {
    const directory = await closedLog()
    appendFileSync(join(directory, 'orders-0', '00000000000000000000.log'), 'and something else')
    const log = await open(directory)
    const recovered: LogEvents['recovered'][] = []
    log.on('recovered', event => recovered.push(event))
    expect((await log.topic('orders')).partitions[0]!.endOffset).toBe(2)
    await log.close()
    expect(recovered).toEqual([{ topic: 'orders', partition: 0, cutBytes: 18, endOffset: 2 }])
  })
})

describe('a disk that fails in the wrong moment', () => {
  test('a rescue that fails leaves the partition as it was, and can be tried again', async () => {
    const log = await testLog({ durability: 'power' })
    const topic = await log.topic('orders')
    await topic.send({ value: 0 })
    log.disk.failNext('sync', { error: 'EIO', path: /orders-0/ })
    expect(await failureOf(() => topic.send({ value: 1 }))).toMatchObject({ code: 'PARTITION_FAILED' })
    log.disk.failNext('write', { error: 'ENOSPC', path: /rescued/ })
    expect(await failureOf(() => topic.partitions[0]!.recover())).toMatchObject({ name: 'StorageError', code: 'RESCUE_FAILED', cause: { code: 'DISK_FULL' } })
    expect(await failureOf(() => topic.send({ value: 1 }))).toMatchObject({ code: 'PARTITION_FAILED' })
    expect((await topic.partitions[0]!.get(0))?.value).toBe(0)
    await topic.partitions[0]!.recover()
    await topic.send({ value: 2 })
    await log.close()
  })

  test('a topic whose deletion may or may not be on record takes no more records', async () => {
    const log = await testLog()
    const topic = await log.topic('orders')
    log.disk.failNext('sync', { error: 'EIO', path: /__topics/ })
    expect(await failureOf(() => log.deleteTopic('orders'))).toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
    expect(await failureOf(() => topic.send({ value: 1 }))).toMatchObject({ name: 'ClosedError', code: 'TOPIC_UNCERTAIN' })
    await log.close()
  })

  test('a change of the catalog that is written and not synced says so', async () => {
    const log = await testLog()
    log.disk.failNext('sync', { error: 'EMFILE', path: /__topics/ })
    expect(await failureOf(() => log.topic('orders'))).toMatchObject({ name: 'StorageError', code: 'CHANGE_NOT_SYNCED', hint: expect.stringContaining('open the log again') as string })
    await log.close()
  })

  test('a topic that finds no room is not there, nor are its directories', async () => {
    const log = await testLog()
    const before = log.disk.list('/log')
    log.disk.failNext('write', { error: 'ENOSPC', path: /__topics/ })
    expect(await failureOf(() => log.topic('orders', { partitions: 3 }))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
    expect(log.topics()).toEqual([])
    expect(log.disk.list('/log')).toEqual(before)
    await log.topic('orders')
    await log.close()
  })
})

test('a batch that Kafka could not address is refused before anything is copied', async () => {
  const encoder = new BatchEncoder()
  const huge = { length: 2 ** 31 } as unknown as Uint8Array
  expect(await failureOf(() => { encoder.append(0, null, huge, []) })).toMatchObject({ name: 'LimitError', code: 'BATCH_TOO_LARGE' })
})
