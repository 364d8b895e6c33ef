// What every FileSystem promises (the header of src/platform/file-system.ts), asked of real files and of the
// simulated disk: plain, as `memory:` logs use it, and with history and a seeded order.
import { mkdtempSync, rmSync, truncateSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConflictError, MillraceError, NotFoundError, StorageError, UsageError } from '../../src/base/errors.ts'
import { MAGIC, MAGIC_AT, setBatchBytes } from '../../src/format/record-batch.ts'
import { nativePart } from '../../src/native/load.ts'
import type { NativePart } from '../../src/native/native-part.ts'
import { WindowLimit } from '../../src/platform/append-window.ts'
import { DescriptorCache } from '../../src/platform/descriptor-cache.ts'
import { join, type FileSystem } from '../../src/platform/file-system.ts'
import { MappedFileSystem } from '../../src/platform/mapped-file-system.ts'
import { NodeFileSystem } from '../../src/platform/node-file-system.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'

const KINDS: Record<string, () => FileSystem> = {
  'plain files': () => new NodeFileSystem(new DescriptorCache()),
  'plain files, two descriptors': () => new NodeFileSystem(new DescriptorCache(2)),
  ...nativePart === undefined ? {} : mappedKinds(nativePart),
  'memory': () => new SimulatedFileSystem({ history: false }),
  'memory, with room made ahead': () => new SimulatedFileSystem({ history: false, roomBytes: 4096 }),
  'simulated disk': () => new SimulatedFileSystem({ seed: 7 }),
}

function mappedKinds(native: NativePart): typeof KINDS {
  native.installGuard()
  return {
    'mapped files': () => new MappedFileSystem(new DescriptorCache(), 'for a test', native),
    'mapped files, two descriptors and one window': () => new MappedFileSystem(new DescriptorCache(2), 'for a test', native, new WindowLimit(1)),
  }
}

/** As long as it says, of version 2. */
function emptyBatch(size: number): Buffer {
  const batch = Buffer.alloc(size)
  setBatchBytes(batch, 0, size)
  batch[MAGIC_AT] = MAGIC
  return batch
}

const bytes = (text: string): Buffer => Buffer.from(text)

