// SIGBUS: a page that can't be had is -EFAULT, and nobody else's signals are touched.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildNative } from '../../tools/build-native.mjs'
import { GUARD_ABSENT, GUARD_FOREIGN, GUARD_OURS } from '../../src/native/native-part.ts'
import { reportOf, runChild } from './support/children.ts'
import { buildHostHandler, compiler } from './support/host-handler.ts'
import { native, nativeFile } from './support/native-file.ts'

const EFAULT = -14
const PAGES = 16 * 4096

let directory: string
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'millrace-guard-')) })
afterAll(() => { rmSync(directory, { recursive: true, force: true }) })

describe.skipIf(nativeFile === undefined)('the guard', () => {
  test('an append and a read fail exactly where they reach a page that the file no longer has', () => {
    native.installGuard()
    const { pageBytes } = native.constants
    const fd = openSync(join(directory, 'cut'), 'w+')
    const window = native.grow(fd, 0, PAGES)
    const nearPage = fc.tuple(fc.nat(PAGES / 4096), fc.integer({ min: -200, max: 200 })).map(([page, by]) => page * 4096 + by)
    fc.assert(fc.property(fc.nat(PAGES), fc.oneof(nearPage, fc.nat(PAGES)), fc.integer({ min: 61, max: 10_000 }), (fileBytes, from, bytes) => {
      const position = Math.min(Math.max(from, 0), PAGES - bytes)
      ftruncateSync(fd, PAGES)
      ftruncateSync(fd, fileBytes)
      const expected = position + bytes <= Math.ceil(fileBytes / pageBytes) * pageBytes ? 0 : EFAULT
      const batch = Buffer.alloc(bytes, 7)
      expect([native.append(window, position, batch, bytes, 5, 1), native.read(window, position, batch, bytes)]).toEqual([expected, expected])
    }), { numRuns: 2000 })
    native.close(window)
    closeSync(fd)
  })

  test('an append that fails has not written the head of its batch', () => {
    native.installGuard()
    const fd = openSync(join(directory, 'head'), 'w+')
    const window = native.grow(fd, 0, PAGES)
    ftruncateSync(fd, 4096)
    const batch = Buffer.alloc(300, 7)
    expect(native.append(window, 4000, batch, 300, 5, 1)).toBe(EFAULT)
    const found = Buffer.alloc(12, 1)
    expect(native.read(window, 4000, found, 12)).toBe(0)
    expect(found.every(byte => byte === 0)).toBe(true)
    native.close(window)
    closeSync(fd)
  })

  test('100,000 faults in a row are 100,000 errors', async () => {
    expect(await reportOf(`
      native.installGuard()
      const window = cutWindow()
      let faults = 0
      for (let i = 0; i < 50_000; i++) for (const result of copies(window)) if (result === ${EFAULT}) faults++
      report({ faults, state: native.guardState() })
    `)).toEqual({ faults: 100_000, state: GUARD_OURS })
  })

  test('threads that fault at the same time each get their own errors, and sound windows between them none', async () => {
    const loop = `
      const sound = native.grow(openScratch(), 0, 65536)
      const cut = cutWindow()
      const results = { faults: 0, sound: 0 }
      for (let i = 0; i < 10_000; i++) {
        for (const result of copies(cut)) if (result === ${EFAULT}) results.faults++
        for (const result of copies(sound)) if (result === 0) results.sound++
      }
    `
    expect(await reportOf(`
      native.installGuard()
      const workers = Array.from({ length: 4 }, () => startWorker(${JSON.stringify(`${loop}; parentPort.postMessage(results)`)}))
      const told = workers.map(worker => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)))
      ${loop}
      Promise.all(told).then(others => { report([results, ...others]) })
    `)).toEqual(Array.from({ length: 5 }, () => ({ faults: 20_000, sound: 20_000 })))
  })

  test('without it the process is killed', async () => {
    const unguarded = buildNative('unguarded')
    if (unguarded === undefined) return
    for (const copy of ['append(window, 0, batch, 100, 5, 1)', 'read(window, 0, batch, 100)']) {
      const ended = await runChild(`native.installGuard(); const window = cutWindow(); native.${copy}; report('alive')`, { nativeFile: unguarded })
      expect(ended).toMatchObject({ signal: 'SIGBUS', report: undefined })
    }
  })

  test('a worker that alone had loaded it leaves a handler that works', async () => {
    const program = "startWorker('native.installGuard()').once('exit', () => { process.kill(process.pid, 'SIGBUS') })"
    expect(await runChild(program, { onlyInWorkers: true })).toMatchObject({ signal: 'SIGBUS', errors: '' })
  })
})

