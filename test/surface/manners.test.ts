// How the library behaves in its host's process: it takes no signals, keeps no process alive that waits for nothing,
// lets none end that waits for it, and goes by no timers but its own.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { ensureCodec } from '../../src/format/compression.ts'
import { open } from '../../src/index.ts'
import { openFiles, temporaryDirectory } from '../contract/support/logs.ts'
import { numbers, valuesOf } from '../contract/support/records.ts'
import { bundleLibrary, startChild, type Library } from './support/children.ts'

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

let library: Library
beforeAll(() => { library = bundleLibrary() })
afterAll(() => { library.remove() })

/** What a program says until it ends by itself. */
async function run(source: string, args: readonly string[] = []): Promise<string[]> {
  const child = await startChild(library, source, args)
  const lines: string[] = []
  for (let line = await child.line(); line !== undefined; line = await child.line()) lines.push(line)
  expect(await child.ended).toEqual({ code: 0, signal: null, errors: '' })
  return lines
}

const inDirectory = (directory: string): string => `const log = await open(${JSON.stringify(directory)})\nconst topic = await log.topic('orders')\n`

describe("the host's process", () => {
  test('gets no listener from the library, for no signal and no event', async () => {
    expect(await run(`
      const listeners = () => JSON.stringify(process.eventNames().map(name => [String(name), process.listenerCount(name)]))
      const before = listeners()
      ${inDirectory(temporaryDirectory())}
      await topic.producer({ durability: 'power' }).send({ value: 1 })
      await topic.view()
      say(listeners() === before ? 'none' : listeners())
      await log.close()
    `)).toEqual(['none'])
  })

  test('ends by itself though a log, a producer, a view and a reader that nobody waits for are open', async () => {
    expect(await run(`
      ${inDirectory(temporaryDirectory())}
      const producer = topic.producer({ linger: '1m' })
      await topic.send({ key: 'a', value: 1 })
      const view = await topic.view()
      const reading = topic.read({ follow: true })
      say(String((await reading.next()).value.value + view.size))
    `)).toEqual(['2'])
  })

  test('ends by itself though a log that follows another process is open', async () => {
    const { log } = await openFiles(temporaryDirectory())
    await (await log.topic('orders')).send({ value: 'seen' })
    expect(await run(`
      const log = await open(${JSON.stringify(log.location)}, { readOnly: true })
      const [topic] = log.topics()
      say((await topic.partitions[0].get(0)).value)
    `)).toEqual(['seen'])
  })

  test('does not end while it waits for a lingering send', async () => {
    expect(await run(`
      ${inDirectory(temporaryDirectory())}
      say(String((await topic.producer({ linger: 30 }).send({ value: 1 })).offset))
    `)).toEqual(['0'])
  })

  test('does not end before a lingering send is stored, though nobody waits for it', async () => {
    const directory = temporaryDirectory()
    await run(`${inDirectory(directory)}\nvoid topic.producer({ linger: 30 }).send({ value: 'kept' })`)
    const { log } = await openFiles(directory)
    expect(await valuesOf(await log.topic('orders'))).toEqual(['kept'])
  })

  test('does not end while it waits for the next record', async () => {
    expect(await run(`
      ${inDirectory(temporaryDirectory())}
      setTimeout(() => { void topic.send({ value: 'late' }) }, 30).unref()
      say((await topic.read({ follow: true }).next()).value.value)
    `)).toEqual(['late'])
  })

  test('goes on when a promise of the library is not looked at: no unhandled rejection comes from the background', async () => {
    expect(await run(`
      const log = await testLog()
      const topic = await log.topic('orders')
      await topic.send({ value: 1 })
      log.disk.failNext('sync', { error: 'EIO' })
      await log.clock.advance('1m')
      const failed = await topic.view().catch(error => error.code)
      void topic.producer().close()
      await log.deleteTopic('orders')
      await log.clock.settle()
      say(failed)
    `, ['--unhandled-rejections=strict'])).toEqual(['PARTITION_FAILED'])
  })
})

describe("a test's fake timers", () => {
  afterEach(() => { vi.useRealTimers() })

  const FAKED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'performance', 'hrtime', 'Date'] as const
  const YEAR_2001 = Date.UTC(2001, 0, 1)

  test.each(CODECS)("do not stop a log on files, compression '%s'", async compression => {
    const before = Date.now()
    await ensureCodec(compression) // the test runner's import() needs timers
    vi.useFakeTimers({ toFake: [...FAKED], now: YEAR_2001 })
    const log = await open(temporaryDirectory(), { durability: 'power' })
    const topic = await log.topic('orders', { compression })
    const producer = topic.producer({ linger: 5 })
    const sent = await Promise.all([topic.send({ value: 0 }), producer.send({ value: 'x'.repeat(300_000) }), topic.send(numbers(3000).map(value => ({ value })))])
    expect(sent[0].timestamp).toBeGreaterThanOrEqual(before)
    expect(await valuesOf(topic)).toHaveLength(3002)
    const view = await topic.view()
    await view.close()
    await log.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('do not drive a log', async () => {
    vi.useFakeTimers({ toFake: [...FAKED] })
    const log = await open('memory:')
    const topic = await log.topic('orders')
    const producer = topic.producer({ linger: '1m' })
    const sending = producer.send({ value: 1 })
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(topic.partitions[0]!.endOffset).toBe(0)
    await producer.flush()
    expect((await sending).offset).toBe(0)
    await log.close()
  })

  test("do not stop the stepped clock of a test log", async () => {
    vi.useFakeTimers({ toFake: [...FAKED] })
    const { testLog } = await import('../../src/testing.ts')
    const log = await testLog()
    const topic = await log.topic('orders')
    const sending = topic.producer({ linger: '1m' }).send({ value: 1 })
    await log.clock.advance('1m')
    expect((await sending).timestamp).toBe(log.clock.now() - 60_000)
    await log.close()
  })

  test('do not stop a log even where process.nextTick is one of them, as with jest', async () => {
    expect(await run(`
      ${inDirectory(temporaryDirectory())}
      const realTick = process.nextTick
      for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) globalThis[name] = () => ({ unref() {} })
      process.nextTick = () => {}
      globalThis.performance = { now: () => 0 }
      const sent = await topic.producer({ linger: 5, durability: 'power' }).send({ value: 'still here' })
      const { value } = await topic.read({ follow: true }).next()
      await log.close()
      process.nextTick = realTick
      say(value.value)
    `)).toEqual(['still here'])
  })
})
