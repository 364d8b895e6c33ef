// A handler at work on what a member owns, from its beginning to its end. How records reach the handler is in
// dispatcher.ts and handling.ts.
//
//   running → stopping → stopped | failed
//
// Stopping: nothing more is handed out, what waits for its next attempt is given up, handlers that are under way end,
// what was handled is committed. Where time is up before they have ended, their signals abort and the runner leaves
// without them; what they hold is not committed. A handler that awaits stop() waits for itself, until that time is up.
//
// Where the log or the member is closed, or the caller's signal aborts, the runner stops: that is no failure.
import { onAbort } from '../base/abort-listeners.ts'
import { ClosedError, MillraceError, type TimeoutError } from '../base/errors.ts'
import { callback, duration, optionTable, readOptions } from '../base/options.ts'
import type { Duration } from '../base/units.ts'
import type { Lane } from '../groups/lane.ts'
import type { Member } from '../groups/member.ts'
import type { Subscription } from '../groups/subscription.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { Clock } from '../platform/clock.ts'
import { keepAlive } from '../platform/keep-alive.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { OpenTransaction } from '../transactions/open-transaction.ts'
import type { Handler } from './attempt.ts'
import { BatchQueue } from './batch-queue.ts'
import { DeadLetters } from './dead-letters.ts'
import { Dispatcher } from './dispatcher.ts'
import { Handling } from './handling.ts'
import { InOrderQueue } from './in-order-queue.ts'
import { KeyQueue } from './key-queue.ts'
import type { LaneQueue, QueueOwner } from './lane-queue.ts'
import { messageOf, stopTimedOut } from './run-errors.ts'
import { readRunOptions, type RunSettings } from './run-options.ts'
import { RunTransactions } from './run-transactions.ts'

const STOP_OPTIONS = optionTable({ timeout: { default: 10_000, read: duration() } })
/** For handlers that are under way when the runner ends without having been asked to. */
const DEFAULT_TIMEOUT_MS = STOP_OPTIONS.timeout.default

/** All that can be refused, found before the group is joined with `settings.join`. */
export interface PreparedRun {
  readonly group: string
  readonly clock: Clock
  readonly handler: Handler
  readonly settings: RunSettings
  readonly deadLetters: DeadLetters | undefined
}

/** What delivery 'exactly-once' needs. */
export interface ExactlyOnceParts {
  readonly member: Member
  readonly begin: () => Promise<OpenTransaction>
  readonly topicOf: (topic: unknown) => StoredTopic
}

export interface RunnerParts {
  readonly member: Pick<Member, 'lanes' | 'ready' | 'ended' | 'use' | 'turn' | 'commitNow' | 'close'>
  /** Draws from [0, 1): the jitter of back-offs. */
  readonly random: () => number
  /** Every failed attempt, and every record that can't be decoded. */
  readonly onError: (error: unknown) => void
  /** The runner has failed and nobody has asked for `done`. */
  readonly onUnobserved: (error: MillraceError) => void
  /** It has ended well, or somebody has stopped it after its failure: nobody has to hear of that any more. */
  readonly onSettled: () => void
  readonly exactlyOnce?: ExactlyOnceParts | undefined
}

export interface Health {
  state: 'running' | 'stopping' | 'stopped' | 'failed'
  /** Partitions. */
  assigned: number
  /** Calls of the handler. */
  inFlight: number
  /** Records that are stored and not handled yet. */
  lag: number
  /** Of the latest failed attempt, or what has ended the runner. */
  lastError?: unknown
}

export async function prepareRun(log: OpenLog, group: string, subscription: Subscription, handler: unknown, options: unknown): Promise<PreparedRun> {
  const what = `group '${group}': run`
  const settings = readRunOptions(options, what)
  const called = callback<Handler>()(handler, `${what}: the handler`)
  settings.signal?.throwIfAborted()
  const deadLetters = settings.deadLetter === undefined ? undefined : await DeadLetters.open(log, settings.deadLetter, group, subscription)
  settings.signal?.throwIfAborted()
  return { group, clock: log.settings.clock, handler: called, settings, deadLetters }
}

export class Runner implements AsyncDisposable {
  readonly #prepared: PreparedRun
  readonly #parts: RunnerParts
  readonly #dispatcher: Dispatcher
  readonly #transactions: RunTransactions | undefined
  readonly #letGo = keepAlive()
  readonly #stopListening: () => void
  readonly #done: Promise<void>
  #settle!: { readonly resolve: () => void; readonly reject: (error: unknown) => void }
  #isObserved = false
  #state: Health['state'] = 'running'
  #lastError: { readonly error: unknown } | undefined
  #failure: MillraceError | undefined
  #late: TimeoutError | undefined
  #ending: Promise<void> | undefined
  #leaveNow: (() => void) | undefined
  readonly #timers: { cancel(): void }[] = []

