// A view: the newest value of each key, kept as a map while it is open.
import { describe, expect, test } from 'vitest'
import type { LogEvents } from '../../src/index.ts'
import { failureOf, thrownBy } from './support/failures.ts'
import { LOGS } from './support/logs.ts'
import { numbers } from './support/records.ts'

describe.each(LOGS)('%s', (_kind, openLog) => {
  test('a view holds the newest value of each key from when it opens, and follows', async () => {
    const { log } = await openLog()
    const topic = await log.topic<number>('orders', { partitions: 3 })
    await topic.send([...numbers(30).map(n => ({ key: `k${n % 10}`, value: n })), { key: 'k3', value: null }, { value: 99 }])
    const view = await topic.view()
    expect(view.size).toBe(9)
    expect([view.get('k0'), view.get('k3'), view.has('k3'), view.has('k4'), view.get('none')]).toEqual([20, undefined, false, true, undefined])
    expect(Object.fromEntries(view.entries())).toEqual(Object.fromEntries(numbers(10).filter(n => n !== 3).map(n => [`k${n}`, 20 + n])))
    await topic.send([{ key: 'k0', value: 100 }, { key: 'k1', value: null }, { key: 'new', value: 1 }])
    await view.caughtUp()
    expect([view.get('k0'), view.has('k1'), view.get('new'), view.size]).toEqual([100, false, 1, 9])
  })

  test('keys are compared by their bytes, whatever objects they are', async () => {
    const { log } = await openLog()
    const topic = await log.topic<string, Uint8Array>('orders', { key: 'bytes', value: 'string' })
    await topic.send([{ key: Buffer.from([1, 2]), value: 'a' }, { key: new Uint8Array([1, 2]), value: 'b' }])
    const view = await topic.view()
    expect([view.size, view.get(new Uint8Array([1, 2]))]).toEqual([1, 'b'])
  })

  test('a view follows partitions that are added', async () => {
    const { log } = await openLog()
    const topic = await log.topic<number>('orders')
    const view = await topic.view()
    await topic.alter({ partitions: 2 })
    await topic.send({ key: 'a', value: 1, partition: 1 })
    await view.caughtUp()
    expect(view.get('a')).toBe(1)
  })

  test('changes are told in order, until the listener is taken off', async () => {
    const { log } = await openLog()
    const topic = await log.topic<number>('orders')
    const view = await topic.view()
    const changes: unknown[] = []
    const off = view.on('change', change => changes.push(change))
    await topic.send([{ key: 'a', value: 1 }, { key: 'a', value: 2 }, { key: 'a', value: null }])
    await view.caughtUp()
    off()
    await topic.send({ key: 'a', value: 3 })
    await view.caughtUp()
    expect(changes).toEqual([{ key: 'a', value: 1 }, { key: 'a', value: 2 }, { key: 'a', value: undefined }])
    expect(await failureOf(() => view.on('chnage' as 'change', () => undefined))).toMatchObject({ name: 'UsageError', code: 'EVENT_UNKNOWN' })
  })

  test("a listener that throws reaches the log's 'error' event and stops neither the view nor other listeners", async () => {
    const { log, clock } = await openLog()
    const errors: LogEvents['error'][] = []
    log.on('error', event => errors.push(event))
    const topic = await log.topic<number>('orders')
    const view = await topic.view()
    const seen: unknown[] = []
    view.on('change', () => { throw new Error('mine') })
    view.on('change', change => seen.push(change.value))
    await topic.send([{ key: 'a', value: 1 }, { key: 'b', value: 2 }])
    await view.caughtUp()
    await clock.settle()
    expect(seen).toEqual([1, 2])
    expect(view.size).toBe(2)
    expect(errors.map(({ error, topic: name }) => [error.code, (error.cause as Error).message, name])).toEqual([['LISTENER_FAILED', 'mine', 'orders'], ['LISTENER_FAILED', 'mine', 'orders']])
  })

  test('a view that is closed, or whose log is, says so and gives no old answer', async () => {
    const { log } = await openLog()
    const errors: unknown[] = []
    log.on('error', event => errors.push(event))
    const topic = await log.topic<number>('orders')
    await topic.send({ key: 'a', value: 1 })
    const view = await topic.view()
    const other = await topic.view()
    await view.close()
    await view.close()
    for (const call of [() => view.get('a'), () => view.has('a'), () => view.size, () => view.entries(), () => view.caughtUp()]) {
      expect(await failureOf(call)).toMatchObject({ name: 'ClosedError', code: 'VIEW_CLOSED' })
    }
    await log.close()
    expect(await failureOf(() => other.caughtUp())).toMatchObject({ name: 'ClosedError', code: 'LOG_CLOSED' })
    expect(await failureOf(() => other.get('a'))).toMatchObject({ name: 'ClosedError', code: 'LOG_CLOSED' })
    expect(errors).toEqual([])
  })

  test("a view of a topic that is deleted ends with a ClosedError", async () => {
    const { log } = await openLog()
    const topic = await log.topic<number>('orders')
    const view = await topic.view()
    await log.deleteTopic('orders')
    expect(await failureOf(() => view.caughtUp())).toMatchObject({ name: 'ClosedError', code: 'TOPIC_DELETED' })
  })

  test('a signal closes a view, and that is no error of the log', async () => {
    const { log, clock } = await openLog()
    const errors: unknown[] = []
    log.on('error', event => errors.push(event))
    const topic = await log.topic<number>('orders')
    const controller = new AbortController()
    const view = await topic.view({ signal: controller.signal })
    controller.abort(new Error('enough'))
    expect(await thrownBy(() => view.caughtUp())).toMatchObject({ message: 'enough' })
    expect(await thrownBy(() => topic.view({ signal: controller.signal }))).toMatchObject({ message: 'enough' })
    await clock.settle()
    expect(errors).toEqual([])
  })

  test('a view that meets what it can not decode fails for its callers and on the log, and gives no old answer', async () => {
    const { log, clock } = await openLog()
    const errors: LogEvents['error'][] = []
    log.on('error', event => errors.push(event))
    const picky = { name: 'picky', encode: (text: string) => Buffer.from(text), decode: (bytes: Uint8Array) => { if (bytes[0] === 0x21) throw new Error('no'); return Buffer.from(bytes).toString() } }
    const topic = await log.topic<string>('orders', { value: picky })
    await topic.send({ key: 'a', value: 'fine' })
    const view = await topic.view()
    await topic.send({ key: 'a', value: '!' })
    for (const call of [() => view.caughtUp(), () => view.get('a')]) expect(await failureOf(call)).toMatchObject({ name: 'CorruptionError', code: 'VALUE_NOT_DECODABLE', details: { offset: 1 } })
    await clock.settle()
    expect(errors.map(({ error, topic: name }) => [error.code, name])).toEqual([['VALUE_NOT_DECODABLE', 'orders']])
  })
})
