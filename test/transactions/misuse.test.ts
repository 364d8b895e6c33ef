// What transactions answer where they are used wrongly, or where something happens to them: what is told names the
// mistake and a way on, and what was to be all or nothing stays so.
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ClosedError, ConflictError, TimeoutError, UsageError, type Transaction } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'
import { failure, hold, valuesOf } from './support/held-transaction.ts'

const never = (): Promise<never> => new Promise<never>(() => { /* for ever */ })

describe('after its end', () => {
  test.each(['commit', 'throw'] as const)('a send and an advance after the %s are refused, and nothing is stored', async how => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    await orders.send({ value: 'first' })
    const consumer = await log.group('g').join(orders, { from: 'earliest', commit: 'manual' })
    let tx!: Transaction
    await log.transaction(async given => {
      tx = given
      await tx.send(orders, { value: 'sent' })
      if (how === 'throw') throw new Error('boom')
    }).catch(() => {})
    const end = orders.partitions[0]!.endOffset
    const expected = how === 'commit' ? expect.objectContaining({ code: 'TRANSACTION_ENDED' }) : expect.objectContaining({ message: 'boom' })
    await expect(tx.send(orders, { value: 'late' })).rejects.toEqual(expected)
    expect(() => { tx.advance(consumer) }).toThrow(how === 'commit' ? UsageError : 'boom')
    expect(orders.partitions[0]!.endOffset).toBe(end)
    await log.close()
  })

  test('a send that its function did not await is part of it', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders', { partitions: 3 })
    await log.transaction(async tx => { for (let i = 0; i < 100; i++) void tx.send(orders, { key: `k${i}`, value: 'v' }) })  
    expect(await valuesOf(orders)).toHaveLength(100)
    await log.close()
  })

  test.each(['write', 'later'] as const)('a send that was not awaited and fails at the commit aborts it (%s)', async kind => {
    for (const together of [true, false]) {
      const log = await testLog()
      const orders = await log.topic<string>('orders', { partitions: 2 })
      const slow = await log.topic<string>('slow', { schema: z.string().refine(async value => await Promise.resolve(value !== 'bad')) })
      await log.transaction(async tx => { await tx.send(orders, { value: 'before', partition: 0 }) })
      if (kind === 'write') log.disk.failNext('write', { error: 'ENOSPC', path: /orders-1\/.*\.log$/, times: 5 })
      const done = log.transaction(async tx => {  
        void tx.send(orders, { value: 'good', partition: 0 })
        if (kind === 'later') void tx.send(slow, together ? [{ value: 'fine' }, { value: 'bad' }] : { value: 'bad' })
        else void tx.send(orders, together ? [{ value: 'bad', partition: 1 }] : { value: 'bad', partition: 1 })
      })
      await failure(done)
      expect(await valuesOf(orders)).toEqual(['before'])
      expect(await valuesOf(slow)).toEqual([])
      await log.close()
    }
  })
})

