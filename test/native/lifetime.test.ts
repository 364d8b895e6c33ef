// Who ends before whom: threads, module instances, copies of the library and files that nobody holds any more.
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GUARD_FOREIGN, GUARD_OURS } from '../../src/native/native-part.ts'
import { bundleForNode } from '../platform/support/bundle.ts'
import { reportOf } from './support/children.ts'
import { nativeFile } from './support/native-file.ts'

const EFAULT = -14

describe.skipIf(nativeFile === undefined)('the native part', () => {
  let directory: string
  beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'millrace-lifetime-')) })
  afterAll(() => { rmSync(directory, { recursive: true, force: true }) })

  // The quick version of `npm run check:native -- workers`, which opens and ends a thousand.
  test('keeps no mapping and no descriptor of workers that ended or were terminated in the middle', async () => {
    const checks = fileURLToPath(new URL('../../tools/native-checks/run.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [checks, 'workers', '--count', '50']).catch((failed: { stdout: string }) => failed)
    expect(stdout).toMatch(/\d+ terminated, \d+ ended by themselves/)
    expect(stdout).not.toContain('FAILED')
  })

  test('holds no descriptor of preparations that were collected, before the event loop turns', async () => {
    const { before, after } = await reportOf(`
      const fd = openScratch()
      const count = () => fs.readdirSync('/proc/self/fd').length
      const before = count()
      for (let i = 0; i < 300; i++) {
        const window = native.collect(native.prepare(fd, i * 65536, 65536), i % 2 === 0)
        if (window > 0) native.close(window)
      }
      report({ before, after: count() })
    `) as { before: number; after: number }
    expect(after).toBe(before)
  })

  test('gives a thread that ends while reads and preparations run the time to finish them', async () => {
    expect(await reportOf(`
      const program = \`
        const fd = openScratch()
        fs.writeSync(fd, Buffer.alloc(1_000_000))
        for (let i = 0; i < 50; i++) {
          native.readBatches(fd, Buffer.alloc(1_000_000), 0)
          native.prepare(fd, i * 65536, 65536)
        }
        process.exit(7)
      \`
      const codes = []
      for (let i = 0; i < 5; i++) startWorker(program).once('exit', code => { if (codes.push(code) === 5) report(codes) })
    `)).toEqual([7, 7, 7, 7, 7])
  })

  test('a process may exit while they run', async () => {
    expect(await reportOf(`
      const fd = openScratch()
      for (let i = 0; i < 50; i++) {
        native.readBatches(fd, Buffer.alloc(1_000_000), 0)
        native.prepare(fd, i * 65536, 65536)
      }
      report('leaving')
      process.exit(0)
    `)).toBe('leaving')
  })

  test('keeps the memory of a read that nobody else holds', async () => {
    expect(await reportOf(`
      require('node:v8').setFlagsFromString('--expose-gc')
      const collect = require('node:vm').runInNewContext('gc')
      const fd = openScratch()
      fs.writeSync(fd, Buffer.alloc(500_000, 5))
      const reads = Array.from({ length: 40 }, () => native.readBatches(fd, Buffer.alloc(500_000), 0))
      collect()
      Promise.all(reads).then(results => { report([...new Set(results.map(({ filled, checked }) => filled + ' ' + checked))]) })
    `)).toEqual(['500000 0'])
  })

  test('loaded again in the same thread, it has windows of its own', async () => {
    expect(await reportOf(`
      native.installGuard()
      const window = native.grow(openScratch(), 0, 65536)
      delete require.cache[require.resolve(NATIVE_FILE)]
      const again = require(NATIVE_FILE)
      let refused = false
      try { again.close(window) } catch (error) { refused = error instanceof TypeError }
      report([again !== native, again.guardState(), native.openWindows(), again.openWindows(), refused])
    `)).toEqual([true, GUARD_OURS, 1, 0, true])
  })

  test('two copies of it in one process each turn their own faults into errors, and only the later is first in line', async () => {
    const copy = join(directory, 'copy.node')
    copyFileSync(nativeFile!, copy)
    expect(await reportOf(`
      const other = require(${JSON.stringify(copy)})
      native.installGuard()
      const before = other.guardState()
      other.installGuard()
      const fd = openScratch()
      const window = other.grow(fd, 0, 65536)
      fs.ftruncateSync(fd, 0)
      const faults = []
      for (let i = 0; i < 1000; i++) faults.push(...copies(cutWindow()), other.append(window, 0, batch, 100, 5, 1), other.read(window, 0, batch, 100))
      report({ before, after: [native.guardState(), other.guardState()], faults: [...new Set(faults)] })
    `)).toEqual({ before: GUARD_FOREIGN, after: [GUARD_FOREIGN, GUARD_OURS], faults: [EFAULT] })
  })

  test('a mapped file that nobody holds any more is unmapped when it is collected', async () => {
    const bundle = join(directory, 'files.cjs')
    bundleForNode(['src/platform/mapped-file-system.ts', 'src/platform/descriptor-cache.ts'], bundle)
    expect(await reportOf(`
      require('node:v8').setFlagsFromString('--expose-gc')
      const collect = require('node:vm').runInNewContext('gc')
      const { MappedFileSystem, DescriptorCache } = require(${JSON.stringify(bundle)})
      native.installGuard()
      const files = new MappedFileSystem(new DescriptorCache(), 'for a test', native)
      const append = number => { files.open(${JSON.stringify(directory)} + '/' + number, 'create').append(batch, 100, 0, 0, 0) }
      for (let number = 0; number < 20; number++) append(number)
      const before = native.openWindows()
      const untilCollected = turns => {
        collect()
        if (native.openWindows() === 0 || turns === 0) report({ before, after: native.openWindows() })
        else setImmediate(untilCollected, turns - 1)
      }
      setImmediate(untilCollected, 200)
    `)).toEqual({ before: 20, after: 0 })
  })
})
