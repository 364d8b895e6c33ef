// Puts what was handled into transactions: what its handlers have sent, and the positions behind it, so that each effect
// happens exactly once. One transaction after the other; what goes into which is in passed-tasks.ts.
//
// A transaction is begun when it can be committed at once: none is open while a handler runs, and readers wait for
// nobody's handler. So one that fails has taken nothing along: its effects are still here and go into the next, without
// those of partitions that were lost meanwhile. Their new owner handles those records; no handler here is called again.
//
// Once a turn of the event loop, every commitInterval, or when there is enough for one, whichever is first. Handlers go
// on while one is committed; when there is enough for another as well, they wait.
import { LimitError, StorageError, TimeoutError } from '../base/errors.ts'
import type { Lane } from '../groups/lane.ts'
import type { Member, UserCommits } from '../groups/member.ts'
import type { Clock } from '../platform/clock.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { OpenTransaction } from '../transactions/open-transaction.ts'
import type { Task } from './lane-queue.ts'
import { PassedTasks, isGone, type Entry } from './passed-tasks.ts'

/** A full disk passes. */
const COMMIT_AGAIN_MS = 1000

export interface RunTransactionsParts {
  readonly member: Member
  readonly clock: Clock
  readonly commitIntervalMs: number
  readonly begin: () => Promise<OpenTransaction>
  /** Lanes that were waited for may be handed on. */
  readonly onCommitted: () => void
  /** It is tried again. */
  readonly onFailed: (error: unknown) => void
  /** Nothing more is committed. */
  readonly onFailedForGood: (error: unknown) => void
}

export class RunTransactions implements UserCommits {
  readonly #parts: RunTransactionsParts
  readonly #tasks = new PassedTasks()
  #running: Promise<void> | undefined
  /** Somebody waits for what is handled now. */
  #isWanted = false
  #due: { cancel(): void } | undefined
  #isRetrying = false
  #state: 'open' | 'closing' | 'ended' = 'open'
  /** What all wait for while there is enough for another transaction. */
  #room: { readonly opened: Promise<void>; readonly open: () => void } | undefined

  constructor(parts: RunTransactionsParts) {
    this.#parts = parts
  }

  /** It is handled, and so is all before it in its lane, which is settled in the same step. */
  passed(task: Task): void {
    if (this.#state === 'ended') return
    this.#tasks.add(task)
    this.soon()
  }

  /** undefined: another record may be handled now. */
  get room(): Promise<void> | undefined {
    if (!this.#tasks.isFull || this.#state === 'ended') return undefined
    this.soon()
    this.#room ??= newRoom()
    return this.#room.opened
  }

  /** Something of it is handled and not committed. */
  owes(lane: Lane): boolean {
    return this.#state !== 'ended' && this.#tasks.owes(lane)
  }

  soon(): void {
    if (this.#state !== 'open' || this.#running !== undefined) return
    const { commitIntervalMs, clock } = this.#parts
    if (this.#tasks.isFull && !this.#isRetrying) void this.handled()
    else if (this.#due !== undefined) return
    else if (commitIntervalMs > 0) this.#due = clock.setTimeout(() => { void this.handled() }, commitIntervalMs)
    else this.#atNextTurn()
  }

  /** Resolves once what is handled now is committed, or could not be. */
  handled(): Promise<void> {
    if (this.#state !== 'open') return this.#running ?? Promise.resolve()
    this.#cancelDue()
    this.#isWanted = true
    return this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#owesAny) this.soon()
    })
  }

  /** All that is handled is committed when it resolves. Rejects where that can't be; nothing more is committed then. */
  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing'
    this.#cancelDue()
    await this.#running
    try {
      while (this.#state === 'closing' && this.#owesAny) await this.#commit()
    } finally {
      this.#end()
    }
  }

  #end(): void {
    this.#state = 'ended'
    this.#cancelDue()
    this.#tellRoom()
  }

  // ---------------------------------------------------------------- when

  get #owesAny(): boolean {
    for (const lane of this.#parts.member.lanes.values()) if (this.owes(lane)) return true
    return false
  }

  #atNextTurn(): void {
    let isCancelled = false
    this.#due = { cancel: () => { isCancelled = true } }
    void nextTurn().then(() => { if (!isCancelled) void this.handled() })
  }

  #cancelDue(): void {
    this.#due?.cancel()
    this.#due = undefined
    this.#isRetrying = false
  }

  async #run(): Promise<void> {
    try {
      while (this.#state === 'open' && (this.#isWanted || this.#tasks.isFull)) {
        this.#isWanted = false
        await this.#commit()
      }
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    const { clock, onFailed, onFailedForGood } = this.#parts
    if (error instanceof LimitError || error instanceof TimeoutError) {
      onFailed(error)
      if (this.#state !== 'open') return
      this.#isRetrying = true
      this.#due = clock.setTimeout(() => { void this.handled() }, COMMIT_AGAIN_MS)
    } else {
      this.#end()
      onFailedForGood(error)
    }
  }

  // ---------------------------------------------------------------- a transaction

  /** Commits one, if there is something to commit. */
  async #commit(): Promise<void> {
    while (this.#owesAny) {
      const entries: Entry[] = []
      try {
        await this.#transact(entries)
        this.#tasks.committed()
        return this.#parts.onCommitted()
      } catch (error) {
        if (error instanceof StorageError || !entries.some(({ lane }) => isGone(lane))) throw error // what the disk has of it is not known
      }
    }
    this.#tasks.dropGone()
    this.#tellRoom()
  }

  /** `entries`: gets what is to be committed. */
  async #transact(entries: Entry[]): Promise<void> {
    const transaction = await this.#parts.begin()
    try {
      this.#tasks.take()
      this.#tellRoom()
      entries.push(...this.#tasks.positions(this.#parts.member.lanes.values()))
      if (entries.length > 0) transaction.advance(this.#parts.member, entries)
      for (const { effects } of this.#tasks.taken) for (const { topic, record } of effects?.records ?? []) transaction.sendEncoded(topic, record)
      await transaction.commit()
    } catch (error) {
      transaction.abort(error)
      throw error
    }
  }

  #tellRoom(): void {
    if (this.#tasks.isFull && this.#state !== 'ended') return
    this.#room?.open()
    this.#room = undefined
  }
}

function newRoom(): { opened: Promise<void>; open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  return { opened, open }
}
