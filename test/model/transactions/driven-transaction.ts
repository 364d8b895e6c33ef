// A transaction of the log whose function does what the steps of a history say, one after the other, until one ends it.
import assert from 'node:assert/strict'
import { MillraceError, type Topic, type Transaction } from '../../../src/index.ts'
import type { TransactionsBench } from './bench.ts'
import { placeOf, type ModelRecord, type ModelTransaction } from './model.ts'

export class ThrownByTheTest extends Error {}

export class DrivenTransaction {
  readonly model: ModelTransaction
  readonly #bench: TransactionsBench
  readonly #aborter = new AbortController()
  readonly #sends: Promise<unknown>[] = []
  #tx: Transaction | undefined
  #end: (how: ThrownByTheTest | undefined) => void = () => {}
  /** Settles with the call of log.transaction(), and has told the model. */
  readonly done: Promise<void>
  error: unknown

  constructor(bench: TransactionsBench, model: ModelTransaction, timeout: number) {
    this.#bench = bench
    this.model = model
    const ends = new Promise<void>((resolve, reject) => { this.#end = how => { if (how === undefined) resolve(); else reject(how) } })
    const { id, power } = model
    this.done = bench.log.transaction(async tx => {
      this.#tx = tx
      await ends
    }, { timeout, durability: power ? 'power' : 'process', signal: this.#aborter.signal, ...id === undefined ? {} : { id } }).then(() => { this.#committed() }, (error: unknown) => { this.#failed(error) })
  }

  get hasBegun(): boolean { return this.#tx !== undefined }
  get tx(): Transaction { return this.#tx! }

  send(records: readonly ModelRecord[], together: boolean): Promise<unknown> {
    const topicOf = ({ label }: ModelRecord): Topic<string, string> => this.#bench.topic(placeOf(label).topic)
    const given = records.map(({ key, value, label }) => ({ key, value, partition: placeOf(label).partition }))
    const isOneTopic = new Set(records.map(record => placeOf(record.label).topic)).size === 1
    const sends = together && isOneTopic ? [this.tx.send(topicOf(records[0]!), given)] : given.map((record, i) => this.tx.send(topicOf(records[i]!), record))
    for (const send of sends) send.catch(() => { this.model.isDoomed = true })
    this.#sends.push(...sends)
    return Promise.allSettled(sends)
  }

  commit(): void {
    if (this.model.status !== 'open') return
    this.model.status = 'deciding'
    this.#end(undefined)
  }

  throw(): void {
    if (this.model.status !== 'open') return
    this.model.status = 'aborted'
    this.#end(new ThrownByTheTest('thrown by the test'))
  }

  abort(): void {
    if (this.model.status === 'open') this.model.status = 'aborted'
    this.#aborter.abort(new ThrownByTheTest('aborted by the test'))
  }

  #committed(): void {
    this.#bench.happened()
    if (this.#bench.isDying(this)) return
    this.#bench.guard(() => {
      assert.equal(this.model.status, 'deciding', `${this.model.name} was committed`)
      assert(!this.model.isDoomed, `${this.model.name} was committed though a send of it has failed`)
      this.#bench.model.commit(this.model)
    })
  }

  #failed(error: unknown): void {
    this.#bench.happened()
    this.error = error
    if (this.#bench.isDying(this)) return
    const isUncertain = error instanceof MillraceError && error.code === 'TRANSACTION_UNCERTAIN'
    this.#bench.guard(() => {
      const isTold = error instanceof ThrownByTheTest || this.model.isDoomed || this.#bench.mayFail(error)
      assert(isTold, `${this.model.name} has failed: ${String((error as Error).stack)}`)
      if (!isUncertain) this.model.status = 'aborted'
    })
  }
}
