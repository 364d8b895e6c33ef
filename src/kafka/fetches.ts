// What a door keeps between Fetch requests: sessions, how many clients fetch, and what damage was told already. One for
// each door.
//
// Where a client stands is kept nowhere: each request finds its place by the index. A cursor that waited there for the next
// request saved nothing that could be measured (fetches of 4 KiB and of 64 KiB among batches of one record).
import { CorruptionError } from '../base/errors.ts'
import type { EventEmitter } from '../log/event-emitter.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import { FetchSessions } from './fetch-sessions.ts'
import type { CallingConnection } from './calling-connection.ts'

/** Kafka's fetch.max.bytes: of one answer, unless its first batch is larger. */
export const MAX_ANSWER_BYTES = 57_671_680
/** Of one answer to each client that fetches. */
export const MAX_BYTES_OF_ANSWERS = 512 * 1024 * 1024

export class Fetches {
  readonly sessions = new FetchSessions()
  /** That have fetched, and are open. */
  readonly #connections = new Set<CallingConnection>()
  /** By partition: the offset at which damage was met and told. */
  readonly #toldDamage = new WeakMap<PartitionLog, number>()

  /** How large an answer on that connection may be: less where many clients fetch, since each may be slow to take its own. */
  answerBytes(connection: CallingConnection): number {
    if (!this.#connections.has(connection)) {
      this.#connections.add(connection)
      connection.onClosed(() => this.#connections.delete(connection))
    }
    return Math.min(MAX_ANSWER_BYTES, Math.floor(MAX_BYTES_OF_ANSWERS / Math.max(1, this.#connections.size)))
  }

  /** Damage, once for each place, though clients ask for it again and again. */
  tellDamage(events: EventEmitter, error: unknown, log: PartitionLog, topic: string, partition: number, offset: number): void {
    if (!(error instanceof CorruptionError) || this.#toldDamage.get(log) === offset) return
    this.#toldDamage.set(log, offset)
    events.emit('error', { error, topic, partition })
  }
}
