// One call of the handler from beginning to end: what must be so before it (decoded, perhaps committed), the call
// within its time, and what a failure leads to: another attempt, a dead letter, or the end of the runner.
import { UsageError } from '../base/errors.ts'
import type { Lane } from '../groups/lane.ts'
import type { Member } from '../groups/member.ts'
import type { LogRecord } from '../log/log-record.ts'
import type { Clock } from '../platform/clock.ts'
import { Attempt, HoldingAttempt, type Handler } from './attempt.ts'
import { backOffMs } from './back-off.ts'
import type { DeadLetters, Failure } from './dead-letters.ts'
import { HeldSends, type HeldSendsParts } from './held-sends.ts'
import type { Task } from './lane-queue.ts'
import { RunStopped, handlerFailed, handlerTimedOut } from './run-errors.ts'
import type { RunSettings } from './run-options.ts'

export interface HandlingParts {
  readonly group: string
  readonly member: Pick<Member, 'commitNow'>
  readonly handler: Handler
  readonly settings: RunSettings
  readonly deadLetters: DeadLetters | undefined
  /** With exactly-once. */
  readonly holding?: HeldSendsParts | undefined
  readonly clock: Clock
  /** Draws from [0, 1). */
  readonly random: () => number
  /** Every failed attempt. */
  readonly tell: (error: unknown) => void
}

interface Refused { readonly record: LogRecord; readonly error: unknown }

export class Handling {
  readonly #parts: HandlingParts
  readonly #handler: Handler
  readonly #commitsFirst: boolean
  readonly #timeoutMs: number

  constructor(parts: HandlingParts) {
    this.#parts = parts
    this.#handler = parts.handler
    this.#commitsFirst = parts.settings.delivery === 'at-most-once'
    this.#timeoutMs = parts.settings.handlerTimeoutMs
  }

  /** undefined: it has ended. Throws, or rejects with, what failed() is to be asked about. */
  attempt(task: Task): PromiseLike<unknown> | undefined {
    const refused = task.attempt === 1 ? undecodable(task) : undefined
    if (refused !== undefined) return this.#without(refused, task)
    if (this.#parts.holding !== undefined) return this.#callHolding(task, new HeldSends(this.#parts.holding))
    return this.#commitsFirst ? this.#commitAndCall(task, endOf(task)) : this.#call(task)
  }

  /** Milliseconds to the next attempt; undefined: it is a dead letter now. Throws RunStopped where there is neither. */
  async failed(task: Task, error: unknown): Promise<number | undefined> {
    if (error instanceof RunStopped) throw error
    const { group, settings: { retry }, deadLetters, random, tell } = this.#parts
    if (!isTimeOut(error)) tell(error) // that one was told in its time
    if (task.attempt < retry.attempts) return backOffMs(retry, task.attempt, random)
    if (deadLetters === undefined) throw new RunStopped(handlerFailed(group, task, this.#commitsFirst, error))
    await this.#bury(deadLetters, task, task.records, { attempts: task.attempt, error })
    return undefined
  }

  /** With exactly-once. What it has sent goes with its record, unless it fails. */
  #callHolding(task: Task, tx: HeldSends): PromiseLike<unknown> | undefined {
    let running: PromiseLike<unknown> | undefined
    try {
      running = this.#call(task, tx)
    } catch (error) {
      tx.close()
      throw error
    }
    if (running !== undefined || tx.encoding !== undefined) return endHolding(task, tx, running)
    keepSends(task, tx)
    return undefined
  }

  #call(task: Task, tx?: HeldSends): PromiseLike<unknown> | undefined {
    const handler = this.#handler // without a `this`
    const isTimed = this.#timeoutMs !== Infinity
    const attempt = tx === undefined ? new Attempt(task.attempt, task.queue.signal, isTimed) : new HoldingAttempt(task.attempt, task.queue.signal, isTimed, tx)
    const { given } = task
    const result = handler(Array.isArray(given) ? [...given] : given, attempt) // what it does to its array is not seen by the next attempt
    if (!isThenable(result)) return undefined
    if (this.#timeoutMs === Infinity) return result
    return attempt.within(this.#timeoutMs, this.#parts.clock, result, () => {
      const error = handlerTimedOut(this.#parts.group, task, this.#timeoutMs)
      this.#parts.tell(error)
      return error
    })
  }

  async #commitAndCall(task: Task, end: number): Promise<void> {
    await this.#commit(task.queue.lane, end)
    await this.#call(task)
  }

  /** A later record of the lane may have been handed out meanwhile, and committed. */
  async #commit(lane: Lane, end: number): Promise<void> {
    if (lane.committed >= end) return
    try {
      await this.#parts.member.commitNow([{ lane, offset: end }])
    } catch (error) {
      throw new RunStopped(error)
    }
  }

  /** What can't be decoded becomes a dead letter before the rest is handled. */
  async #without(refused: readonly Refused[], task: Task): Promise<void> {
    const { deadLetters, tell } = this.#parts
    const end = endOf(task)
    for (const { record, error } of refused) {
      tell(error)
      if (deadLetters === undefined || isProgramsMistake(error)) throw new RunStopped(error)
      await this.#bury(deadLetters, task, [record], { attempts: 0, error })
    }
    const rest = task.records.filter(record => !refused.some(each => each.record === record))
    if (this.#commitsFirst) await this.#commit(task.queue.lane, end)
    if (rest.length === 0) return
    task.given = rest
    await this.#call(task)
  }

  async #bury(deadLetters: DeadLetters, task: Task, records: readonly LogRecord[], failure: Failure): Promise<void> {
    const { holding } = this.#parts
    try {
      if (holding === undefined) return await deadLetters.write(records, failure)
      task.effects = new HeldSends(holding)
      deadLetters.hold(records, failure, task.effects)
    } catch (error) {
      throw new RunStopped(error)
    }
  }
}

async function endHolding(task: Task, tx: HeldSends, running: PromiseLike<unknown> | undefined): Promise<void> {
  try {
    await running
  } finally {
    tx.close()
  }
  if (tx.encoding !== undefined) await tx.encoding
  keepSends(task, tx)
}

function keepSends(task: Task, tx: HeldSends): void {
  tx.close()
  tx.checkSound()
  task.effects = tx
}

/** undefined: all can be decoded, and is. */
function undecodable({ given }: Task): Refused[] | undefined {
  if (!Array.isArray(given)) {
    const refused = decode(given)
    return refused === undefined ? undefined : [refused]
  }
  const refused = given.flatMap(record => decode(record) ?? [])
  return refused.length === 0 ? undefined : refused
}

function decode(record: LogRecord): Refused | undefined {
  try {
    void record.key
    void record.value
    return undefined
  } catch (error) {
    return { record, error }
  }
}

/** It is the same with every record: that there is no serde says nothing about this one. */
function isProgramsMistake(error: unknown): boolean {
  return error instanceof UsageError && error.code === 'SERDE_MISSING'
}

function isTimeOut(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'HANDLER_TIMED_OUT'
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && 'then' in value && typeof value.then === 'function'
}

function endOf({ records }: Task): number {
  return records.at(-1)!.offset + 1
}
