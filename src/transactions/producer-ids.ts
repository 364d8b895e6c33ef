// Producer ids: each is given once in the life of a log. They are taken from blocks; that a block is taken is on the
// device before one of its ids is used.
import type { StoredTransaction } from '../format/transaction-records.ts'
import type { TransactionLog } from './transaction-log.ts'
import { OWN_PREFIX } from './transactional-producer.ts'

const BLOCK = 1000
/** The record of that transactional id holds the first producer id that is in no block yet. */
const RECORD = `${OWN_PREFIX}producer-ids`

export class ProducerIds {
  readonly #store: TransactionLog
  #next: number
  #end: number
  #taking: Promise<void> | undefined

  /** `above`: ids up to there were used, whatever the record says. */
  constructor(store: TransactionLog, above: number) {
    this.#store = store
    this.#next = this.#end = Math.max(store.states.get(RECORD)?.producerId ?? 0, above + 1)
  }

  static isRecord(transactionalId: string): boolean {
    return transactionalId === RECORD
  }

  async next(now: number): Promise<number> {
    while (this.#next === this.#end) await (this.#taking ??= this.#takeBlock(now).finally(() => { this.#taking = undefined }))
    return this.#next++
  }

  async #takeBlock(now: number): Promise<void> {
    const end = this.#next + BLOCK
    const state: StoredTransaction = { producerId: end, producerEpoch: 0, timeoutMs: 0, status: 'Empty', partitions: [], lastUpdateTimestamp: now, startTimestamp: -1 }
    this.#store.put(RECORD, state)
    await this.#store.sync()
    this.#end = end
  }
}