describe('what does not belong to it', () => {
  test('a consumer of another log, of no log, and one that commits before it handles', async () => {
    const [log, other] = await Promise.all([testLog(), testLog()])
    const [orders, others] = await Promise.all([log.topic<string>('orders'), other.topic<string>('orders')])
    const foreign = await other.group('g').join(others, { from: 'earliest', commit: 'manual' })
    const early = await log.group('early').join(orders, { from: 'earliest', commit: 'before' })
    for (const [consumer, code] of [[foreign, 'CONSUMER_OF_ANOTHER_LOG'], [{}, 'CONSUMER_INVALID'], [early, 'OPTIONS_CONTRADICT']] as const) {
      const { tx, end, done } = await hold(log)
      expect(await failure(() => { tx.advance(consumer as typeof early) })).toMatchObject({ code })
      end()
      expect(await failure(done)).toMatchObject({ code })
    }
    await Promise.all([log.close(), other.close()])
  })

  test('a topic of another log, or one that nobody has opened: what was to be sent would be missing', async () => {
    const [log, other] = await Promise.all([testLog(), testLog()])
    const [orders, others] = await Promise.all([log.topic<string>('orders'), other.topic<string>('orders')])
    for (const topic of [others, { name: 'nobody' } as unknown as typeof others]) {
      const refused = await failure(log.transaction(async tx => {
        await tx.send(orders, { value: 'good' })
        expect(await failure(tx.send(topic, { value: 'x' }))).toBeInstanceOf(UsageError)
      }))
      expect(refused).toBeInstanceOf(UsageError)
    }
    expect(await valuesOf(orders)).toEqual([])
    await Promise.all([log.close(), other.close()])
  })

  test('options that are none', async () => {
    const log = await testLog()
    const work = async (): Promise<void> => { /* nothing */ }
    for (const options of [{ id: '' }, { id: '__millrace-0' }, { timeout: 0 }, { timeout: 'forever' }, { durability: 'disk' }, { ids: 'a' }, { signal: {} }]) expect(await failure(log.transaction(work, options as never)), JSON.stringify(options)).toBeInstanceOf(UsageError)
    expect(await failure(log.transaction(undefined as never))).toBeInstanceOf(UsageError)
    await log.close()
  })
})

describe('one id', () => {
  test('of many that begin at once each but the last is fenced, and only the last is read', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => log.transaction(async tx => {
      await tx.send(orders, { value: `v${i}` })
      await log.clock.settle()
    }, { id: 'a' })))
    const committed = outcomes.flatMap(({ status }, i) => status === 'fulfilled' ? [`v${i}`] : [])
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'TRANSACTION_FENCED' })
    expect(committed).toContain('v49')
    expect(await valuesOf(orders)).toEqual(committed)
    expect(log.stats().transactions).toEqual([])
    await log.close()
  })

  test('one within the other: the inner one is the newest', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    let inside!: Promise<void>
    const outer = log.transaction(async tx => {
      await tx.send(orders, { value: 'outer' })
      inside = log.transaction(async inner => { await inner.send(orders, { value: 'inner' }) }, { id: 'a' })
      await inside
      await tx.send(orders, { value: 'outer again' })
    }, { id: 'a' })
    expect(await failure(outer)).toBeInstanceOf(ConflictError)
    await inside
    await expect(outer).rejects.toMatchObject({ code: 'TRANSACTION_FENCED', details: { transactionalId: 'a' } })
    expect(await valuesOf(orders)).toEqual(['inner'])
    await log.close()
  })

  test('without ids one within the other is another', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    await log.transaction(async tx => {
      await tx.send(orders, { value: 'outer' })
      await log.transaction(async inner => { await inner.send(orders, { value: 'inner' }) })
      expect(await valuesOf(orders)).toEqual([])
    })
    expect(await valuesOf(orders)).toEqual(['outer', 'inner'])
    await log.close()
  })
})

