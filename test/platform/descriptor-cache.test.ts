import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DescriptorCache, FileSlot, WRITE_FLAGS } from '../../src/platform/descriptor-cache.ts'
import { bundleForNode } from './support/bundle.ts'

const onLinux = test.skipIf(process.platform !== 'linux') // they look into /proc
let directory: string
beforeEach(() => { directory = mkdtempSync(`${tmpdir()}/millrace-descriptors-`) })
afterEach(() => { rmSync(directory, { recursive: true, force: true }) })

function slot(name: string): FileSlot {
  writeFileSync(`${directory}/${name}`, name)
  return new FileSlot(`${directory}/${name}`, WRITE_FLAGS)
}

const isOpen = (...slots: FileSlot[]): boolean[] => slots.map(each => each.descriptor !== undefined)

test('no more files are open than the limit, and the longest unused goes first', () => {
  const cache = new DescriptorCache(2)
  const [a, b, c] = [slot('a'), slot('b'), slot('c')]
  cache.use(a)
  cache.use(b)
  cache.use(a)
  cache.use(c)
  expect(isOpen(a, b, c)).toEqual([true, false, true])
  expect(cache.openCount).toBe(2)
})

test('files without unsynced writes go before those that have some', () => {
  const cache = new DescriptorCache(2)
  const [a, b, c, d] = [slot('a'), slot('b'), slot('c'), slot('d')]
  cache.use(a)
  a.unsynced = true
  cache.use(b)
  cache.use(c)
  expect(isOpen(a, b, c)).toEqual([true, false, true])
  c.unsynced = true
  cache.use(d)
  expect(isOpen(a, b, c, d)).toEqual([false, false, true, true])
})

onLinux('a descriptor that is in use off the main thread is neither evicted nor closed', async () => {
  const cache = new DescriptorCache(2)
  const [a, b, c, d] = [slot('a'), slot('b'), slot('c'), slot('d')]
  let finish = (): void => undefined
  let borrowed = -1
  const work = cache.borrow(a, fd => new Promise<void>(resolve => { borrowed = fd; finish = resolve }))
  for (const each of [b, c, d]) cache.use(each)
  expect(isOpen(a, b, c, d)).toEqual([true, false, false, true])
  cache.close(a)
  expect(a.descriptor?.fd).toBe(borrowed)
  cache.forget(a.path)
  expect(openDescriptors()).toContain(a.path)
  finish()
  await work
  expect(openDescriptors()).not.toContain(a.path)
})

test('a file that is closed while work is under way is closed when that ends, and can be used again', async () => {
  const cache = new DescriptorCache(4)
  const a = slot('a')
  const work = [1, 2, 3].map(() => cache.borrow(a, () => Promise.resolve()))
  cache.close(a)
  expect(isOpen(a)).toEqual([true])
  await Promise.all(work)
  expect(isOpen(a)).toEqual([false])
  expect(cache.openCount).toBe(0)
  expect(cache.use(a)).toBeGreaterThan(2)
})

test('work off the main thread waits its turn beyond half of the limit', async () => {
  const cache = new DescriptorCache(4)
  const finishes: (() => void)[] = []
  let running = 0
  const work = ['a', 'b', 'c', 'd', 'e'].map(name => cache.borrow(slot(name), () => new Promise<void>(resolve => {
    running++
    finishes.push(() => { running--; resolve() })
  })))
  expect(running).toBe(2)
  while (finishes.length > 0) {
    expect(running).toBeLessThanOrEqual(2)
    finishes.shift()?.()
    await new Promise(resolve => { setImmediate(resolve) })
  }
  await Promise.all(work)
})

onLinux('work that fails gives its descriptor and its turn back', async () => {
  const cache = new DescriptorCache(2)
  const a = slot('a')
  for (let round = 0; round < 5; round++) await expect(cache.borrow(a, () => Promise.reject(new TypeError('mine')))).rejects.toThrow('mine')
  cache.close(a)
  expect(openDescriptors()).not.toContain(a.path)
})

test('a failing close is told to the file that it belongs to', () => {
  const cache = new DescriptorCache(1)
  const [a, b] = [slot('a'), slot('b')]
  closeSync(cache.use(a))
  cache.use(b)
  expect(() => cache.use(a)).toThrow(/cannot close .*\/a/)
})

// The limits are the process's, so these run in one of their own.
function inChild(limits: string, script: string): string {
  const bundle = `${directory}/library.cjs`
  bundleForNode(['src/platform/node-file-system.ts', 'src/platform/descriptor-cache.ts'], bundle)
  const code = `const { NodeFileSystem, DescriptorCache } = require(${JSON.stringify(bundle)}); const disk = new NodeFileSystem(new DescriptorCache()); const directory = ${JSON.stringify(directory)}; ${script}`
  return execFileSync('/bin/sh', ['-c', `ulimit ${limits}; exec "$0" -e "$1"`, process.execPath, code], { encoding: 'utf8' }).trim()
}

test.skipIf(process.platform === 'win32')('3,000 files work and sync side by side where a process may open 256', () => {
  expect(inChild('-n 256', `
    const files = Array.from({ length: 3000 }, (_, index) => disk.open(directory + '/f' + index, 'create'))
    files.forEach((file, index) => file.write(Buffer.from(String(index)), 0))
    Promise.all(files.slice(0, 600).map(file => file.sync())).then(() => {
      const target = Buffer.alloc(4)
      console.log(files.every((file, index) => target.toString('utf8', 0, file.read(target, 0)) === String(index)))
    })`)).toBe('true')
}, 60_000)

test.skipIf(process.platform === 'win32')('when the process has no descriptor left some are given back, and only then is it a LimitError', () => {
  expect(inChild('-n 64', `
    const fs = new NodeFileSystem(new DescriptorCache(1000))
    const names = Array.from({ length: 200 }, (_, index) => directory + '/g' + index)
    names.forEach(name => fs.open(name, 'create'))
    fs.syncDirectoryNow(directory)
    const { openSync } = require('node:fs')
    const theirs = []
    try { for (;;) theirs.push(openSync(directory, 'r')) } catch {}
    console.log(fs.list(directory).length > 200, fs.open(names[0], 'read').bytes())
    fs.rename(names[0], names[1])
    try { for (;;) theirs.push(openSync(directory, 'r')) } catch {}
    const none = new NodeFileSystem(new DescriptorCache(1000))
    try { none.open(names[2], 'read') } catch (error) { console.log(error.name, error.code, error.retriable) }`))
    .toBe('true 0\nLimitError TOO_MANY_OPEN_FILES true')
}, 60_000)

test.skipIf(process.platform === 'win32')('a write that is cut short goes on behind its first part, and a file that may not grow is a LimitError', () => {
  expect(inChild('-f 8', `
    const file = disk.open(directory + '/a', 'create')
    const source = Buffer.from(Array.from({ length: 30000 }, (_, index) => index % 251))
    try { file.write(source, 0) } catch (error) { console.log(error.name, error.code) }
    const target = Buffer.alloc(30000)
    const count = file.read(target, 0)
    console.log(count > 0 && count < 30000 && target.subarray(0, count).equals(source.subarray(0, count)))`))
    .toBe('LimitError FILE_TOO_LARGE\ntrue')
}, 60_000)

function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return [] // the descriptor of the listing itself
    }
  })
}
