// The same on a real file system that really is full: a tmpfs of two megabytes. Mounting one takes root on Linux.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LimitError } from '../../src/base/errors.ts'
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
})

async function openLog(): Promise<void> {
  log = await open(join(disk, 'log'))
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