describe.each(Object.entries(KINDS))('%s', (_name, make) => {
  const isOnDisk = make().kind !== 'memory'
  let fs: FileSystem
  let directory: string
  let cleanUp: () => void

  beforeEach(() => {
    fs = make()
    if (fs.kind !== 'memory') {
      const made = mkdtempSync(`${tmpdir()}/millrace-contract-`)
      directory = made
      cleanUp = () => { rmSync(made, { recursive: true, force: true }) }
    } else {
      directory = '/data'
      fs.makeDirectory(directory)
      cleanUp = () => undefined
    }
  })
  afterEach(() => { cleanUp() })

  const path = (name: string): string => join(directory, name)

  function put(name: string, text: string): void {
    const file = fs.open(path(name), 'create')
    file.write(bytes(text), 0)
    file.close()
  }

  function get(name: string): string {
    const file = fs.open(path(name), 'read')
    const content = Buffer.alloc(file.bytes())
    const count = file.read(content, 0)
    file.close()
    return content.toString('utf8', 0, count)
  }

  function failureOf(work: () => unknown): MillraceError {
    try {
      work()
    } catch (error) {
      if (error instanceof MillraceError) return error
      throw error
    }
    throw new Error('nothing was thrown')
  }

  test('what was read of batches counts as checked as far as they are whole and their checksums hold, or not at all', async () => {
    const file = fs.open(path('a'), 'create')
    const sizes = [100, 61, 5000]
    let end = 0
    for (const size of sizes) {
      file.append(emptyBatch(size), size, end, end, 0)
      end += size
    }
    const target = Buffer.alloc(end)
    const whole = await file.readBatches(target, 0)
    expect(whole.filled).toBe(end)
    expect([0, end]).toContain(whole.checked)
    const cut = await file.readBatches(target.subarray(0, 200), 0)
    expect(cut.filled).toBe(200)
    expect([0, 161]).toContain(cut.checked)
    file.write(Buffer.from([1]), 160)
    const damaged = await file.readBatches(target, 0)
    expect([0, 100]).toContain(damaged.checked)
    expect(damaged.filled === end && target[160] === 1).toBe(true)
    file.close()
  })

  if (isOnDisk) {
    test('a sync tells that somebody else has cut or deleted a file that was appended to', async () => {
      for (const [name, harm, code] of [['cut', (file: string) => { truncateSync(file, 50) }, 'FILE_CUT'], ['deleted', unlinkSync, 'FILE_DELETED']] as const) {
        const file = fs.open(path(name), 'create')
        file.append(emptyBatch(100), 100, 0, 0, 0)
        await file.sync()
        harm(path(name))
        await expect(file.sync()).rejects.toMatchObject({ name: 'StorageError', code, details: { path: path(name) } })
        file.close()
      }
    })
  }

  test('what is in memory is read without waiting, from its beginning on, or not at all', () => {
    const file = fs.open(path('a'), 'create')
    file.write(Buffer.alloc(50_000, 'abcdefg'), 0)
    for (const position of [0, 49_990, 50_000, 60_000]) {
      const target = Buffer.alloc(100, 0xff)
      const filled = file.readCached(target, position)
      expect(filled).toBeLessThanOrEqual(Math.max(0, 50_000 - position))
      const expected = Buffer.alloc(100)
      file.read(expected, position)
      expect(target.subarray(0, filled).equals(expected.subarray(0, filled))).toBe(true)
      expect(target.subarray(filled).every(byte => byte === 0xff)).toBe(true)
    }
    file.close()
  })

  test('what was written is read back, across chunks and by parts', async () => {
    const file = fs.open(path('a'), 'create')
    const content = Buffer.alloc(200_001, 'abcdefg')
    for (let at = 0; at < content.length; at += 997) file.write(content.subarray(at, at + 997), at)
    expect(file.bytes()).toBe(content.length)
    const whole = Buffer.alloc(content.length)
    expect(file.read(whole, 0)).toBe(content.length)
    expect(whole.equals(content)).toBe(true)
    const part = Buffer.alloc(70_000)
    expect(await file.readLater(part, 60_001)).toBe(70_000)
    expect(part.equals(content.subarray(60_001, 130_001))).toBe(true)
  })

  test('a read ends at the end of the file and leaves the rest of its target alone', async () => {
    put('a', 'hello')
    const file = fs.open(path('a'), 'read')
    const target = Buffer.alloc(8, '.')
    expect(file.read(target, 2)).toBe(3)
    expect(target.toString()).toBe('llo.....')
    expect(file.read(target, 5)).toBe(0)
    expect(file.read(target, 500)).toBe(0)
    expect(await file.readLater(target, 4)).toBe(1)
    expect(await file.readLater(target, 9)).toBe(0)
  })

  test('a write inside the file replaces bytes and a write at its end extends it', () => {
    put('a', 'hello')
    const file = fs.open(path('a'), 'write')
    file.write(bytes('EL'), 1)
    file.write(bytes(' world'), 5)
    file.write(bytes(''), 11)
    expect(get('a')).toBe('hELlo world')
  })

  test('the source of a write may be reused at once', () => {
    const file = fs.open(path('a'), 'create')
    const source = bytes('one')
    file.write(source, 0)
    source.fill('x')
    file.write(source, 3)
    expect(get('a')).toBe('onexxx')
  })

  test('truncate cuts, and what grows again after a cut is not the old bytes', () => {
    put('a', 'hello')
    const file = fs.open(path('a'), 'write')
    file.truncate(2)
    expect(get('a')).toBe('he')
    file.truncate(4)
    expect(get('a')).toBe('he\0\0')
  })

  test("'create' refuses a file that exists", () => {
    put('a', '1')
    expect(failureOf(() => fs.open(path('a'), 'create'))).toBeInstanceOf(ConflictError)
    expect(get('a')).toBe('1')
  })

  test.each(['write', 'read'] as const)("'%s' refuses a file that is absent", mode => {
    const failure = failureOf(() => fs.open(path('a'), mode))
    expect(failure).toBeInstanceOf(NotFoundError)
    expect(failure).toMatchObject({ code: 'NO_SUCH_FILE', details: { path: path('a'), operation: 'open', errno: 'ENOENT' } })
    expect(failure.cause).toBeInstanceOf(Error)
  })

  test("a file opened with 'read' can't be changed", () => {
    put('a', 'hello')
    const file = fs.open(path('a'), 'read')
    expect(failureOf(() => { file.write(bytes('x'), 0) })).toBeInstanceOf(StorageError)
    expect(failureOf(() => { file.truncate(0) })).toBeInstanceOf(StorageError)
    expect(get('a')).toBe('hello')
  })

  test('a file is used again after close', async () => {
    const file = fs.open(path('a'), 'create')
    file.write(bytes('hello'), 0)
    const synced = file.sync()
    file.close()
    await synced
    file.close()
    file.write(bytes('J'), 0)
    await file.sync()
    file.syncNow()
    expect(get('a')).toBe('Jello')
  })

  test('names are listed in order, and stat tells files from directories', () => {
    put('b', '22')
    put('a', '1')
    fs.makeDirectory(path('c'))
    expect(fs.list(directory)).toEqual(['a', 'b', 'c'])
    expect(fs.stat(path('b'))).toMatchObject({ kind: 'file', bytes: 2 })
    expect(fs.stat(path('b'))?.modifiedMs).toBeGreaterThan(Date.now() - 60_000)
    expect(fs.stat(path('c'))).toMatchObject({ kind: 'directory' })
    expect(fs.stat(path('d'))).toBeUndefined()
  })

  test('makeDirectory makes parents, is content with what is there, and refuses a file in the way', () => {
    fs.makeDirectory(path('x/y/z'))
    fs.makeDirectory(path('x/y/z'))
    expect(fs.stat(path('x/y/z'))).toMatchObject({ kind: 'directory' })
    put('a', '1')
    for (const name of ['a', 'a/b']) expect(failureOf(() => { fs.makeDirectory(path(name)) })).toMatchObject({ code: 'NOT_A_DIRECTORY' })
    expect(failureOf(() => { fs.makeDirectory(path('a')) })).toBeInstanceOf(UsageError)
  })

  test('rename replaces its target, and Files follow names', () => {
    put('a', 'old')
    put('b', 'new')
    const a = fs.open(path('a'), 'read')
    const b = fs.open(path('b'), 'read')
    fs.rename(path('b'), path('a'))
    const target = Buffer.alloc(3)
    expect(a.read(target, 0)).toBe(3)
    expect(target.toString()).toBe('new')
    expect(failureOf(() => b.read(target, 0))).toBeInstanceOf(NotFoundError)
    expect(fs.list(directory)).toEqual(['a'])
  })

  test('renaming a directory moves what is in it', () => {
    fs.makeDirectory(path('x'))
    put('x/a', 'content')
    const old = fs.open(path('x/a'), 'read')
    fs.rename(path('x'), path('y'))
    expect(get('y/a')).toBe('content')
    expect(failureOf(() => old.bytes())).toBeInstanceOf(NotFoundError)
  })

  test('rename of what is absent is a NotFoundError', () => {
    expect(failureOf(() => { fs.rename(path('a'), path('b')) })).toBeInstanceOf(NotFoundError)
  })

  test('the real path of what is there, and of what is not, lies on the same device and is its own real path', () => {
    put('a', 'one')
    const real = fs.realPath(directory)
    for (const name of ['a', 'absent', 'absent/deep']) expect(fs.realPath(path(name))).toBe(join(real, name))
    expect(fs.realPath(real)).toBe(real)
    expect(fs.stat(path('a'))!.device).toBe(fs.stat(directory)!.device)
  })

  test('a file with two names is one file: what is written under one is read under the other', async () => {
    put('a', 'one')
    fs.makeDirectory(path('x'), { sync: false })
    expect(fs.link(path('a'), path('x/b'))).toBe(true)
    const a = fs.open(path('a'), 'write')
    a.write(bytes('and two'), 3)
    await a.sync()
    a.close()
    await fs.syncDirectory(path('x'))
    await fs.syncDirectory(directory)
    expect(get('x/b')).toBe('oneand two')
    const b = fs.open(path('x/b'), 'write')
    b.truncate(2)
    b.close()
    expect(get('a')).toBe('on')
  })

  test('removing or replacing one of two names leaves the other with its bytes', () => {
    for (const name of ['a', 'b']) {
      put(name, `content of ${name}`)
      fs.link(path(name), path(`${name}2`))
    }
    put('c', 'new')
    fs.remove(path('a'))
    fs.rename(path('c'), path('b'))
    expect(fs.list(directory)).toEqual(['a2', 'b', 'b2'])
    expect(['a2', 'b', 'b2'].map(get)).toEqual(['content of a', 'new', 'content of b'])
  })

  test('link replaces nothing, and needs a file', () => {
    put('a', 'one')
    put('b', 'other')
    expect(failureOf(() => fs.link(path('a'), path('b')))).toMatchObject({ code: 'FILE_EXISTS' })
    expect(get('b')).toBe('other')
    expect(failureOf(() => fs.link(path('absent'), path('c')))).toBeInstanceOf(NotFoundError)
    expect(failureOf(() => fs.link(path('a'), path('absent/a')))).toBeInstanceOf(NotFoundError)
  })

  test('removing twice is as good as once, and a removed file is gone for those who hold it', () => {
    put('a', '1')
    const file = fs.open(path('a'), 'read')
    fs.remove(path('a'))
    fs.remove(path('a'))
    expect(fs.list(directory)).toEqual([])
    expect(failureOf(() => file.bytes())).toBeInstanceOf(NotFoundError)
  })

  test('removeDirectory takes an empty directory, nothing else', () => {
    fs.makeDirectory(path('x'))
    put('x/a', '1')
    expect(failureOf(() => { fs.removeDirectory(path('x')) })).toMatchObject({ code: 'DIRECTORY_NOT_EMPTY' })
    fs.remove(path('x/a'))
    fs.removeDirectory(path('x'))
    fs.removeDirectory(path('x'))
    expect(fs.list(directory)).toEqual([])
  })

  test('directories can be synced, absent ones are a NotFoundError', async () => {
    put('a', '1')
    await fs.syncDirectory(directory)
    fs.syncDirectoryNow(directory)
    await expect(fs.syncDirectory(path('x'))).rejects.toBeInstanceOf(NotFoundError)
    expect(failureOf(() => fs.list(path('x')))).toBeInstanceOf(NotFoundError)
  })

  test('many syncs and reads at once all resolve', async () => {
    const files = Array.from({ length: 40 }, (_, index) => fs.open(path(`f${index}`), 'create'))
    files.forEach((file, index) => { file.write(bytes(String(index)), 0) })
    const target = files.map(() => Buffer.alloc(2))
    const syncs = files.map(file => file.sync())
    const reads = files.map((file, index) => file.readLater(target[index] ?? Buffer.alloc(0), 0))
    files.forEach(file => { file.close() })
    await Promise.all(syncs)
    expect(await Promise.all(reads)).toEqual(files.map((_, index) => String(index).length))
  })

  test('jobs return what their work returns, or throws', async () => {
    expect(await fs.jobs.run(() => 1)).toBe(1)
    expect(await fs.jobs.run(async () => 2)).toBe(2)
    await expect(fs.jobs.run(() => { throw new TypeError('mine') })).rejects.toThrow('mine')
  })

  test('a directory is locked once, and again after release', () => {
    const lock = fs.lock(directory)
    expect(failureOf(() => fs.lock(directory))).toBeInstanceOf(ConflictError)
    expect(failureOf(() => fs.lock(directory))).toMatchObject({ code: 'LOCKED', details: { pid: process.pid } })
    expect(failureOf(() => fs.lock(directory)).message).toContain('this process')
    lock.release()
    lock.release()
    fs.lock(directory).release()
    expect(fs.list(directory)).toEqual(['.lock'])
  })

  test('the next holder reads the note, and the boot only once it was claimed', () => {
    const first = fs.lock(directory)
    expect(first).toMatchObject({ earlierNote: '', earlierBootId: null })
    first.write('a rather long note about a poisoned partition', { claimBoot: false })
    first.release()
    const second = fs.lock(directory)
    expect(second).toMatchObject({ earlierNote: 'a rather long note about a poisoned partition', earlierBootId: null })
    second.release()
    const third = fs.lock(directory)
    expect(third.earlierNote).toBe('a rather long note about a poisoned partition')
    third.write('short\nof "two" lines', { claimBoot: true })
    third.write('short\nof "two" lines', { claimBoot: false })
    third.release()
    const fourth = fs.lock(directory)
    expect(fourth).toMatchObject({ earlierNote: 'short\nof "two" lines', earlierBootId: fs.bootId })
    fourth.release()
  })

  test('a directory that is absent is not locked', () => {
    expect(failureOf(() => fs.lock(path('x')))).toBeInstanceOf(NotFoundError)
  })
})
