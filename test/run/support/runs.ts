// A runner at work on fake lanes, and handlers that the test lets go. How long the machine takes decides nothing: no
// slice of the event loop is ever used up, unless the test says how time goes by.
import { onTestFinished, vi } from 'vitest'
import type { LogRecord } from '../../../src/log/log-record.ts'
import { SteppedClock } from '../../../src/platform/stepped-clock.ts'
import type { Handler, HandlerContext } from '../../../src/run/attempt.ts'
import type { DeadLetters, Failure } from '../../../src/run/dead-letters.ts'
import { readRunOptions, type RunOptions } from '../../../src/run/run-options.ts'
import { Runner } from '../../../src/run/runner.ts'
import { FakeLane, FakeMember } from './fake-member.ts'

type Text = LogRecord<string, string>

export interface Run {
  readonly runner: Runner
  readonly member: FakeMember
  readonly clock: SteppedClock
  /** What the group's 'error' listeners heard. */
  readonly errors: unknown[]
  readonly unobserved: unknown[]
  /** Nobody has to hear of a failure any more. */
  wasSettled(): boolean
  readonly letters: { readonly records: readonly LogRecord[]; readonly failure: Failure }[]
  /** Lets everything that needs no time come to rest. */
  settle(): Promise<void>
}

export interface RunParts {
  readonly lanes: readonly FakeLane[]
  readonly options?: Partial<RunOptions>
  readonly random?: () => number
  /** What writing a dead letter waits for, or fails with. */
  readonly writeLetter?: () => Promise<void>
}

export function startRun({ lanes, options, random = () => 0.5, writeLetter = () => Promise.resolve() }: RunParts, handler: (record: Text, context: HandlerContext) => unknown): Run {
  return startBatchRun({ lanes, ...options === undefined ? {} : { options }, random, writeLetter }, handler as unknown as (records: Text[], context: HandlerContext) => unknown)
}

export function startBatchRun({ lanes, options, random = () => 0.5, writeLetter = () => Promise.resolve() }: RunParts, handler: (records: Text[], context: HandlerContext) => unknown): Run {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0)
  onTestFinished(() => { now.mockRestore() })
  const member = new FakeMember(lanes)
  const clock = new SteppedClock()
  const errors: unknown[] = []
  const unobserved: unknown[] = []
  let settled = 0
  const letters: Run['letters'] = []
  const settings = readRunOptions({ from: 'earliest', ...options }, "group 'billing': run")
  const deadLetters = {
    write: async (records: readonly LogRecord[], failure: Failure) => {
      await writeLetter()
      letters.push({ records: [...records], failure })
    },
    close: () => { /* nothing is open */ },
  } as unknown as DeadLetters
  const runner = new Runner(
    { group: 'billing', clock, handler: handler as Handler, settings, deadLetters: settings.deadLetter === undefined ? undefined : deadLetters },
    { member: member.asMember, random, onError: error => { errors.push(error) }, onUnobserved: error => { unobserved.push(error) }, onSettled: () => { settled++ } },
  )
  onTestFinished(async () => { await runner.stop({ timeout: 0 }).catch(() => undefined) })
  return { runner, member, clock, errors, unobserved, letters, wasSettled: () => settled > 0, settle: () => clock.settle() }
}

export function lane(partition = 0): FakeLane {
  return new FakeLane(partition)
}

/** Texts '0' to `count - 1` in one batch. */
export function numbered(count: number, from = 0): { value: string }[] {
  return Array.from({ length: count }, (_, i) => ({ value: String(from + i) }))
}

interface Call { readonly record: Text; readonly context: HandlerContext; end(): void; fail(error: unknown): void }

/** A handler whose calls end when the test says so. */
export function heldHandler(): { readonly calls: Call[]; readonly handler: (record: Text, context: HandlerContext) => Promise<void>; values(): (string | null)[] } {
  const calls: Call[] = []
  return {
    calls,
    values: () => calls.map(({ record }) => record.value),
    handler: (record, context) => new Promise<void>((resolve, reject) => { calls.push({ record, context, end: () => { resolve() }, fail: reject }) }),
  }
}
