// A full disk, or an allowance that is used up, seen by who uses the log: records are refused; positions, deletions and
// truncations are not, and from them comes the room that sends go on with.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import type { Topic } from '../../src/surface/topic.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'
import { temporaryDirectory } from '../contract/support/logs.ts'

const KIB = 1024
const VALUE = 'x'.repeat(1000)
const SMALL = 64 * KIB

/** Sends until one is refused; the refusal. */
async function fillUp(topic: Topic, value = VALUE): Promise<unknown> {
  for (;;) {
    const refusal = await topic.send({ value }).then(() => undefined, (reason: unknown) => reason)
    if (refusal !== undefined) return refusal
  }
}

/** A log with a topic that has filled the disk, and a group that has handled none of it. */
async function fullDisk(diskBytes = 256 * KIB) {
  const log = await testLog({ diskBytes })
  const orders = await log.topic('orders', { segmentBytes: 16 * KIB })
  await log.group('billing').reset(orders, 'earliest')
  await fillUp(orders)
  await fillUp(orders, '') // to the last bytes
  return { log, orders, group: log.group('billing') }
}

/** Commits until one is refused; how many went through. */
async function commitsUntilRefused(log: TestLog, topic: Topic): Promise<{ commits: number; refusal: unknown }> {
  for (let commits = 0; ; commits++) {
    const refusal = await log.group('billing').reset(topic, commits % 2 === 0 ? 'latest' : 'earliest').then(() => undefined, (reason: unknown) => reason)
    if (refusal !== undefined) return { commits, refusal }
  }
}

