// State that is a log: a map kept in an internal partition of keys and JSON values, replayed when it is opened.
// decide → append → apply: a change is durable before the map shows it, and start-up applies the same records.
// It is compacted: the newest record of each key is all that it needs.
import { CorruptionError, LimitError, StorageError } from '../base/errors.ts'
import { BatchEncoder } from '../format/batch-encoder.ts'
import type { Clock } from '../platform/clock.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import type { RecordSource } from './record-view.ts'
import { batchesFrom } from './replay.ts'

/** undefined: the key was deleted. */
export type StateChange<T> = (key: string, value: T | undefined) => void

export class StateLog<T> {
  readonly #partition: PartitionLog
  readonly #decode: (value: unknown) => T
  readonly #apply: StateChange<T>
  readonly #source: RecordSource
  readonly #encoder = new BatchEncoder(1024)
  #applied: number

  constructor(partition: PartitionLog, decode: (value: unknown) => T, apply: StateChange<T>) {
    this.#partition = partition
    this.#decode = decode
    this.#apply = apply
    this.#source = { topic: partition.label, partition: 0, decodeKey: bytes => utf8(bytes), decodeValue: bytes => parse(bytes, partition.label) }
    this.#applied = partition.startOffset
  }

  /** The next replay applies all of it. */
  beginAnew(): void {
    this.#applied = this.#partition.startOffset
  }

  /** Applies what was appended since: all of it the first time. */
  async replay(): Promise<void> {
    for await (const batch of batchesFrom<unknown, string>(this.#partition, this.#applied, this.#source)) {
      for (const { key, value } of batch) this.#apply(key!, value === null ? undefined : this.#decode(value))
      this.#applied = batch.lastOffset + 1
    }
  }

  checkWritable(): void {
    (this.#partition as WritablePartition).checkWritable()
  }

  /**
   * Durable against a power cut when it resolves, and applied. A LimitError has changed nothing; after any other error
   * the change may be in the log, and the next opening decides.
   */
  async put(key: string, value: T | undefined, encoded: unknown, clock: Clock): Promise<void> {
    const partition = this.#partition as WritablePartition
    this.#encoder.reset()
    this.#encoder.append(clock.now(), Buffer.from(key), value === undefined ? null : Buffer.from(JSON.stringify(encoded)), [])
    partition.append(this.#encoder.seal({}))
    await partition.sync().catch((cause: unknown) => { throw cause instanceof LimitError ? this.#notSynced(cause) : cause })
    this.#applied = partition.endOffset
    this.#apply(key, value)
  }

  #notSynced(cause: LimitError): StorageError {
    return new StorageError('CHANGE_NOT_SYNCED', `${this.#partition.label}: a change was written, and could not be synced`, {
      hint: 'open the log again: it shows whether the change holds', details: { partition: this.#partition.label }, cause,
    })
  }
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

function parse(bytes: Uint8Array, label: string): unknown {
  try {
    return JSON.parse(utf8(bytes))
  } catch (cause) {
    throw new CorruptionError('STATE_MALFORMED', `${label}: a record is not the JSON it should be`, { hint: 'it was not written by millrace; restore the directory from a copy', cause })
  }
}
