// What a member commits, and when. With 'auto' what is handled: at the next turn of the event loop, or once every
// commitInterval; with 'manual' and 'before' what put() is given, and nothing else.
//
// A full disk passes, so that commit is tried again; a log of positions that has failed does not, and nobody handles
// what he can't commit: the member is told, and ends.
import { LimitError, StorageError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { nextTurn } from '../platform/next-turn.ts'
import type { JoinSettings } from './join-options.ts'
import type { Lane } from './lane.ts'
import type { Commit } from './positions.ts'

const COMMIT_AGAIN_MS = 1000

export interface CommitsParts {
  readonly settings: Pick<JoinSettings, 'commit' | 'commitInterval'>
  readonly clock: Clock
  readonly lanes: () => Iterable<Lane>
  /** As durable as the log's default when it resolves. */
  readonly commit: (commits: readonly Commit[]) => Promise<void>
  /** Somebody may wait for the group to be idle. */
  readonly progressed: () => void
  /** In the background. */
  readonly onFailed: (error: unknown) => void
  /** There is no use in going on. */
  readonly onFailedForGood: (error: StorageError) => void
}

export class MemberCommits {
  readonly #parts: CommitsParts
  #due: { cancel(): void } | undefined
  #inFlight = 0
  #ended = false

  constructor(parts: CommitsParts) {
    this.#parts = parts
  }

  get isAuto(): boolean { return this.#parts.settings.commit === 'auto' }
  get inFlight(): number { return this.#inFlight }

  async put(entries: readonly { readonly lane: Lane; readonly offset: number }[]): Promise<void> {
    const before = entries.map(({ lane }) => lane.committed)
    for (const { lane, offset } of entries) lane.committed = offset
    this.#inFlight++
    try {
      await this.#parts.commit(entries.map(({ lane, offset }) => ({ topic: lane.topic, partition: lane.partition, offset })))
      for (const { lane } of entries) lane.isCommitted = true
    } catch (error) {
      for (const [i, { lane }] of entries.entries()) lane.committed = before[i]!
      throw error
    } finally {
      this.#inFlight--
      this.#parts.progressed()
    }
  }

  soon(): void {
    if (this.#due !== undefined || this.#ended) return
    const { settings, clock } = this.#parts
    if (settings.commitInterval > 0) this.#due = clock.setTimeout(() => { void this.handled() }, settings.commitInterval)
    else this.#atNextTurn()
  }

  /** What is handled and not committed yet, now. */
  async handled(): Promise<void> {
    this.#due?.cancel()
    this.#due = undefined
    const entries = [...this.#parts.lanes()].filter(lane => isOwed(lane)).map(lane => ({ lane, offset: lane.handled }))
    if (entries.length === 0 || !this.isAuto) return
    try {
      await this.put(entries)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** With 'auto' what was handled; else at least where the group has begun, so that the next owner goes on there. */
  onLeaving(lanes: readonly Lane[]): Promise<void> {
    const { isAuto } = this
    const entries = lanes.filter(lane => lane.stored.gone === undefined && (!lane.isCommitted || (isAuto && isOwed(lane))))
      .map(lane => ({ lane, offset: isAuto ? lane.handled : lane.committed }))
    return entries.length === 0 ? Promise.resolve() : this.put(entries)
  }

  end(): void {
    this.#ended = true
    this.#due?.cancel()
  }

  #atNextTurn(): void {
    let cancelled = false
    this.#due = { cancel: () => { cancelled = true } }
    void nextTurn().then(() => { if (!cancelled) void this.handled() })
  }

  #failed(error: unknown): void {
    if (this.#ended) return
    this.#parts.onFailed(error)
    if (error instanceof LimitError) this.#due ??= this.#parts.clock.setTimeout(() => { void this.handled() }, COMMIT_AGAIN_MS)
    else if (error instanceof StorageError) this.#parts.onFailedForGood(error)
  }
}

/** A commit would say something new. Of a topic that was deleted it would be taken for a later one's of that name. */
export function isOwed(lane: Lane): boolean {
  return lane.handled !== lane.committed && lane.stored.gone === undefined
}