describe('on a full disk', () => {
  test('a group handles what there is and commits it; truncating what it has handled lets sends go on', async () => {
    const { log, orders, group } = await fullDisk()
    expect(await failureOf(() => orders.send({ value: '' }))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL', retriable: true })
    const runner = await group.run(orders, () => undefined, { from: 'earliest' })
    await log.idle()
    const end = orders.partitions[0]!.endOffset
    expect(await group.committed(orders)).toEqual(new Map([[0, end]]))
    expect(await failureOf(() => orders.send({ value: '' }))).toMatchObject({ code: 'DISK_FULL' })
    await orders.partitions[0]!.truncateBefore(end)
    await orders.send({ value: VALUE })
    await log.idle()
    expect(await group.committed(orders)).toEqual(new Map([[0, end + 1]]))
    await runner.stop()
    await log.close()
  })

  test('many commits fit; when there is no room for them either, they are told; and deleting a topic lets both go on', async () => {
    const { log, orders } = await fullDisk()
    const other = await log.topic('orders')
    const { commits, refusal } = await commitsUntilRefused(log, orders)
    expect(commits).toBeGreaterThan(100)
    expect(refusal).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
    log.disk.capacityBytes += 200 // for the record of the deletion
    await log.deleteTopic('orders')
    expect(other.partitions[0]).toBeDefined()
    const again = await log.topic('orders')
    await again.send({ value: VALUE })
    await log.group('billing').reset(again, 'latest')
    await log.close()
  })

  test('a partition can be truncated, and sends to it go on', async () => {
    const { log, orders } = await fullDisk()
    await orders.partitions[0]!.truncateBefore(orders.partitions[0]!.endOffset - 1) // for which no segment need be rolled
    await orders.send({ value: VALUE })
    await log.close()
  })

  test('a topic can be deleted, and sends to others go on', async () => {
    const { log } = await fullDisk()
    await log.deleteTopic('orders')
    const other = await log.topic('other')
    await other.send({ value: VALUE })
    await log.close()
  })

  test('no topic is created while the reserve is in use: it is for what makes room', async () => {
    const { log, orders, group } = await fullDisk()
    await group.reset(orders, 'latest')
    expect(await failureOf(() => log.topic('more'))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
    await orders.partitions[0]!.truncateBefore(orders.partitions[0]!.endOffset)
    await (await log.topic('more')).send({ value: VALUE })
    await log.close()
  })

  test('a log is closed in order, opened again, and killed, and all that was stored is there', async () => {
    const { log, orders, group } = await fullDisk()
    const end = orders.partitions[0]!.endOffset
    await group.reset(orders, 'latest')
    const next = await log.crash()
    const found = await next.topic('orders')
    expect([found.partitions[0]!.endOffset, await next.group('billing').committed(found)]).toEqual([end, new Map([[0, end]])])
    expect(await failureOf(() => found.send({ value: '' }))).toMatchObject({ code: 'DISK_FULL' })
    await next.close()
    const last = await next.crash()
    const again = await last.topic('orders')
    expect(again.partitions[0]!.endOffset).toBe(end)
    await again.partitions[0]!.truncateBefore(end)
    await again.send({ value: VALUE })
    await last.close()
  })

  test('with room made from outside, sends go on within a second', async () => {
    const { log, orders, group } = await fullDisk()
    await group.reset(orders, 'latest')
    await fillUp(orders)
    log.disk.capacityBytes *= 2
    await log.clock.advance('1s')
    await orders.send({ value: VALUE })
    await log.close()
  })

  test('a crash at any call leaves what was stored, and a log that goes on', { timeout: 120_000 }, async () => {
    for (let call = 1; ; call += 2 + call % 3) {
      const { log, orders } = await fullDisk(SMALL)
      const end = orders.partitions[0]!.endOffset
      const disk = log.disk as SimulatedFileSystem
      disk.crashAfter(call)
      await fullLife(log, orders).catch(() => undefined)
      if (!disk.crashed) {
        expect(call).toBeGreaterThan(30)
        return
      }
      const killed = await log.crash()
      const found = killed.topics().find(({ name }) => name === 'orders')
      if (found !== undefined) expect(found.partitions[0]!.endOffset, `call ${call}`).toBeGreaterThanOrEqual(end)
      await expectToGoOn(killed)
      log.disk.capacityBytes *= 2 // what had been removed may be back
      await expectToGoOn(await log.powerCut({ seed: call }))
    }
  })
})

/** With the room that a topic's deletion makes. */
async function expectToGoOn(log: TestLog): Promise<void> {
  if (log.topics().some(({ name }) => name === 'orders')) await log.deleteTopic('orders')
  await (await log.topic('other')).send({ value: VALUE })
  await log.close()
}

/** What makes room, and what uses it. */
async function fullLife(log: TestLog, orders: Topic): Promise<void> {
  await log.group('billing').reset(orders, 'latest')
  await orders.partitions[0]!.truncateBefore(orders.partitions[0]!.endOffset)
  await orders.send({ value: VALUE })
  await fillUp(orders)
  await log.group('billing').reset(orders, 'latest')
  await log.deleteTopic('orders')
}

describe('maxDiskBytes', () => {
  const logBytes = (directory: string): number => readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.log(\.deleted)?$/.test(name))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)

  test('bounds what is stored on real files; commits go on, and what makes room lets sends go on at once', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory, { maxDiskBytes: '256KiB', storage: 'file' })
    const orders = await log.topic('orders', { partitions: 2, segmentBytes: 16 * KIB })
    const refusal = await fillUp(orders)
    expect(refusal).toMatchObject({ name: 'LimitError', code: 'DISK_ALLOWANCE_USED', retriable: true, details: { usedBytes: logBytes(directory), maxDiskBytes: 256 * KIB } })
    expect(logBytes(directory)).toBeLessThanOrEqual(256 * KIB)
    expect(logBytes(directory)).toBeGreaterThan(254 * KIB)
    await log.group('billing').reset(orders, 'latest')
    for (const partition of orders.partitions) await partition.truncateBefore(partition.endOffset)
    await orders.send({ value: VALUE })
    expect(await fillUp(orders)).toMatchObject({ details: { usedBytes: logBytes(directory) } })
    await log.close()
    const again = await open(directory, { maxDiskBytes: '256KiB', storage: 'file' })
    expect(await fillUp(await again.topic('orders'))).toMatchObject({ details: { usedBytes: logBytes(directory) } })
    await again.deleteTopic('orders')
    await (await again.topic('orders')).send({ value: VALUE })
    await again.close()
  })

  test('is told to be too little for a batch that is larger than all of it', async () => {
    const log = await testLog({ maxDiskBytes: 64 * KIB })
    const orders = await log.topic('orders')
    expect(await failureOf(() => orders.send({ value: 'x'.repeat(100 * KIB) }))).toMatchObject({ name: 'LimitError', code: 'DISK_ALLOWANCE_USED', retriable: false, hint: 'open the log with a larger maxDiskBytes, or send smaller records' })
    await orders.send({ value: VALUE })
    await log.close()
  })

  test('may be less than what is stored: then all is read, and nothing added', async () => {
    const directory = temporaryDirectory()
    const log = await open(directory)
    await (await log.topic('orders')).send(Array.from({ length: 100 }, () => ({ value: VALUE })))
    await log.close()
    const small = await open(directory, { maxDiskBytes: '64KiB' })
    const orders = await small.topic('orders')
    expect(await failureOf(() => orders.send({ value: '' }))).toMatchObject({ code: 'DISK_ALLOWANCE_USED' })
    let count = 0
    for await (const _ of orders.read()) count++
    expect(count).toBe(100)
    await small.close()
  })
})