  constructor(prepared: PreparedRun, parts: RunnerParts) {
    this.#prepared = prepared
    this.#parts = parts
    this.#done = new Promise((resolve, reject) => { this.#settle = { resolve, reject } })
    this.#done.catch(() => { /* told to onUnobserved where nobody asks for it */ })
    const { clock, settings } = prepared
    const tell = (error: unknown) => {
      this.#lastError = { error }
      parts.onError(error)
    }
    this.#transactions = parts.exactlyOnce && new RunTransactions({
      ...parts.exactlyOnce, clock,
      commitIntervalMs: settings.join.commitInterval,
      onCommitted: () => { this.#dispatcher.committed() },
      onFailed: tell,
      onFailedForGood: error => { if (parts.member.ended === undefined) this.#fail(error) },
    })
    const holding = parts.exactlyOnce && { clock, topicOf: parts.exactlyOnce.topicOf, what: `group '${prepared.group}': tx.send` }
    this.#dispatcher = new Dispatcher({
      member: parts.member,
      handling: new Handling({ ...prepared, holding, member: parts.member, random: parts.random, tell }),
      transactions: this.#transactions,
      clock,
      concurrency: settings.concurrency,
      newQueue: (lane, owner) => newQueue(settings, parts.member, lane, owner),
      onStopped: cause => { this.#fail(cause) },
      onMemberEnded: reason => { this.#memberEnded(reason) },
    })
    parts.member.use(this.#dispatcher)
    const stopped = () => { void this.stop().catch(() => { /* `done` and the log's 'error' tell */ }) }
    this.#stopListening = onAbort(settings.signal, stopped)
    if (settings.signal?.aborted === true) stopped()
  }

  /** Settles when the runner has ended: rejects with what stopped it. */
  get done(): Promise<void> {
    this.#isObserved = true
    return this.#done
  }

  health(): Health {
    const lanes = [...this.#parts.member.lanes.values()]
    const lag = lanes.reduce((sum, lane) => sum + lane.log.endOffset - lane.handled, 0)
    return { state: this.#state, assigned: lanes.length, inFlight: this.#dispatcher.inFlight, lag, ...this.#lastError === undefined ? {} : { lastError: this.#lastError.error } }
  }

  /** What has ended it, once that is known. */
  get failure(): MillraceError | undefined { return this.#failure }

  /** Throws what has ended the runner, if nobody has asked for `done`; a TimeoutError if handlers were left behind. Idempotent. */
  async stop(options?: { timeout?: Duration }): Promise<void> {
    const { timeout } = readOptions(options, STOP_OPTIONS, `group '${this.#prepared.group}': stop`)
    const ending = this.#end()
    this.#leaveAfter(timeout)
    await ending
    this.#parts.onSettled()
    if (this.#failure === undefined && this.#late !== undefined) throw this.#late
    if (this.#failure !== undefined && !this.#isObserved) throw this.#failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #memberEnded(reason: Error): void {
    if (!(reason instanceof ClosedError)) return this.#fail(reason)
    void this.#end()
    this.#leaveAfter(DEFAULT_TIMEOUT_MS)
  }

  #fail(cause: unknown): void {
    if (this.#ending !== undefined && this.#state !== 'stopping') return
    this.#failure ??= typed(cause, this.#prepared.group)
    this.#lastError = { error: this.#failure }
    void this.#end()
    this.#leaveAfter(DEFAULT_TIMEOUT_MS)
  }

  #end(): Promise<void> {
    this.#ending ??= this.#finish()
    return this.#ending
  }

  async #finish(): Promise<void> {
    this.#state = 'stopping'
    this.#stopListening()
    const timeUp = new Promise<void>(resolve => { this.#leaveNow = resolve })
    await Promise.race([this.#dispatcher.stop(), timeUp])
    if (this.#dispatcher.inFlight > 0) this.#leaveHandlers()
    await this.#leaveGroup()
    for (const timer of this.#timers) timer.cancel()
    this.#letGo()
    this.#state = this.#failure === undefined ? 'stopped' : 'failed'
    if (this.#failure === undefined) {
      this.#parts.onSettled()
      this.#settle.resolve()
    } else this.#settle.reject(this.#failure)
    void this.#tellUnobserved()
  }

  #leaveHandlers(): void {
    this.#late = stopTimedOut(this.#prepared.group, this.#dispatcher.inFlight)
    this.#dispatcher.abort(this.#late)
  }

  async #leaveGroup(): Promise<void> {
    try {
      await this.#commitAndClose()
    } catch (error) {
      this.#failure ??= typed(error, this.#prepared.group)
      this.#lastError = { error: this.#failure }
    }
    this.#prepared.deadLetters?.close()
  }

  async #commitAndClose(): Promise<void> {
    try {
      await this.#transactions?.close()
    } finally {
      await this.#parts.member.close()
    }
  }

  #leaveAfter(ms: number): void {
    if (this.#state !== 'stopping' || ms === Infinity) return
    if (ms === 0) this.#leaveNow?.()
    else this.#timers.push(this.#prepared.clock.setTimeout(() => { this.#leaveNow?.() }, ms))
  }

  /** A turn later, so that whoever has just got the runner can ask for `done`. */
  async #tellUnobserved(): Promise<void> {
    if (this.#failure === undefined) return
    await nextTurn()
    if (!this.#isObserved) this.#parts.onUnobserved(this.#failure)
  }
}

function newQueue({ batch, order, delivery, join: { maxBufferedBytes } }: RunSettings, { lanes }: Pick<Member, 'lanes'>, lane: Lane, owner: QueueOwner): LaneQueue {
  const shareBytes = () => maxBufferedBytes / Math.max(1, lanes.size)
  if (batch !== undefined) return new BatchQueue(lane, owner, batch, shareBytes)
  if (order === 'key') return new KeyQueue(lane, owner, { byOffset: delivery === 'at-most-once', shareBytes })
  return new InOrderQueue(lane, owner)
}

function typed(cause: unknown, group: string): MillraceError {
  if (cause instanceof MillraceError) return cause
  return new MillraceError('RUNNER_FAILED', `group '${group}': the runner failed: ${messageOf(cause)}`, { hint: 'look at the cause', details: { group }, cause })
}
