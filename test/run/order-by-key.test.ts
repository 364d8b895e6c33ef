// order: 'key': several records of a partition at a time, one of each key, and never a commit past an unfinished one.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FakeLane } from './support/fake-member.ts'
import { heldHandler, lane, startRun } from './support/runs.ts'

const KEYS = ['a', 'b', 'c', 'd', 'e', null] as const

const history = fc.record({
  batches: fc.array(fc.tuple(fc.nat(2), fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 30 })), { minLength: 1, maxLength: 12 }),
  /** How long a call takes, and whether it fails, by turns. */
  calls: fc.array(fc.record({ ms: fc.nat(20), isSync: fc.boolean(), fails: fc.integer({ min: 0, max: 9 }) }), { minLength: 1, maxLength: 40 }),
  concurrency: fc.constantFrom(1, 2, 16),
})

/** What the handler has seen of each key; a record without one is a key of its own. */
class Ledger {
  /** Collected: thrown in a handler, they would be a handler's failure. */
  readonly faults: string[] = []
  readonly #latest = new Map<string, { readonly offset: number; state: 'open' | 'done' | 'failed' }>()
  readonly #unfinished = new Map<number, Set<number>>()
  #inFlight = 0

  willCome(partition: number, offset: number): void {
    const offsets = this.#unfinished.get(partition) ?? new Set()
    this.#unfinished.set(partition, offsets.add(offset))
  }

