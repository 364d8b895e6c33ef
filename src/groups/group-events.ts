// What a group tells those who listen to it: that a rebalance is over, that a member stands still, what went wrong.
import { MillraceError } from '../base/errors.ts'
import { Listeners } from '../log/event-emitter.ts'
import type { OpenLog } from '../log/open-log.ts'

export interface GroupEvents {
  rebalance: { generation: number; members: number; moved: number; durationMs: number }
  stalled: { topic: string; partition: number; offset: number; sinceMs: number }
  error: { error: unknown }
}

export class GroupTelling {
  readonly #log: OpenLog
  readonly #listeners: Listeners<GroupEvents>
  #rebalancing: { readonly startedAt: number; moved: number } | undefined

  constructor(id: string, log: OpenLog) {
    this.#log = log
    this.#listeners = new Listeners(['rebalance', 'stalled', 'error'], `group '${id}': on`)
  }

  get hasListeners(): boolean { return !this.#listeners.isEmpty }
  get isRebalancing(): boolean { return this.#rebalancing !== undefined }

  on<E extends keyof GroupEvents>(event: E, listener: (event: GroupEvents[E]) => void): () => void {
    return this.#listeners.on(event, listener)
  }

  emit<E extends keyof GroupEvents>(event: E, facts: GroupEvents[E]): void {
    this.#listeners.tell(event, facts, error => { this.#log.events.emit('error', { error }) })
  }

  /** A plan of that time was applied; it may be part of a rebalance that goes on. */
  planned(startedAt: number, moved: number): void {
    this.#rebalancing = { startedAt: this.#rebalancing?.startedAt ?? startedAt, moved: moved + (this.#rebalancing?.moved ?? 0) }
  }

  /** Every partition is with whom it is to be with. */
  settled(group: { readonly generation: number; readonly members: number }): void {
    const { startedAt, moved } = this.#rebalancing!
    this.#rebalancing = undefined
    this.emit('rebalance', { ...group, moved, durationMs: this.#log.settings.clock.now() - startedAt })
  }

  failed(error: unknown): void {
    this.emit('error', { error })
  }

  notCommitted(error: unknown): void {
    this.failed(error)
    if (error instanceof MillraceError) this.#log.events.emit('error', { error })
  }

  awaited(group: string, topic: string): void {
    this.#log.events.emit('warning', { code: 'TOPIC_AWAITED', message: `group '${group}': there is no topic '${topic}' yet`, hint: 'it is read once it is there; look at its spelling if it should be' })
  }
}
