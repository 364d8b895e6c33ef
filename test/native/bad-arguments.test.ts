// Whatever JavaScript passes to the native part, it is refused before anything is touched. TypeScript keeps its callers
// from most of this; the C must not rely on them.
import { closeSync, constants, fstatSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ROW_WORDS, SEED_BYTES } from '../../src/native/record-layout.ts'
import type { NativePart } from '../../src/native/native-part.ts'
import { native, nativeFile } from './support/native-file.ts'

type Functions = Omit<NativePart, 'constants'>
type Kind = 'number' | 'boolean' | 'bytes' | 'words'

const PAGES = 16 * 4096
const NO_NUMBERS: readonly unknown[] = [undefined, null, '1', '', {}, [], true, Symbol('1'), 1n, Buffer.alloc(9), () => 1, NaN, -1, 0.5, Infinity, -Infinity, 2 ** 53, Number.MAX_VALUE]
const BAD: Readonly<Record<Kind, readonly unknown[]>> = {
  number: NO_NUMBERS,
  boolean: [undefined, null, 0, 1, '', 'true', {}, []],
  bytes: [undefined, null, 0, '1234', [1, 2, 3], { length: 100, buffer: new ArrayBuffer(100) }, new ArrayBuffer(100), Symbol('bytes')],
  words: [undefined, null, 0, [1, 2, 3], new ArrayBuffer(480), Buffer.alloc(480), new Uint32Array(120), new Float64Array(60), new DataView(new ArrayBuffer(480)), new Int32Array(ROW_WORDS - 1)],
}

