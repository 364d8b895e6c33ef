// What was decided about transactions: the state log `__transaction_state` in Kafka's bytes, replayed into memory when
// the log opens. A record is the newest state of a transactional id.
//
//   Prepare…, Complete…     a transaction has ended so; its marker carries the epoch of the record, its batches the one before
//   Empty                   how far producer ids are given (producer-ids.ts)
import { CorruptionError } from '../base/errors.ts'
import { BatchEncoder } from '../format/batch-encoder.ts'
import { encodeTransactionKey, encodeTransactionValue, parseTransactionKey, parseTransactionValue, type StoredTransaction } from '../format/transaction-records.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { RecordSource } from '../log/record-view.ts'
import { batchesFrom } from '../log/replay.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'

const STATE_TOPIC = '__transaction_state'
/** Its records are parsed here, as bytes. */
const SOURCE: RecordSource = { topic: STATE_TOPIC, partition: 0, decodeKey: bytes => bytes, decodeValue: bytes => bytes }

export class TransactionLog {
  readonly #log: OpenLog
  readonly #states = new Map<string, StoredTransaction>()
  readonly #encoder = new BatchEncoder(1024)
  #partition: WritablePartition | undefined
  #failure: CorruptionError | undefined

  private constructor(log: OpenLog) {
    this.#log = log
  }

  /** Where what is stored can't be read, transactions can't go on; the log can. A process that only reads needs nothing of it. */
  static async open(log: OpenLog): Promise<TransactionLog> {
    const opened = new TransactionLog(log)
    if (log.settings.readOnly) return opened // what was decided shows in the partitions, by their markers
    opened.#partition = await log.internalPartition(STATE_TOPIC, { create: false }) as WritablePartition | undefined
    try {
      await opened.#replay()
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error
      opened.#failure = unreadable(error)
      log.events.emit('error', { error: opened.#failure, topic: STATE_TOPIC, partition: 0 })
    }
    return opened
  }

  /** Nothing of it can be believed, and nothing is written to it. */
  get failure(): CorruptionError | undefined { return this.#failure }

  /** What a failed sync has left of it, nobody knows before the log is opened again: no decision of it may be followed. */
  get isSound(): boolean { return this.#partition?.failure === undefined }

  /** By transactional id. */
  get states(): ReadonlyMap<string, StoredTransaction> { return this.#states }

  /** To be awaited before put(). */
  async prepare(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#partition ??= await this.#log.internalPartition(STATE_TOPIC, { create: true }) as WritablePartition
  }

  /** In the log when it returns. undefined: the id is forgotten. */
  put(transactionalId: string, state: StoredTransaction | undefined): void {
    this.#encoder.reset()
    this.#encoder.append(this.#log.settings.clock.now(), encodeTransactionKey(transactionalId), state === undefined ? null : encodeTransactionValue(state), [])
    this.#partition!.append(this.#encoder.seal({}))
    this.#apply(transactionalId, state)
  }

  /** What was put is on the device when it resolves. */
  async sync(): Promise<void> {
    await this.#partition?.sync()
  }

  #apply(transactionalId: string, state: StoredTransaction | undefined): void {
    if (state === undefined) this.#states.delete(transactionalId)
    else this.#states.set(transactionalId, state)
  }

  async #replay(): Promise<void> {
    if (this.#partition === undefined) return
    for await (const batch of batchesFrom<Buffer, Buffer>(this.#partition, this.#partition.startOffset, SOURCE)) {
      for (const { key, value } of batch) {
        const parsed = parseTransactionKey(key!)
        if (parsed.kind === 'transaction') this.#apply(parsed.transactionalId, value === null ? undefined : parseTransactionValue(value))
      }
    }
  }
}

function unreadable(cause: CorruptionError): CorruptionError {
  return new CorruptionError('TRANSACTIONS_UNREADABLE', `what was decided about transactions can't be read: ${cause.message}`, {
    hint: `restore ${STATE_TOPIC}-0 from a copy; or, to abort every transaction that was not ended, close the log and remove that directory`, details: cause.details, cause,
  })
}
