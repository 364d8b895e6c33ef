// Tells those who sit in a group's seats what its plan means for them: take this on, give that up, keep it after all.
// Has the timers of what was asked back: who has not released it within its revokeTimeout is fenced, and it is free.
import { ConflictError } from '../base/errors.ts'
import type { OpenLog } from '../log/open-log.ts'
import { partitionDirectory } from '../log/topic-name.ts'
import type { TopicPartition } from './assignment/assignors.ts'
import type { Beginnings } from './beginnings.ts'
import type { Order } from './group-state.ts'
import type { Assigned, Seat } from './seat.ts'

export interface OrdersParts {
  readonly group: string
  readonly log: OpenLog
  readonly beginnings: Beginnings
  readonly seatOf: (id: string) => Seat | undefined
  /** The partition is free. */
  readonly onReleased: (label: string, seat: Seat) => void
  /** It is not there: deleted since the plan was made, or made up by a leader. Nobody has it, until a plan that finds it there. */
  readonly onMissing: (label: string) => void
  /** In the background. */
  readonly onFailed: (error: unknown) => void
}

export class Orders {
  readonly #parts: OrdersParts
  /** Of partitions that are asked back. */
  readonly #revocations = new Map<string, { cancel(): void }>()
  /** Seats whose first partitions somebody waits for. */
  readonly #arrivals = new Map<Seat, { done?: Promise<void> }>()

  constructor(parts: OrdersParts) {
    this.#parts = parts
  }

  carryOut(orders: readonly Order[]): void {
    for (const { kind, member, partitions } of orders) {
      const seat = this.#parts.seatOf(member)
      if (seat === undefined) continue // it left after the plan was made: the next one has it
      if (kind === 'assign') this.#assign(seat, this.#found(partitions))
      else for (const { topic, partition } of partitions) this.#ask(kind, seat, partitionDirectory(topic, partition))
    }
  }

  #found(partitions: readonly TopicPartition[]): Assigned[] {
    const found = this.existing(partitions)
    const labels = new Set(found.map(({ label }) => label))
    for (const { topic, partition } of partitions) {
      const label = partitionDirectory(topic, partition)
      if (!labels.has(label)) this.#parts.onMissing(label)
    }
    return found
  }

  /** As a seat is told of them, without those that are not there. */
  existing(partitions: readonly TopicPartition[]): Assigned[] {
    const { log: { topics }, beginnings } = this.#parts
    return partitions.flatMap(({ topic: name, partition }): Assigned[] => {
      const topic = topics.get(name)
      if (topic === undefined || partition >= topic.partitions.length) return []
      return [{ topic, partition, label: partitionDirectory(name, partition), latest: beginnings.latest(topic, partition) }]
    })
  }

  // ---------------------------------------------------------------- taking on

  /** What goes wrong with what it gets from now on is told to whoever asks by arrived(), until departed(). */
  arriving(seat: Seat): void {
    this.#arrivals.set(seat, {})
  }

  /** Settles once it has taken on what it got since. */
  async arrived(seat: Seat): Promise<void> {
    await this.#arrivals.get(seat)?.done
  }

  settledIn(seat: Seat): void {
    this.#arrivals.delete(seat)
  }

  #assign(seat: Seat, partitions: readonly Assigned[]): void {
    const done = seat.assign(partitions)
    const arrival = this.#arrivals.get(seat)
    if (arrival === undefined) done.catch((error: unknown) => { this.#parts.onFailed(error) })
    else arrival.done = Promise.all([arrival.done, done]).then(() => undefined)
    arrival?.done?.catch(() => { /* arrived() has it */ })
  }

  // ---------------------------------------------------------------- giving up

  #ask(kind: 'revoke' | 'keep', seat: Seat, label: string): void {
    if (kind === 'revoke') return this.#revoke(seat, label)
    this.endRevocation(label)
    seat.keep(label)
  }

  #revoke(seat: Seat, label: string): void {
    if (!seat.learnsLater) this.asked(seat, label)
    if (!seat.revoke(label)) this.#parts.onReleased(label, seat)
  }

  /** It knows that it is to give the partition up, and has its time for that. */
  asked(seat: Seat, label: string): void {
    const { group, log, onReleased } = this.#parts
    this.#revocations.get(label)?.cancel()
    this.#revocations.set(label, log.settings.clock.setTimeout(() => {
      seat.fence(label, new ConflictError('COMMIT_FENCED', `group '${group}': ${label} was asked back ${seat.revokeTimeoutMs} ms ago and has gone to another member`, {
        hint: 'what was in hand is handled again by that member; handle records faster, or allow a longer revokeTimeout', details: { group, partition: label },
      }))
      onReleased(label, seat)
    }, seat.revokeTimeoutMs))
  }

  /** It is nobody's that has to release it. */
  endRevocation(label: string): void {
    this.#revocations.get(label)?.cancel()
    this.#revocations.delete(label)
  }

  /** Nobody is waited for any more. */
  end(): void {
    for (const timer of this.#revocations.values()) timer.cancel()
    this.#revocations.clear()
  }
}
