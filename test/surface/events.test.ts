// What a log tells its listeners, and what becomes of listeners that misbehave.
import { describe, expect, test } from 'vitest'
import type { LogEvents } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'

function heard(log: TestLog): { [E in keyof LogEvents]: LogEvents[E][] } {
  const events: { [E in keyof LogEvents]: LogEvents[E][] } = { error: [], warning: [], recovered: [], rewound: [], housekeeping: [] }
  log.on('error', event => events.error.push(event))
  log.on('warning', event => events.warning.push(event))
  log.on('recovered', event => events.recovered.push(event))
  log.on('rewound', event => events.rewound.push(event))
  log.on('housekeeping', event => events.housekeeping.push(event))
  return events
}

describe('the events', () => {
  test("'error': a failure in the background names its topic and partition", async () => {
    const log = await testLog()
    const events = heard(log)
    const topic = await log.topic('orders', { partitions: 2 })
    await topic.send({ value: 1, partition: 1 })
    log.disk.failNext('sync', { error: 'EIO', path: /orders-1.*\.log$/ })
    await log.clock.advance('30s')
    expect(events.error).toEqual([{ error: expect.objectContaining({ name: 'StorageError', code: 'PARTITION_FAILED' }) as unknown, topic: 'orders', partition: 1 }])
    expect(await failureOf(() => topic.send({ value: 2, partition: 1 }))).toMatchObject({ name: 'StorageError', code: 'PARTITION_FAILED' })
    await log.close()
  })

  test("'recovered': what an unclean end cut off is told to those who listen after opening", async () => {
    const log = await testLog()
    const topic = await log.topic('orders')
    await topic.send({ value: 'kept' })
    const { bytes } = topic.partitions[0]!
    await topic.send({ value: 'torn' })
    const torn = topic.partitions[0]!.bytes - bytes
    log.disk.corrupt('/log/orders-0/00000000000000000000.log', bytes + 70, 1)
    const next = await log.crash()
    const events = heard(next)
    await next.clock.settle()
    expect(events.recovered).toEqual([{ topic: 'orders', partition: 0, cutBytes: torn, endOffset: 1 }])
    await next.close()
  })

  test("'warning': policies that opening a topic changed", async () => {
    const log = await testLog()
    const events = heard(log)
    await log.topic('orders')
    await log.topic('orders', { retention: '1d' })
    await log.clock.settle()
    expect(events.warning).toMatchObject([{ code: 'TOPIC_ALTERED' }])
    await log.close()
  })

  test("'warning': retainUntilConsumedBy where nothing goes for its age", async () => {
    const log = await testLog()
    const events = heard(log)
    const queue = await log.topic('queue', { retainUntilConsumedBy: ['workers'] })
    await queue.alter({ retention: 0 })
    await queue.alter({ retainUntilConsumedBy: ['workers', 'audit'] })
    const table = await log.topic('table', { cleanup: 'compact', retention: '1d' })
    await table.alter({ retainUntilConsumedBy: ['workers'] })
    expect(events.warning).toMatchObject([
      { code: 'OPTION_IDLE', message: expect.stringMatching(/^topic 'queue': .* without retention/) as string, hint: expect.stringContaining('retention: 0') as string },
      { code: 'OPTION_IDLE', message: expect.stringMatching(/^topic 'table': .* cleanup 'compact'/) as string },
    ])
    await log.close()
  })

  test.each(['eror', 'constructor', '__proto__', 'toString', '', undefined, 7, Symbol('error')])('there is no event %o', async event => {
    const log = await testLog()
    expect(await failureOf(() => log.on(event as 'error', () => undefined))).toMatchObject({ name: 'UsageError', code: 'EVENT_UNKNOWN', hint: 'events are error, warning, recovered, rewound, housekeeping' })
    await log.close()
  })

  test.each([undefined, null, 'listener', {}])('%o is no listener', async listener => {
    const log = await testLog()
    expect(await failureOf(() => log.on('error', listener as unknown as () => void))).toMatchObject({ name: 'UsageError', code: 'EVENT_UNKNOWN' })
    await log.close()
  })
})

describe('listeners', () => {
  test('a listener that was taken off hears nothing more', async () => {
    const log = await testLog()
    const warnings: unknown[] = []
    const off = log.on('warning', event => warnings.push(event))
    off()
    off()
    await log.topic('orders')
    await log.topic('orders', { retention: '1d' })
    await log.clock.settle()
    expect(warnings).toEqual([])
    await log.close()
  })

  test("one that throws becomes an 'error' event, and disturbs neither the others nor the log", async () => {
    const log = await testLog()
    const seen: string[] = []
    log.on('warning', () => { throw new Error('mine') })
    log.on('warning', ({ code }) => seen.push(code))
    log.on('error', ({ error }) => { seen.push(`${error.code}: ${(error.cause as Error).message}`); throw new Error('mine too') })
    await log.topic('orders')
    await log.topic('orders', { retention: '1d' })
    await log.clock.settle()
    expect(seen.sort()).toEqual(['LISTENER_FAILED: mine', 'TOPIC_ALTERED'])
    await log.close()
  })

  test('a logger is told what listeners are', async () => {
    const lines: [level: string, message: string][] = []
    const level = (name: string) => (_facts: object, message: string): void => { lines.push([name, message]) }
    const log = await testLog({ logger: { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') } })
    const topic = await log.topic('orders')
    await log.topic('orders', { retention: '1d' })
    await topic.send({ value: 1 })
    log.disk.failNext('sync', { error: 'EIO', path: /orders-0.*\.log$/ })
    await log.clock.advance('30s')
    expect(lines).toEqual([['warn', expect.stringContaining('changed retentionMs')], ['error', expect.stringContaining('orders-0: the disk failed')]])
    await log.close()
  })
})