describe('its end comes from outside', () => {
  test('work that never ends is aborted by the time-out', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    const done = log.transaction(async tx => {
      await tx.send(orders, { value: 'x' })
      await never()
    }, { timeout: '5s', id: 'slow' })
    done.catch(() => {})
    await log.clock.advance('4s')
    expect(log.stats().transactions).toEqual([{ id: 'slow', ageMs: 4000, partitions: 1 }])
    await log.clock.advance('1s')
    expect(await failure(done)).toBeInstanceOf(TimeoutError)
    await expect(done).rejects.toMatchObject({ code: 'TRANSACTION_TIMED_OUT', details: { transactionalId: 'slow', timeoutMs: 5000 } })
    expect(log.stats().transactions).toEqual([])
    expect(orders.partitions[0]!.stableOffset).toBe(orders.partitions[0]!.endOffset)
    await log.close()
  })

  test('a send that was not awaited and never ends keeps it open until the time-out', async () => {
    const log = await testLog()
    const slow = await log.topic<string>('slow', { schema: z.string().refine(never) })
    const done = log.transaction(async tx => { void tx.send(slow, { value: 'x' }) }, { timeout: '5s' })  
    done.catch(() => {})
    await log.clock.advance('5s')
    expect(await failure(done)).toMatchObject({ code: 'TRANSACTION_TIMED_OUT' })
    await log.close()
  })

  test('a signal that has aborted, that aborts while it begins, and while it is at work: the reason is thrown', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    const reason = new Error('enough')
    await expect(log.transaction(never, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)

    const beginning = new AbortController()
    let wasCalled = false
    const early = log.transaction(async tx => {
      wasCalled = true
      await tx.send(orders, { value: 'early' })
    }, { signal: beginning.signal })
    beginning.abort(reason)
    await expect(early).rejects.toBe(reason)
    expect(wasCalled).toBe(false)

    const atWork = new AbortController()
    const { tx, done } = await hold(log, { signal: atWork.signal })
    await tx.send(orders, { value: 'late' })
    atWork.abort(reason)
    await expect(done).rejects.toBe(reason)
    await expect(tx.send(orders, { value: 'later' })).rejects.toBe(reason)
    expect(await valuesOf(orders)).toEqual([])
    expect(log.stats().transactions).toEqual([])
    await log.close()
  })

  test('close() waits for what is open, and aborts it when its time is over', async () => {
    const log = await testLog()
    const orders = await log.topic<string>('orders')
    const [good, late] = await Promise.all([hold(log), hold(log)])
    for (const { tx } of [good, late]) await tx.send(orders, { value: 'x' })
    late.done.catch(() => {})
    const closing = log.close({ timeout: '5s' })
    expect(await failure(log.transaction(async () => { /* nothing */ }))).toBeInstanceOf(ClosedError)
    good.end()
    await good.done
    await log.clock.advance('5s')
    await closing
    expect(await failure(late.done)).toBeInstanceOf(ClosedError)
    const next = await log.crash()
    expect(await valuesOf(await next.topic<string>('orders'))).toEqual(['x'])
    await next.close()
  })

  test.each(['process', 'power'] as const)("close() at once while '%s' transactions commit: each is told what the next opening finds", async durability => {
    for (let seed = 0; seed < 30; seed++) {
      const log = await testLog({ seed })
      const orders = await log.topic<string>('orders', { partitions: 2 })
      const done = Array.from({ length: 4 }, (_, i) => log.transaction(async tx => { await tx.send(orders, [0, 1].map(partition => ({ value: `t${i}`, partition }))) }, { durability }))
      for (let turn = 0; turn < seed; turn++) await new Promise(resolve => { setImmediate(resolve) })
      const closing = log.close({ timeout: 0 })
      const outcomes = await Promise.allSettled(done)
      await closing
      const next = await log.crash()
      const found = await valuesOf(await next.topic<string>('orders'))
      for (const [i, { status }] of outcomes.entries()) expect(found.filter(value => value === `t${i}`), `seed ${seed}, t${i} was ${status}`).toHaveLength(status === 'fulfilled' ? 2 : 0)
      await next.close()
    }
  })

  test.each(['process', 'power'] as const)("a topic that is deleted while a '%s' transaction is open, or commits, aborts it, and no other's records stay hidden", async durability => {
    const log = await testLog()
    const [orders, notes] = await Promise.all([log.topic<string>('orders'), log.topic<string>('notes')])
    const { tx, done, end } = await hold(log, { durability })
    await tx.send(orders, { value: 'x' })
    await tx.send(notes, { value: 'x' })
    await log.deleteTopic('orders')
    end()
    expect(await failure(done)).toBeInstanceOf(ClosedError)
    expect(await valuesOf(notes)).toEqual([])
    expect(notes.partitions[0]!.stableOffset).toBe(notes.partitions[0]!.endOffset)
    await log.transaction(async next => { await next.send(notes, { value: 'next' }) }, { durability })
    expect(await valuesOf(notes)).toEqual(['next'])
    await log.close()
  })
})
