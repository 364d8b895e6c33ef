// Mapped appends as the file on the disk shows them. What every File promises is in test/contract/file-system.test.ts;
// disks that fill up, snapshots and foreign hands at scale are in `npm run torture -- disks`.
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StorageError } from '../../src/base/errors.ts'
import { nativePart } from '../../src/native/load.ts'
import type { NativePart } from '../../src/native/native-part.ts'
import { stampInScript } from '../../src/native/stamp.ts'
import { WindowLimit } from '../../src/platform/append-window.ts'
import { DescriptorCache } from '../../src/platform/descriptor-cache.ts'
import type { File } from '../../src/platform/file-system.ts'
import { MappedFileSystem } from '../../src/platform/mapped-file-system.ts'
import { batchOf } from './support/batches.ts'

describe.skipIf(nativePart === undefined || process.platform !== 'linux')('a mapped file', () => {
  const native = nativePart!
  let directory: string
  let files = 0

  beforeAll(() => {
    native.installGuard()
    directory = mkdtempSync(`${tmpdir()}/millrace-mapped-`)
  })
  afterAll(() => { rmSync(directory, { recursive: true, force: true }) })

  function create(windows = new WindowLimit()): { file: File; path: string } {
    const path = `${directory}/${files++}.log`
    return { file: new MappedFileSystem(new DescriptorCache(), 'for a test', native, windows).open(path, 'create'), path }
  }

  /** Appends batches of the sizes one behind the other, and returns the bytes that must be in the file then. */
  function fill(file: File, sizes: readonly number[], from = 0): Buffer {
    let position = from
    return Buffer.concat(sizes.map((bytes, index) => {
      const batch = batchOf(bytes)
      file.append(batch, bytes, position, index, 3)
      position += bytes
      const expected = batchOf(bytes)
      stampInScript(expected, bytes, index, 3)
      return expected
    }))
  }

  const allSizes = [61, 100, 4096, 65_536, 70_000, 300_000, 61, 5_000_000, 1_000_000, 200]

  test('holds the same bytes as plain writes, across every step of its growth, and ends with them once it is trimmed', () => {
    const { file, path } = create()
    const sizes = [...allSizes, ...Array.from({ length: 3000 }, (_, i) => 61 + i % 5000)]
    const expected = fill(file, sizes)
    expect(readFileSync(path).subarray(0, expected.length).equals(expected)).toBe(true)
    expect(file.trim(expected.length)).toBe(true)
    expect(statSync(path).size).toBe(expected.length)
    file.close()
    expect(readFileSync(path).equals(expected)).toBe(true)
  })

  test('grows from 64 KiB on and never by more than 4 MiB beyond what is written', () => {
    const { file, path } = create()
    fill(file, [100])
    expect(statSync(path).size).toBeLessThanOrEqual(64 * 1024)
    let position = 100
    while (position < 40_000_000) {
      file.append(batchOf(5000), 5000, position, 0, 0)
      position += 5000
      expect(statSync(path).size - position).toBeLessThanOrEqual(2 * 4 * 1024 * 1024)
    }
    file.close()
  })

  test('has nothing mapped or prepared after trim, truncate and close', () => {
    const before = native.openWindows()
    for (const end of [(file: File) => file.trim(100), (file: File) => { file.truncate(100) }, (file: File) => { file.close() }]) {
      const { file } = create()
      fill(file, [4000, 1000])
      expect(native.openWindows()).toBeGreaterThan(before)
      end(file)
      expect(native.openWindows()).toBe(before)
      file.close()
    }
  })

  test('nothing is read of it into no room, mapped or not', () => {
    const { file } = create()
    const nowhere = (): number[] => [0, 50, 100_000].map(position => file.read(new Uint8Array(0), position))
    expect(nowhere()).toEqual([0, 0, 0])
    fill(file, [100])
    expect(nowhere()).toEqual([0, 0, 0])
    file.close()
  })

  test('goes on where it was cut', () => {
    const { file, path } = create()
    const kept = fill(file, [1000, 2000]).subarray(0, 1000)
    file.truncate(1000)
    expect(statSync(path).size).toBe(1000)
    const next = fill(file, [500], 1000)
    expect(readFileSync(path).subarray(0, 1500).equals(Buffer.concat([kept, next]))).toBe(true)
    file.close()
  })

  test('makes no room beyond the length that it is expected to get, and none at all where that is short', () => {
    const { file, path } = create()
    file.expectBytes(1024 * 1024)
    for (let position = 0; position < 1_040_000; position += 5000) file.append(batchOf(5000), 5000, position, 0, 0)
    expect(statSync(path).size).toBe(1024 * 1024)
    file.append(batchOf(100_000), 100_000, 1_040_000, 0, 0)
    expect(statSync(path).size).toBeGreaterThanOrEqual(1_140_000)
    file.close()
    const short = create()
    short.file.expectBytes(64 * 1024)
    fill(short.file, [100, 200])
    expect(statSync(short.path).size).toBe(300)
    short.file.close()
  })

  test('a large batch is written plainly, and so is one behind it: only small ones in a row are mapped', () => {
    const { file, path } = create()
    const large = 10_000
    const sizes = [large, 100, large, 100, large, large]
    const expected = [fill(file, sizes)]
    expect(statSync(path).size).toBe(expected[0]!.length)
    expected.push(fill(file, [100, 200], expected[0]!.length))
    expect(statSync(path).size).toBeGreaterThan(64 * 1024)
    const bytes = Buffer.concat(expected)
    expect(readFileSync(path).subarray(0, bytes.length).equals(bytes)).toBe(true)
    file.close()
  })

  test('a file that is synced every few appends is written plainly, and mapped again when the syncs grow rare', async () => {
    let copies = 0
    const counting: NativePart = { ...native, append: (...given) => { copies++; return native.append(...given) } }
    const file = new MappedFileSystem(new DescriptorCache(), 'for a test', counting).open(`${directory}/synced.log`, 'create')
    let position = 0
    const append = (count: number): void => {
      for (let i = 0; i < count; i++, position += 100) file.append(batchOf(100), 100, position, i, 0)
    }
    const copiesOf = (count: number): number => {
      const before = copies
      append(count)
      return copies - before
    }
    expect(copiesOf(3)).toBe(3)
    await file.sync()
    expect(copiesOf(3)).toBe(0)
    await file.sync()
    expect(copiesOf(100)).toBeGreaterThan(80)
    await file.sync()
    expect(copiesOf(100)).toBe(100)
    file.close()
  })

  test('the windows of a process are bounded: one that is not used gives way, and where all are in use a newcomer is written plainly', () => {
    const windows = new WindowLimit(3)
    const opened = Array.from({ length: 8 }, () => create(windows))
    const isMapped = opened.map(({ path }) => () => statSync(path).size >= 64 * 1024)
    for (let round = 0; round < 20; round++) {
      for (const { file } of opened) file.append(batchOf(100), 100, round * 100, round, 0)
      expect(windows.openCount).toBe(3)
    }
    expect(isMapped.map(asked => asked())).toEqual([true, true, true, false, false, false, false, false])
    for (let round = 20; round < 120; round++) opened[7]!.file.append(batchOf(100), 100, round * 100, round, 0)
    expect([isMapped[7]!(), windows.openCount]).toEqual([true, 3])
    for (const { file, path } of opened) {
      expect(readFileSync(path).readBigUInt64BE(1900)).toBe(19n)
      file.close()
    }
    expect(windows.openCount).toBe(0)
  })

  test('an append to a file that somebody else has cut is refused, and leaves no hole', () => {
    const { file, path } = create()
    fill(file, [10_000, 1000])
    truncateSync(path, 500)
    const refused = failureOf(() => { file.append(batchOf(100), 100, 11_000, 2, 0) })
    expect(refused).toMatchObject({ code: 'FILE_CUT', details: { path, expectedBytes: 11_000, bytes: 500 } })
    expect(statSync(path).size).toBe(500)
    file.close()
  })

  test('a file that somebody else has deleted is refused when it grows, and when it is synced', async () => {
    const { file, path } = create()
    fill(file, [100])
    unlinkSync(path)
    await expect(file.sync()).rejects.toMatchObject({ name: 'StorageError', code: 'FILE_DELETED' })
    expect(failureOf(() => { fill(file, Array<number>(20).fill(5000), 100) })).toMatchObject({ code: 'FILE_DELETED' })
    file.close()
  })

  function failureOf(work: () => void): StorageError {
    try {
      work()
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError)
      return error as StorageError
    }
    throw new Error('it was not refused')
  }
})