describe.skipIf(nativeFile === undefined)('bad arguments of native functions', () => {
  let directory: string
  let fd: number
  let window: number
  let preparation: number
  const batch = Buffer.alloc(200, 1)
  const seeds = Buffer.alloc(SEED_BYTES)

  beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'millrace-arguments-')) })
  afterAll(() => { rmSync(directory, { recursive: true, force: true }) })
  beforeEach(() => {
    fd = openSync(join(directory, 'a'), 'w+')
    window = native.grow(fd, 0, PAGES)
    const other = openSync(join(directory, 'b'), 'w+')
    preparation = native.prepare(other, 0, PAGES)
    closeSync(other) // it has a descriptor of its own
  })
  afterEach(() => {
    native.collect(preparation, false)
    native.close(window)
    closeSync(fd)
    expect(native.openWindows()).toBe(0)
  })

  /** A call that is right, and what each argument is. */
  const calls = (): { readonly [Name in keyof Functions]: { readonly good: Parameters<Functions[Name]>; readonly kinds: readonly Kind[] } } => ({
    crc32c: { good: [batch, 0, 200], kinds: ['bytes', 'number', 'number'] },
    crc32cByTable: { good: [batch, 0, 200], kinds: ['bytes', 'number', 'number'] },
    stamp: { good: [batch, 200, 5, 1], kinds: ['bytes', 'number', 'number', 'number'] },
    walkRecords: { good: [batch, 1, seeds, new Int32Array(ROW_WORDS)], kinds: ['bytes', 'number', 'bytes', 'words'] },
    readBatches: { good: [fd, batch, 0], kinds: ['number', 'bytes', 'number'] },
    readCached: { good: [fd, batch, 0], kinds: ['number', 'bytes', 'number'] },
    grow: { good: [fd, 0, PAGES], kinds: ['number', 'number', 'number'] },
    prepare: { good: [fd, 0, PAGES], kinds: ['number', 'number', 'number'] },
    collect: { good: [preparation, true], kinds: ['number', 'boolean'] },
    close: { good: [window], kinds: ['number'] },
    append: { good: [window, 0, batch, 200, 5, 1], kinds: ['number', 'number', 'bytes', 'number', 'number', 'number'] },
    read: { good: [window, 0, batch, 200], kinds: ['number', 'number', 'bytes', 'number'] },
    flock: { good: [fd, true], kinds: ['number', 'boolean'] },
    openWindows: { good: [], kinds: [] },
    guardState: { good: [], kinds: [] },
    installGuard: { good: [], kinds: [] },
  })
  const names = Object.keys(calls()) as (keyof Functions)[]

  function refused(name: keyof Functions, args: readonly unknown[]): void {
    const call = native[name] as (...args: readonly unknown[]) => unknown
    const before = { windows: native.openWindows(), bytes: Buffer.from(batch), file: fstatSync(fd).size }
    expect(() => call(...args), `${name} of ${args.map(value => typeof value === 'object' ? typeof value : String(value)).join(', ')}`).toThrow(TypeError)
    expect(native.openWindows()).toBe(before.windows)
    expect(fstatSync(fd).size).toBe(before.file)
    expect(batch.equals(before.bytes)).toBe(true)
  }

  test('the table of calls has every native function', () => {
    expect(names.sort()).toEqual(Object.keys(native).filter(name => name !== 'constants').sort())
  })

  test.each(names)('%s refuses every argument of another type, out of range, and too few of them', name => {
    const { good, kinds } = calls()[name]
    kinds.forEach((kind, index) => {
      for (const bad of BAD[kind]) refused(name, good.map((value, at) => at === index ? bad : value))
      refused(name, good.slice(0, index))
    })
    expect(readFileSync(fd).every(byte => byte === 0)).toBe(true)
  })

  test('ranges that are empty, begin within a page, or end behind the buffer are refused', () => {
    for (const name of ['grow', 'prepare'] as const) {
      for (const [offset, bytes] of [[0, 0], [1, PAGES], [4095, PAGES], [0, 2 ** 32], [2 ** 52 + 1, PAGES]]) refused(name, [fd, offset, bytes])
    }
    for (const name of ['crc32c', 'crc32cByTable'] as const) for (const range of [[0, 201], [201, 201], [5, 4]]) refused(name, [batch, ...range])
    for (const bytes of [0, 60, 201, 2 ** 32]) {
      refused('stamp', [batch, bytes, 0, 0])
      refused('append', [window, 0, batch, bytes, 0, 0])
    }
    refused('stamp', [batch, 200, 0, 2 ** 31])
    refused('append', [window, 0, batch, 200, 0, 2 ** 31])
    refused('read', [window, 0, batch, 201])
    for (const rows of [0, 1, 2]) refused('walkRecords', [batch, rows + 1, seeds, new Int32Array((rows + 1) * ROW_WORDS - 1)])
    for (const bytes of [0, 15, 17]) refused('walkRecords', [batch, 1, Buffer.alloc(bytes), new Int32Array(ROW_WORDS)])
  })

  test('a range outside the window is refused, and one that just fits is not', () => {
    const second = native.grow(fd, PAGES, PAGES)
    const inside = (position: number, bytes: number) => position >= PAGES && position + bytes <= 2 * PAGES
    const position = fc.oneof(fc.integer({ min: PAGES - 300, max: PAGES + 300 }), fc.integer({ min: 2 * PAGES - 300, max: 2 * PAGES + 300 }), fc.maxSafeNat())
    fc.assert(fc.property(position, fc.integer({ min: 61, max: 200 }), (at, bytes) => {
      if (inside(at, bytes)) {
        expect(native.append(second, at, batch, bytes, 0, 0)).toBe(0)
        expect(native.read(second, at, batch, bytes)).toBe(0)
      } else {
        refused('append', [second, at, batch, bytes, 0, 0])
        refused('read', [second, at, batch, bytes])
      }
    }), { numRuns: 1000 })
    native.close(second)
  })

  test('closed windows, preparations taken for windows, and numbers that were never given are refused', () => {
    const closed = native.grow(fd, 0, PAGES)
    native.close(closed)
    const reopened = native.grow(fd, 0, PAGES)
    const collected = native.prepare(fd, 0, PAGES)
    const made = native.collect(collected, true)
    const refuseAsWindow = (number: unknown): void => {
      refused('append', [number, 0, batch, 200, 0, 0])
      refused('read', [number, 0, batch, 200])
      refused('close', [number])
    }
    for (const number of [closed, collected, preparation]) refuseAsWindow(number)
    for (const number of [closed, collected, window]) refused('collect', [number, true])
    fc.assert(fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(100_000)), number => {
      if ([window, reopened, made].includes(number)) return
      refuseAsWindow(number)
      if (number !== preparation) refused('collect', [number, false])
    }), { numRuns: 1000 })
    native.close(reopened)
    if (made > 0) native.close(made)
  })

  test("another worker's windows are refused, and its own go on", async () => {
    const worker = new Worker(`
      const { parentPort, workerData: { nativeFile, path } } = require('node:worker_threads')
      const fs = require('node:fs')
      const native = require(nativeFile)
      const fd = fs.openSync(path, 'r+')
      const windows = Array.from({ length: 5 }, () => native.grow(fd, 0, 65536))
      parentPort.on('message', ours => {
        const refusals = ours.map(number => { try { native.close(number) } catch (error) { return error instanceof TypeError } })
        parentPort.postMessage({ refusals, open: native.openWindows() })
        parentPort.close()
      })
      parentPort.postMessage(windows)
    `, { eval: true, workerData: { nativeFile, path: join(directory, 'a') } })
    const exited = once(worker, 'exit')
    const [theirs] = await once(worker, 'message') as [number[]]
    for (const number of theirs) refused('close', [number])
    worker.postMessage([window])
    expect(await once(worker, 'message')).toEqual([{ refusals: [true], open: 5 }])
    await exited
  })

  test('a detached buffer is an empty one', async () => {
    const detached = new Uint8Array(200)
    structuredClone(null, { transfer: [detached.buffer] })
    expect(native.crc32c(detached, 0, 0)).toBe(0)
    expect(native.crc32cByTable(detached, 0, 0)).toBe(0)
    expect(native.read(window, 0, detached, 0)).toBe(0)
    expect(native.readCached(fd, detached, 0)).toBe(0)
    expect(await native.readBatches(fd, detached, 0)).toEqual({ filled: 0, checked: 0 })
    const rows = new Int32Array(ROW_WORDS)
    structuredClone(null, { transfer: [rows.buffer] })
    expect([0, 1].map(count => native.walkRecords(detached, count, seeds, count === 0 ? rows : new Int32Array(ROW_WORDS)))).toEqual([true, false])
    refused('walkRecords', [batch, 1, seeds, rows])
    refused('crc32c', [detached, 0, 1])
    refused('stamp', [detached, 61, 0, 0])
    refused('append', [window, 0, detached, 61, 0, 0])
    refused('read', [window, 0, detached, 1])
  })

  test('a buffer that was resized is as long as it is now', () => {
    const resizable = new (ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer & { resize(bytes: number): void })(200, { maxByteLength: 400 })
    const following = new Uint8Array(resizable)
    const fixed = new Uint8Array(resizable, 0, 150)
    resizable.resize(100)
    for (const view of [following, fixed]) {
      refused('crc32c', [view, 0, 101])
      refused('append', [window, 0, view, 101, 0, 0])
      refused('read', [window, 0, view, 101])
    }
    resizable.resize(400)
    expect(native.read(window, 0, following, 400)).toBe(0)
    refused('read', [window, 0, following, 401])
    refused('read', [window, 0, fixed, 151])
  })

  test('what the operating system refuses is a negative errno, and leaves nothing open', async () => {
    const before = native.openWindows()
    const readOnly = openSync(join(directory, 'a'), constants.O_RDONLY)
    const folder = openSync(directory, constants.O_RDONLY)
    const shut = openSync(join(directory, 'a'), 'r')
    closeSync(shut)
    const EBADF = -9
    expect(native.grow(readOnly, 0, PAGES)).toBe(EBADF)
    expect(native.grow(folder, 0, PAGES)).toBeLessThan(0)
    expect(native.grow(shut, 0, PAGES)).toBe(EBADF)
    expect(native.prepare(shut, 0, PAGES)).toBe(EBADF)
    expect(native.flock(shut, true)).toBe(EBADF)
    expect(await native.readBatches(shut, batch, 0)).toEqual({ filled: EBADF, checked: 0 })
    expect((await native.readBatches(folder, batch, 0)).filled).toBeLessThan(0)
    expect([native.readCached(shut, batch, 0), native.readCached(folder, batch, 0)]).toEqual([0, 0])
    // Beyond what any file may hold.
    expect(native.grow(fd, 2 ** 53 - 4096, PAGES)).toBeLessThan(0)
    expect(native.openWindows()).toBe(before)
    closeSync(readOnly)
    closeSync(folder)
  })

  test('a thread has 4096 windows, the next is refused, and closed ones can be had again', () => {
    const small = Array.from({ length: 4096 - native.openWindows() }, () => native.grow(fd, 0, 4096))
    expect(small.every(number => number > 0)).toBe(true)
    const ENOMEM = -12
    expect([native.grow(fd, 0, 4096), native.prepare(fd, 0, 4096)]).toEqual([ENOMEM, ENOMEM])
    for (const number of small) native.close(number)
    expect(new Set(small).size).toBe(small.length)
  })

  test('a file that was cut and grown under a window is zeros there, and takes appends again', () => {
    writeSync(fd, Buffer.alloc(PAGES, 9), 0, PAGES, 0)
    ftruncateSync(fd, 0)
    ftruncateSync(fd, PAGES)
    const found = Buffer.alloc(200, 1)
    expect(native.read(window, 0, found, 200)).toBe(0)
    expect(found.every(byte => byte === 0)).toBe(true)
    expect(native.append(window, 0, batch, 200, 5, 1)).toBe(0)
    expect(readFileSync(join(directory, 'a')).subarray(0, 200).equals(batch)).toBe(true)
  })
})
