// What run() takes: how a group is joined, without `commit`, which follows from `delivery`; and how handlers are called.
import { UsageError } from '../base/errors.ts'
import { boolean, duration, integer, nonEmptyText, oneOf, optionInvalid, optionTable, readOptions } from '../base/options.ts'
import { formatDuration, type Duration } from '../base/units.ts'
import { JOIN_OPTIONS, checkFrom, type JoinOptions, type JoinSettings } from '../groups/join-options.ts'
import { nameOf, type TopicLike } from '../log/topic-like.ts'

export interface BatchOptions { max?: number; wait?: Duration }

export interface RunOptions extends Omit<JoinOptions, 'commit'> {
  delivery?: 'at-least-once' | 'at-most-once' | 'exactly-once'
  concurrency?: number
  order?: 'partition' | 'key'
  batch?: BatchOptions
  retry?: { attempts?: number; backoff?: Duration; maxBackoff?: Duration; jitter?: boolean }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a topic of any types
  deadLetter?: string | TopicLike<any, any>
  handlerTimeout?: Duration
}

export interface BatchSettings {
  readonly max: number
  readonly waitMs: number
}

export interface RetrySettings {
  /** Calls of the handler, the first included. */
  readonly attempts: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly jitter: boolean
}

export interface RunSettings {
  /** Without the signal: where it aborts the runner stops first. */
  readonly join: JoinSettings
  readonly signal: AbortSignal | undefined
  readonly delivery: 'at-least-once' | 'at-most-once' | 'exactly-once'
  readonly concurrency: number
  readonly order: 'partition' | 'key'
  /** undefined: the handler takes one record. */
  readonly batch: BatchSettings | undefined
  readonly retry: RetrySettings
  /** The topic's name. */
  readonly deadLetter: string | undefined
  /** Infinity: none. */
  readonly handlerTimeoutMs: number
}

/** What a timer can hold. */
const LONGEST_MS = 2 ** 31 - 1
const DEFAULT_MAX_BACKOFF_MS = 30_000

const BATCH_OPTIONS = optionTable({
  max: { default: 500, read: integer({ min: 1, max: 100_000 }) },
  wait: { default: 0, read: duration({ max: LONGEST_MS }) }, // what is at hand: no record is held back
})

const RETRY_OPTIONS = optionTable({
  attempts: { default: 5, read: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) },
  backoff: { default: 100, read: duration({ max: LONGEST_MS }) },
  maxBackoff: { default: undefined, read: duration({ max: LONGEST_MS }) }, // 30s, or `backoff` where that is longer
  jitter: { default: true, read: boolean }, // or what failed together would come again together
})

const ONE_ATTEMPT: RetrySettings = Object.freeze({ attempts: 1, backoffMs: 0, maxBackoffMs: 0, jitter: false })

const { commit, ...SHARED_OPTIONS } = JOIN_OPTIONS

const RUN_OPTIONS = optionTable({
  ...SHARED_OPTIONS,
  delivery: { default: 'at-least-once', read: oneOf(['at-least-once', 'at-most-once', 'exactly-once']) },
  concurrency: { default: 1, read: integer({ min: 1, max: 10_000 }) },
  order: { default: 'partition', read: oneOf(['partition', 'key']) },
  batch: { default: undefined, read: readBatch },
  retry: { default: ONE_ATTEMPT, read: readRetry },
  deadLetter: { default: undefined, read: readTopicName },
  handlerTimeout: { default: Infinity, read: duration({ min: 1, max: LONGEST_MS }) },
})

/** With exactly-once the runner's transactions commit, and nothing else. */
const COMMITS = { 'at-least-once': 'auto', 'at-most-once': 'before', 'exactly-once': 'manual' } as const

/** `what` begins every message: "group 'billing': run". */
export function readRunOptions(options: unknown, what: string): RunSettings {
  const { delivery, concurrency, order, batch, retry, deadLetter, handlerTimeout, from, signal, ...shared } = readOptions(options, RUN_OPTIONS, what)
  checkFrom(from, what)
  if (delivery === 'exactly-once' && batch !== undefined) throw batches(what)
  if (delivery === 'at-most-once' && retry !== ONE_ATTEMPT) throw repeats(what)
  const join = Object.freeze({ ...shared, from, signal: undefined, commit: COMMITS[delivery] } as const)
  return Object.freeze({ join, signal, delivery, concurrency, order, batch, retry, deadLetter, handlerTimeoutMs: handlerTimeout })
}

function readBatch(value: unknown, name: string): BatchSettings {
  const { max, wait } = readOptions(value, BATCH_OPTIONS, name)
  return Object.freeze({ max, waitMs: wait })
}

function readRetry(value: unknown, name: string): RetrySettings {
  const { attempts, backoff, maxBackoff, jitter } = readOptions(value, RETRY_OPTIONS, name)
  if (maxBackoff !== undefined && maxBackoff < backoff) {
    throw new UsageError('OPTIONS_CONTRADICT', `${name}: backoff is ${formatDuration(backoff)} and maxBackoff ${formatDuration(maxBackoff)}`, {
      hint: 'the first back-off is no longer than the longest: backoff ≤ maxBackoff', details: { backoff, maxBackoff },
    })
  }
  return Object.freeze({ attempts, backoffMs: backoff, maxBackoffMs: maxBackoff ?? Math.max(backoff, DEFAULT_MAX_BACKOFF_MS), jitter })
}

/** A topic is known by its name; which one it is, the log says. */
function readTopicName(value: unknown, name: string): string {
  const given = nameOf(value)
  if (typeof given !== 'string') throw optionInvalid(value, name, 'the name of a topic, or a topic', 'the topic is made if there is none of that name')
  return nonEmptyText(given, name)
}

function batches(what: string): UsageError {
  return new UsageError('OPTIONS_CONTRADICT', `${what}: with delivery 'exactly-once' the handler takes one record, not batches`, {
    hint: 'leave out batch: what is handled in a tick shares a transaction as it is',
  })
}

function repeats(what: string): UsageError {
  return new UsageError('OPTIONS_CONTRADICT', `${what}: retry would hand a record out again, delivery 'at-most-once' never does`, {
    hint: "leave out retry, or take delivery 'at-least-once'",
  })
}