  /** Returns what ends the call. */
  begins(partition: number, key: string | null, offset: number, concurrency: number): (fails: boolean) => void {
    const id = `${partition} ${key ?? `no key, ${offset}`}`
    const before = this.#latest.get(id)
    if (before !== undefined && !(before.offset === offset ? before.state === 'failed' : before.offset < offset && before.state === 'done')) this.faults.push(`offset ${offset} of ${id} after ${before.offset}, ${before.state}`)
    const now = { offset, state: 'open' as 'open' | 'done' | 'failed' }
    this.#latest.set(id, now)
    if (++this.#inFlight > concurrency) this.faults.push(`${this.#inFlight} handlers at a time`)
    return fails => {
      this.#inFlight--
      now.state = fails ? 'failed' : 'done'
      if (!fails) this.#unfinished.get(partition)!.delete(offset)
    }
  }

  /** Nothing below what is settled is unfinished. */
  check(lanes: readonly FakeLane[]): void {
    for (const { partition, handled } of lanes) {
      const lowest = Math.min(Infinity, ...this.#unfinished.get(partition) ?? [])
      if (handled > lowest) this.faults.push(`partition ${partition} is settled up to ${handled}, offset ${lowest} is not handled`)
    }
  }

  get unfinished(): number { return [...this.#unfinished.values()].reduce((sum, { size }) => sum + size, 0) }
}

test('one record of a key at a time, in order, and the commit never passes an unfinished one, under any delays and failures', async () => {
  await fc.assert(fc.asyncProperty(history, async ({ batches, calls, concurrency }) => {
    const lanes = [lane(0), lane(1), lane(2)]
    const ledger = new Ledger()
    for (const [partition, keys] of batches) {
      for (const index of keys.keys()) ledger.willCome(partition, lanes[partition]!.log.endOffset + index)
      lanes[partition]!.append(...keys.map(key => ({ key })))
    }
    let call = 0
    const { clock, runner, settle } = startRun({ lanes, options: { order: 'key', concurrency, retry: { attempts: 1000, backoff: 5, maxBackoff: 5 } } }, ({ partition, key, offset }) => {
      ledger.check(lanes)
      const ended = ledger.begins(partition, key, offset, concurrency)
      const { ms, isSync, fails } = calls[call++ % calls.length]!
      const hasFailed = fails === 0 && call < 500
      if (isSync) {
        ended(hasFailed)
        if (hasFailed) throw new Error('as planned')
        return undefined
      }
      return new Promise<void>((resolve, reject) => {
        clock.setTimeout(() => {
          ended(hasFailed)
          if (hasFailed) reject(new Error('as planned'))
          else resolve()
        }, ms)
      })
    })
    for (let steps = 0; ledger.unfinished > 0 && steps < 10_000; steps++) await clock.advance(50)
    await settle()
    expect([ledger.faults, ledger.unfinished]).toEqual([[], 0])
    for (const each of lanes) expect(each.handled).toBe(each.log.endOffset)
    await runner.stop()
  }), { numRuns: 60 })
})

test('records of one key wait for each other, those of others and those without a key do not', async () => {
  const orders = lane().append({ key: 'a', value: 'a1' }, { key: 'a', value: 'a2' }, { key: null, value: 'n1' }, { key: 'b', value: 'b1' }, { key: null, value: 'n2' }, { key: 'b', value: 'b2' })
  const { calls, values, handler } = heldHandler()
  const { settle } = startRun({ lanes: [orders], options: { order: 'key', concurrency: 16 } }, handler)
  await settle()
  expect(values()).toEqual(['a1', 'n1', 'b1', 'n2'])
  calls[2]!.end()
  await settle()
  expect(values().slice(4)).toEqual(['b2'])
  for (const call of calls.slice(1)) call.end()
  await settle()
  expect(orders.handled).toBe(0)
  calls[0]!.end()
  await settle()
  expect(values().slice(5)).toEqual(['a2'])
  expect(orders.settled).toEqual([1])
  calls[5]!.end()
  await settle()
  expect(orders.settled).toEqual([1, 6])
})

test('a key whose record waits for its next attempt takes no slot, and holds nothing of other keys back', async () => {
  const orders = lane().append({ key: 'a', value: 'a1' }, { key: 'a', value: 'a2' }, { key: 'b', value: 'b1' }, { key: 'b', value: 'b2' })
  const seen: unknown[] = []
  const { clock, settle } = startRun({ lanes: [orders], options: { order: 'key', retry: { backoff: '1h', maxBackoff: '1h', jitter: false } } }, (record, { attempt }) => {
    seen.push(record.value)
    if (record.value === 'a1' && attempt === 1) throw new Error('not yet')
  })
  await settle()
  expect(seen).toEqual(['a1', 'b1', 'b2'])
  expect([orders.handled, orders.waitsUntil]).toEqual([0, clock.now() + 3_600_000])
  await clock.advance(3_600_000)
  expect(seen.slice(3)).toEqual(['a1', 'a2'])
  expect([orders.handled, orders.waitsUntil]).toEqual([4, undefined])
})

test('a lane waits for the clock when nothing of it is at a handler', async () => {
  const orders = lane().append({ key: 'a', value: 'a1' }, { key: 'b', value: 'b1' })
  const { calls, handler } = heldHandler()
  const { clock, settle } = startRun({ lanes: [orders], options: { order: 'key', concurrency: 4, retry: { backoff: '1h', maxBackoff: '1h', jitter: false } } }, handler)
  await settle()
  calls[0]!.fail(new Error('not yet'))
  await settle()
  expect(orders.waitsUntil).toBeUndefined()
  await clock.advance(60_000)
  calls[1]!.fail(new Error('not yet'))
  await settle()
  expect(orders.waitsUntil).toBe(clock.now() + 3_540_000)
})

test('it looks ahead no further than to 4096 records from the first unhandled one', async () => {
  const orders = lane().append(...Array.from({ length: 5000 }, (_, i) => ({ key: i === 0 ? 'held' : 'other', value: String(i) })))
  const seen: string[] = []
  let end: (() => void) | undefined
  const { settle } = startRun({ lanes: [orders], options: { order: 'key', concurrency: 4 } }, record => {
    seen.push(record.value!)
    return record.key === 'held' ? new Promise<void>(resolve => { end = resolve }) : undefined
  })
  while (seen.length < 4096) await settle()
  await settle()
  expect(seen).toHaveLength(4096)
  end!()
  while (seen.length < 5000) await settle()
  expect([seen.length, orders.handled]).toEqual([5000, 5000])
})

test('it takes no more batches while those with unhandled records hold its share of what may be buffered', async () => {
  const lanes = [lane(0), lane(1)]
  for (let i = 0; i < 12; i++) for (const each of lanes) each.append({ key: 'held', value: 'x'.repeat(100_000) })
  const { calls, handler } = heldHandler()
  const { settle } = startRun({ lanes, options: { order: 'key', concurrency: 4, maxBufferedBytes: 800_000 } }, handler)
  await settle()
  expect(lanes.map(({ taken }) => taken)).toEqual([4, 4])
  calls[0]!.end()
  await settle()
  calls[2]!.end()
  await settle()
  expect(lanes.map(({ taken, handled }) => [taken, handled])).toEqual([[6, 2], [4, 0]])
})

test('a batch that is larger than its share is handled, and so are those behind it', async () => {
  const orders = lane()
  for (let i = 0; i < 3; i++) orders.append({ key: 'a', value: 'x'.repeat(5000) }, { key: 'b', value: 'y' })
  const { settle } = startRun({ lanes: [orders], options: { order: 'key', concurrency: 4, maxBufferedBytes: 1000 } }, () => undefined)
  await settle()
  expect(orders.handled).toBe(6)
})

test('keys are told apart by their bytes, decodable or not', async () => {
  const orders = lane().append({ key: 'bad', value: 'x' }, { key: 'bad', value: 'y' }, { key: 'good', value: 'z' })
  const seen: unknown[] = []
  const { settle, letters } = startRun({ lanes: [orders], options: { order: 'key', deadLetter: 'dead' } }, record => { seen.push(record.value) })
  await settle()
  expect(seen).toEqual(['z'])
  expect(letters.map(({ records }) => records[0]!.offset)).toEqual([0, 1])
  expect(orders.handled).toBe(3)
})
