// The same on a real file system that really is full: a tmpfs of two megabytes. Mounting one takes root on Linux.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nativePart } from '../../src/native/load.ts'
import { LimitError } from '../../src/base/errors.ts'
import type { OpenOptions } from '../../src/log/open-options.ts'
import { open, type EventLog } from '../../src/surface/event-log.ts'
import type { Topic } from '../../src/surface/topic.ts'

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mountsTmpfs()
const BALLAST_BYTES = 512 * 1024

let disk: string
let log: EventLog
let topic: Topic<string>
const sent: string[] = []

describe.skipIf(!canMount)(`a full tmpfs${canMount ? '' : ' (skipped: mounting one takes root on Linux)'}`, () => {
  beforeEach(async () => {
    disk = mkdtempSync(join(tmpdir(), 'millrace-full-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk])
    sent.length = 0
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(BALLAST_BYTES, 1))
    await openLog()
  })

  afterEach(async () => {
    await log.close().catch(() => { /* for want of room */ })
    execFileSync('umount', ['--lazy', disk])
    rmdirSync(disk)
  })

  test.each(['process', 'power'] as const)("refuses '%s' sends with a LimitError, serves what is stored, and takes more once there is room", async durability => {
    const producer = topic.producer({ durability })
    const fillUp = async (): Promise<void> => {
      for (const bytes of [60_000, 3_000, 10]) {
        for (;;) {
          const value = `${sent.length} `.padEnd(bytes, 'x')
          const error = await producer.send({ value }).then(() => undefined, (reason: unknown) => reason)
          if (error !== undefined) {
            expect(error).toBeInstanceOf(LimitError)
            expect(error).toMatchObject({ code: 'DISK_FULL', retriable: true })
            break
          }
          sent.push(value)
        }
      }
    }
    await fillUp()
    expect(statfsSync(disk).bfree).toBe(0)
    await expectSent()
    const whenFull = sent.length
    rmSync(join(disk, 'ballast'))
    await fillUp()
    expect(sent.length).toBeGreaterThan(whenFull + BALLAST_BYTES / 60_000 / 2)
    await expectSent()
    await topic.partitions[0]!.truncateBefore(whenFull).catch((error: unknown) => { expect(error).toBeInstanceOf(LimitError) })
    await log.close().catch((error: unknown) => { expect(error).toBeInstanceOf(LimitError) })
    execFileSync('mount', ['-o', 'remount,size=4m', disk])
    await openLog()
    await expectSent()
    await producer.close()
  })

  test.each(nativePart === undefined ? ['file'] as const : ['mapped', 'file'] as const)('%s storage: commits, a truncation, a clean end, opening and a deletion go through, and sends go on', async storage => {
    await log.close()
    await openLog({ storage })
    const billing = () => log.group('billing')
    const fillUp = async (): Promise<void> => {
      for (const bytes of [60_000, 3_000, 10]) while (await isTaken('x'.repeat(bytes)));
    }
    await fillUp()
    expect(statfsSync(disk).bfree).toBe(0)
    for (let i = 0; i < 200; i++) await billing().reset(topic, i % 2 === 0 ? 'earliest' : 'latest')
    expect(await isTaken('')).toBe(false)
    await topic.partitions[0]!.truncateBefore(topic.partitions[0]!.endOffset)
    expect(await isTaken('x')).toBe(true)

    await fillUp()
    await billing().reset(topic, 'latest')
    const end = topic.partitions[0]!.endOffset
    await log.close()
    writeFileSync(join(disk, 'others took it'), Buffer.alloc(statfsSync(disk).bsize * (statfsSync(disk).bfree - 16)))
    await openLog({ storage })
    expect([topic.partitions[0]!.endOffset, await billing().committed(topic)]).toEqual([end, new Map([[0, end]])])
    while (await isTaken('')); // what the file's last page still has room for
    rmSync(join(disk, 'others took it'))
    await log.deleteTopic('orders')
    topic = await log.topic<string>('orders', { value: 'string' })
    expect(await isTaken('x')).toBe(true)
  })
})

/** false: the disk is full. */
async function isTaken(value: string): Promise<boolean> {
  const error = await topic.send({ value }).then(() => undefined, (reason: unknown) => reason)
  if (error !== undefined) expect(error).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
  return error === undefined
}

async function openLog(options: OpenOptions = {}): Promise<void> {
  log = await open(join(disk, 'log'), options)
  topic = await log.topic<string>('orders', { value: 'string', segmentBytes: '256KiB' })
}

async function expectSent(): Promise<void> {
  const { start, end } = topic.partitions[0]!.offsets()
  expect(end).toBe(sent.length)
  let offset = start
  for await (const record of topic.read()) {
    if (record.offset !== offset || record.value !== sent[offset]) throw new Error(`offset ${record.offset}: not what was sent as number ${offset}`)
    offset++
  }
  expect(offset).toBe(sent.length)
}

function mountsTmpfs(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'millrace-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'ignore' })
    execFileSync('umount', [probe])
    return true
  } catch {
    return false
  } finally {
    rmdirSync(probe)
  }
}
