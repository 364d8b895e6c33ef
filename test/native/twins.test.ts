// Every native function that has a twin in TypeScript gives the same on the same bytes.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchBytes, batchFault } from '../../src/format/record-batch.ts'
import { crc32cInScript } from '../../src/native/crc32c.ts'
import * as layout from '../../src/native/batch-layout.ts'
import * as records from '../../src/native/record-layout.ts'
import { stampInScript } from '../../src/native/stamp.ts'
import { bundleForNode } from '../platform/support/bundle.ts'
import { batchOf } from '../support/partitions.ts'
import { reportOf } from './support/children.ts'
import { native, nativeFile } from './support/native-file.ts'

const LANE = 1024
const LARGEST_OFFSET = 2 ** 53 - 1
const LARGEST_EPOCH = 2 ** 31 - 1

/** Repeatable, and unlike any period of the tables or lanes. */
function bytesFrom(seed: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count)
  for (let i = 0, state = seed | 1; i < count; i++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

describe.skipIf(nativeFile === undefined)('the native part and its twins', () => {
  let directory: string
  beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'millrace-twins-')) })
  afterAll(() => { rmSync(directory, { recursive: true, force: true }) })

  test('the checksum is the same by instruction, by table and in script, at every length around a lane', () => {
    const bytes = bytesFrom(1, 16 + 9 * LANE + 32)
    const lengths = Array.from({ length: 80 }, (_, i) => i)
    for (let lanes = 1; lanes <= 9; lanes++) for (let by = -17; by <= 17; by++) lengths.push(lanes * LANE + by)
    for (const start of [0, 1, 3, 4, 7, 8, 13]) {
      for (const length of lengths) {
        const expected = crc32cInScript(bytes, start, start + length)
        expect([native.crc32c(bytes, start, start + length), native.crc32cByTable(bytes, start, start + length)], `${length} bytes from ${start}`).toEqual([expected, expected])
      }
    }
  })

  test('the checksum is the same of any range of any bytes', () => {
    fc.assert(fc.property(fc.integer(), fc.nat(70_000), fc.nat(70_000), fc.nat(15), (seed, a, b, shift) => {
      const bytes = bytesFrom(seed, Math.max(a, b) + shift).subarray(shift)
      const [start, end] = [Math.min(a, b), Math.max(a, b)]
      const expected = crc32cInScript(bytes, start, end)
      expect(native.crc32c(bytes, start, end)).toBe(expected)
      expect(native.crc32cByTable(bytes, start, end)).toBe(expected)
    }), { numRuns: 200 })
  })

  test('a stamp writes the same bytes, and none behind the batch', () => {
    const offset = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, LARGEST_OFFSET))
    const epoch = fc.oneof(fc.nat(LARGEST_EPOCH), fc.constantFrom(0, LARGEST_EPOCH))
    fc.assert(fc.property(fc.integer(), fc.integer({ min: layout.HEADER_BYTES, max: 9000 }), fc.nat(100), offset, epoch, (seed, bytes, behind, baseOffset, leaderEpoch) => {
      const ours = bytesFrom(seed, bytes + behind)
      const theirs = Buffer.from(ours)
      native.stamp(ours, bytes, baseOffset, leaderEpoch)
      stampInScript(theirs, bytes, baseOffset, leaderEpoch)
      expect(ours.equals(theirs)).toBe(true)
      expect(ours.readBigUInt64BE(0)).toBe(BigInt(baseOffset))
    }), { numRuns: 500 })
  })

  test('both sides know the same layout', () => {
    const { LOG_OVERHEAD, HEADER_BYTES, LENGTH_AT, LEADER_EPOCH_AT, MAGIC_AT, CRC_AT, CHECKED_FROM, MAGIC } = layout
    expect(native.constants).toMatchObject({
      overheadBytes: LOG_OVERHEAD, headerBytes: HEADER_BYTES, lengthAt: LENGTH_AT, leaderEpochAt: LEADER_EPOCH_AT, magicAt: MAGIC_AT, crcAt: CRC_AT, checkedFrom: CHECKED_FROM, magic: MAGIC,
    })
    const rows = Object.entries(records).map(([name, value]) => [name.toLowerCase().replace(/_./g, match => match.slice(1).toUpperCase()), value])
    expect(native.constants).toMatchObject(Object.fromEntries(rows) as object)
    expect(rows.length).toBe(11)
    expect(Math.log2(native.constants.pageBytes) % 1).toBe(0)
  })

  test('a native part that has another layout is not used, and a named one that is missing is told', async () => {
    const load = join(directory, 'load.cjs')
    bundleForNode(['src/native/load.ts'], load)
    const other = join(directory, 'other.cjs')
    writeFileSync(other, `exports.constants = ${JSON.stringify({ ...native.constants, crcAt: 16 })}`)
    const absence = (file: string) => reportOf(`report(require(${JSON.stringify(load)}).nativeAbsence)`, { environment: { MILLRACE_NATIVE: file } })
    expect(await absence(other)).toBe(`${other} is of another version: crcAt is 16, expected 17`)
    expect(await absence(join(directory, 'none.node'))).toBe(`MILLRACE_NATIVE names ${directory}/none.node, which is not there`)
    expect(await absence(nativeFile!)).toBe('')
  })

  test('what is read from the page cache is what stands in the file, from the beginning on', () => {
    const path = join(directory, 'cached')
    const stored = bytesFrom(3, 300_000)
    writeFileSync(path, stored)
    const fd = openSync(path, 'r')
    fc.assert(fc.property(fc.nat(310_000), fc.nat(310_000), (position, room) => {
      const target = Buffer.alloc(room, 0xaa)
      const filled = native.readCached(fd, target, position)
      expect(filled).toBeLessThanOrEqual(Math.max(0, Math.min(room, stored.length - position)))
      expect(target.subarray(0, filled).equals(stored.subarray(position, position + filled))).toBe(true)
      expect(target.subarray(filled).every(byte => byte === 0xaa)).toBe(true)
    }))
    closeSync(fd)
  })

  // Fields that the checksum does not cover, and that only a reader of the log judges, are left alone.
  const damage = fc.record({ at: fc.nat(), to: fc.nat(255) })
  const length = fc.constantFrom(0, 48, 49, 50, 1000, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 13, 2 ** 32 - 1)

  test('batches are read off the main thread as a walk in script finds them, torn, cut and overlong ones too', async () => {
    const stored = fc.record({
      values: fc.array(fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 5 }), { maxLength: 8 }),
      damages: fc.oneof(fc.constant([]), fc.array(damage, { maxLength: 2 })),
      lengths: fc.oneof(fc.constant([]), fc.array(fc.tuple(fc.nat(7), length), { maxLength: 1 })),
      cut: fc.nat(400), position: fc.oneof(fc.constant(0), fc.nat(3000)), room: fc.oneof(fc.constant(20_000), fc.nat(3000)),
    })
    await fc.assert(fc.asyncProperty(stored, async ({ values, damages, lengths, cut, position, room }) => {
      const batches = values.map((texts, index) => {
        const batch = batchOf(texts)
        stampInScript(batch, batch.length, index * 100, index)
        for (const [which, value] of lengths) if (which === index) batch.writeUInt32BE(value, layout.LENGTH_AT)
        return batch
      })
      const whole = Buffer.concat(batches)
      const bytes = whole.subarray(0, Math.max(0, whole.length - cut))
      for (const { at, to } of damages) if (bytes.length > 0 && !isUnchecked(batches, at % bytes.length)) bytes[at % bytes.length] = to
      const path = join(directory, 'batches')
      writeFileSync(path, bytes)
      const fd = openSync(path, 'r')
      try {
        const target = Buffer.alloc(room, 0xaa)
        const { filled, checked } = await native.readBatches(fd, target, position)
        expect(filled).toBe(Math.max(0, Math.min(room, bytes.length - position)))
        expect(target.subarray(0, filled).equals(bytes.subarray(position, position + filled))).toBe(true)
        expect(target.subarray(filled).every(byte => byte === 0xaa)).toBe(true)
        expect(checked).toBe(walk(target, filled))
      } finally {
        closeSync(fd)
      }
    }), { numRuns: 1000 })
  })
})

/** Base offset and leader epoch: outside the checksum. */
function isUnchecked(batches: readonly Buffer[], position: number): boolean {
  let at = position
  for (const batch of batches) {
    if (at < batch.length) return at < layout.LENGTH_AT || (at >= layout.LEADER_EPOCH_AT && at < layout.MAGIC_AT)
    at -= batch.length
  }
  return false
}

function walk(bytes: Buffer, end: number): number {
  let at = 0
  while (batchFault(bytes, at, end) === undefined) at += batchBytes(bytes, at)
  return at
}
