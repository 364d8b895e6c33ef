// Runners of every kind that come, go and fail in one group, on a log that is killed now and then: at least once means
// that nothing is committed before it was handled, that in the end all was, and that a key is in one place at a time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventLog, LogRecord, RunOptions, Runner } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'

const PARTITIONS = 3
const KEYS = ['a', 'b', 'c', 'd', 'e']

const kind = fc.record({ order: fc.constantFrom('partition' as const, 'key' as const), concurrency: fc.integer({ min: 1, max: 8 }), batch: fc.constantFrom(undefined, { max: 3 }, { max: 5, wait: 20 }) })
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ send: fc.array(fc.tuple(fc.nat(PARTITIONS - 1), fc.constantFrom(...KEYS)), { minLength: 1, maxLength: 15 }) }) },
  { weight: 2, arbitrary: fc.record({ start: kind }) },
  { weight: 2, arbitrary: fc.record({ stop: fc.nat(10), now: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ advance: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.constant({ kill: true as const }) },
)
const history = fc.record({ seed: fc.nat(1_000_000), steps: fc.array(step, { minLength: 5, maxLength: 30 }), calls: fc.array(fc.record({ ms: fc.nat(30), fails: fc.nat(6) }), { minLength: 1, maxLength: 30 }) })

/** What handlers have done in the life of the log since it was last killed, and what is handled for good. */
class Ledger {
  readonly #handled = new Set<string>()
  readonly #sent = new Map<number, number>()
  readonly #open = new Set<string>()
  readonly faults: string[] = []
  #life = 0

  sent(partition: number): void {
    this.#sent.set(partition, (this.#sent.get(partition) ?? 0) + 1)
  }

  killed(): void {
    this.#life++
    this.#open.clear()
  }

  /** Returns what ends the call. */
  begins(records: readonly LogRecord[]): (fails: boolean) => void {
    const life = this.#life
    const places = [...new Set(records.map(({ partition, key }) => `${partition} ${String(key)}`))]
    for (const place of places) {
      if (this.#open.has(place)) this.faults.push(`two handlers have ${place}`) // thrown, it would be a handler's failure
      this.#open.add(place)
    }
    return fails => {
      if (life !== this.#life) return
      for (const place of places) this.#open.delete(place)
      if (!fails) for (const { partition, offset } of records) this.#handled.add(`${partition} ${offset}`)
    }
  }

  unhandled(partition: number): number {
    const sent = this.#sent.get(partition) ?? 0
    for (let offset = 0; offset < sent; offset++) if (!this.#handled.has(`${partition} ${offset}`)) return offset
    return sent
  }

  get isComplete(): boolean { return [...this.#sent].every(([partition, sent]) => this.unhandled(partition) === sent) }
}

test('nothing is committed before it was handled, all is in the end, and a key is in one place at a time (HISTORIES=1000 for more)', async () => {
  await fc.assert(fc.asyncProperty(history, async ({ seed, steps, calls }) => {
    const ledger = new Ledger()
    let log: TestLog = await testLog({ seed })
    const runners: Runner[] = []
    const failures: unknown[] = []
    let call = 0

    const start = async (on: TestLog, options: Partial<RunOptions>) => {
      const handler = (given: LogRecord | readonly LogRecord[]) => new Promise<void>((resolve, reject) => {
        const end = ledger.begins(Array.isArray(given) ? given as LogRecord[] : [given as LogRecord])
        const { ms, fails } = calls[call++ % calls.length]!
        const hasFailed = fails === 0 && call < 300
        on.clock.setTimeout(() => {
          end(hasFailed)
          if (hasFailed) reject(new Error('as planned'))
          else resolve()
        }, ms)
      })
      const runner = await on.group('billing').run('orders', handler as never, { from: 'earliest', retry: { attempts: 1000, backoff: 5, maxBackoff: 50 }, ...options } as never)
      runner.done.catch((error: unknown) => { if (on === log) failures.push(error) })
      runners.push(runner)
    }

    const check = async (on: EventLog) => {
      const committed = await on.group('billing').committed('orders')
      for (const [partition, offset] of committed) expect(offset).toBeLessThanOrEqual(ledger.unhandled(partition))
      expect([...failures, ...ledger.faults]).toEqual([])
    }

    await log.topic('orders', { partitions: PARTITIONS })
    for (const given of steps) {
      if ('send' in given) {
        const orders = await log.topic('orders')
        await orders.send(given.send.map(([partition, key]) => ({ partition, key, value: 1 })))
        for (const [partition] of given.send) ledger.sent(partition)
      } else if ('start' in given) await start(log, given.start as Partial<RunOptions>)
      else if ('stop' in given) {
        const [runner] = runners.splice(given.stop % Math.max(1, runners.length), 1)
        const stopped = runner?.stop()
        if (!given.now) await log.clock.advance(60)
        stopped?.catch((error: unknown) => { failures.push(error) })
      } else if ('advance' in given) await log.clock.advance(given.advance)
      else {
        ledger.killed()
        log = await log.crash()
        runners.length = 0
      }
      await check(log)
    }
    await start(log, {})
    for (let rounds = 0; !ledger.isComplete && rounds < 1000; rounds++) await log.clock.advance(100)
    expect(ledger.isComplete).toBe(true)
    const inTheEnd = Array.from({ length: PARTITIONS }, (_, partition) => ledger.unhandled(partition))
    const committed = async () => {
      const positions = await log.group('billing').committed('orders')
      return inTheEnd.map((_, partition) => positions.get(partition) ?? 0)
    }
    // On a busy machine a record that came again may still be at its handler, or the last commit on its way.
    for (let rounds = 0; rounds < 100 && (await committed()).join() !== inTheEnd.join(); rounds++) await log.clock.advance(100)
    await check(log)
    expect(await committed()).toEqual(inTheEnd)
    await log.close()
  }), { numRuns: Number(process.env['HISTORIES'] ?? 40), timeout: 5000 })
})