const kill = "process.kill(process.pid, 'SIGBUS'); setImmediate(() => { report('alive') })"

describe.skipIf(nativeFile === undefined)('a SIGBUS that is sent', () => {
  test('ends the process as it would without us', async () => {
    expect(await runChild(kill)).toMatchObject({ signal: 'SIGBUS' })
    expect(await runChild(`native.installGuard(); ${kill}`)).toMatchObject({ signal: 'SIGBUS' })
  })

  test("reaches the host's listener that was there before", async () => {
    expect(await reportOf(`
      const alive = setInterval(() => {}, 1000)
      process.once('SIGBUS', () => {
        clearInterval(alive)
        report(states)
      })
      const states = [native.guardState(), native.installGuard(), native.guardState()]
      process.kill(process.pid, 'SIGBUS')
    `)).toEqual([GUARD_FOREIGN, 0, GUARD_OURS])
  })

  test("is ours again, when asked for, after the host's listener has left", async () => {
    expect(await reportOf(`
      const states = [native.installGuard(), native.guardState()]
      const listener = () => {}
      process.on('SIGBUS', listener)
      states.push(native.installGuard(), native.guardState())
      process.off('SIGBUS', listener)
      states.push(native.guardState(), native.installGuard(), native.guardState())
      report([...states, ...copies(cutWindow())])
    `)).toEqual([0, GUARD_OURS, 0, GUARD_FOREIGN, GUARD_ABSENT, 0, GUARD_OURS, EFAULT, EFAULT])
  })
})

describe.skipIf(nativeFile === undefined || compiler === undefined)('beside a host with a handler of its own', () => {
  let host: string
  beforeAll(() => { host = `const host = require(${JSON.stringify(buildHostHandler(directory))})` })

  test('one that was there before us is called for its own faults, and for those alone', async () => {
    expect(await reportOf(`
      ${host}
      host.install()
      const states = [native.guardState(), native.installGuard(), native.guardState()]
      const window = cutWindow()
      const seen = new Set()
      for (let i = 1; i <= 1000; i++) {
        if (host.fault() !== i) seen.add('not called')
        for (const result of copies(window)) seen.add(result)
      }
      report([...states, ...seen])
    `)).toEqual([GUARD_FOREIGN, 0, GUARD_OURS, EFAULT])
  })

  test('one that came after us and hands on gets the signal first, and ours still become errors', async () => {
    expect(await reportOf(`
      ${host}
      native.installGuard()
      host.install()
      const states = [native.guardState(), native.installGuard(), native.guardState()]
      report([...states, host.fault(), ...copies(cutWindow()), host.fault()])
    `)).toEqual([GUARD_FOREIGN, 0, GUARD_FOREIGN, 1, EFAULT, EFAULT, 2])
  })

  test('a host that ignores the signal when it is sent is not ended by it', async () => {
    expect(await reportOf(`${host}; host.ignore(); ${kill}`)).toBe('alive')
    expect(await reportOf(`${host}; host.ignore(); native.installGuard(); copies(cutWindow()); ${kill}`)).toBe('alive')
  })

  test("a fault in the host's own memory kills the process, also while we copy from or to it", async () => {
    for (const copy of ['read(window, 0, host.cutMemory(), 100)', 'append(window, 0, host.cutMemory(), 100, 5, 1)']) {
      expect(await runChild(`${host}; native.installGuard(); const window = native.grow(openScratch(), 0, 65536); native.${copy}; report('alive')`)).toMatchObject({ signal: 'SIGBUS', report: undefined })
    }
  })

  test('a fault outside of our copies kills the process, with the guard as without it', async () => {
    for (const guard of ['', 'native.installGuard(); copies(cutWindow())']) {
      expect(await runChild(`${host}; ${guard}; host.crash(); report('alive')`)).toMatchObject({ signal: 'SIGBUS', report: undefined })
    }
  })
})
