// Random histories of transactions by clients, old and new, by this process, of sends beside them, deleted records, kills and
// power cuts. What a client makes of its fetches with read_committed is what a reader of this process sees; what a client's
// transaction was told to be is what became of it. SEED=… runs another one.
import { expect, onTestFinished, test } from 'vitest'
import type { Topic } from '../../src/index.ts'
import { produce } from '../../src/kafka/apis/00-produce.ts'
import { deleteRecords } from '../../src/kafka/apis/21-delete-records.ts'
import { initProducerId } from '../../src/kafka/apis/22-init-producer-id.ts'
import { addPartitionsToTxn } from '../../src/kafka/apis/24-add-partitions-to-txn.ts'
import { endTxn } from '../../src/kafka/apis/26-end-txn.ts'
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { listen, type Door } from '../../src/kafka.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { checked } from './support/batches.ts'
import { committedRecords } from './support/committed-records.ts'
import { fetchOne, topicOfBytes } from './support/fetching.ts'
import { requestOf } from './support/produce.ts'
import { WireClient } from './support/wire-client.ts'

const STEPS = 60
const PARTITIONS = 2
const OLD = 11
const NEW = 12

type Fate = 'committed' | 'aborted'

/** A transactional producer on the wire. */
class Producer {
  readonly transactionalId: string
  /** Of Produce; from NEW on transactions have version 2. */
  readonly version: number
  #id = -1
  #epoch = -1
  #sequences: number[] = []
  readonly #added = new Set<number>()
  #values: string[] = []
  readonly #fates: Map<string, Fate>

  constructor(transactionalId: string, version: number, fates: Map<string, Fate>) {
    this.transactionalId = transactionalId
    this.version = version
    this.#fates = fates
  }

  /** Whatever is open is aborted by it. */
  async begin(client: WireClient): Promise<void> {
    const { errorCode, producerId, producerEpoch } = await client.ask(initProducerId, 4, { transactionalId: this.transactionalId, transactionTimeoutMs: 60_000 })
    expect(errorCode).toBe(0)
    this.#settle('aborted', producerId, producerEpoch)
  }

  async send(client: WireClient, partition: number, values: readonly string[]): Promise<void> {
    if (this.version < NEW && !this.#added.has(partition)) {
      await client.ask(addPartitionsToTxn, 3, { v3AndBelowTransactionalId: this.transactionalId, v3AndBelowProducerId: this.#id, v3AndBelowProducerEpoch: this.#epoch, v3AndBelowTopics: [{ name: 'orders', partitions: [partition] }] })
    }
    this.#added.add(partition)
    const encoder = new BatchEncoder()
    for (const value of values) encoder.append(1000, null, Buffer.from(value), [])
    const batch = checked(Buffer.from(encoder.seal({ producer: { id: this.#id, epoch: this.#epoch, sequence: this.#sequences[partition] ?? 0 } })))
    const { responses } = await client.ask(produce, this.version, requestOf(batch, { index: partition, acks: -1, transactionalId: this.transactionalId }))
    expect(responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
    this.#sequences[partition] = (this.#sequences[partition] ?? 0) + values.length
    this.#values.push(...values)
  }

  async end(client: WireClient, committed: boolean): Promise<void> {
    if (this.#values.length === 0) return
    const { errorCode, producerId, producerEpoch } = await client.ask(endTxn, this.version < NEW ? 3 : 5, { transactionalId: this.transactionalId, producerId: this.#id, producerEpoch: this.#epoch, committed })
    expect(errorCode).toBe(0)
    if (this.version < NEW) this.#settle(committed ? 'committed' : 'aborted')
    else this.#settle(committed ? 'committed' : 'aborted', producerId, producerEpoch)
  }

  #settle(fate: Fate, id?: number, epoch?: number): void {
    for (const value of this.#values) this.#fates.set(value, fate)
    this.#values = []
    this.#added.clear()
    if (id === undefined || epoch === undefined) return
    this.#id = id
    this.#epoch = epoch
    this.#sequences = []
  }
}

class History {
  readonly #random: SeededRandom
  readonly #fates = new Map<string, Fate>()
  readonly #producers = [OLD, NEW, NEW].map((version, n) => new Producer(`producer-${n}`, version, this.#fates))
  readonly #starts = [0, 0]
  readonly #visible = new Set<string>()
  #values = 0
  #log!: TestLog
  #topic!: Topic<Uint8Array, Uint8Array>
  #door!: Door
  #client!: WireClient

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  async open(log: TestLog): Promise<void> {
    this.#log = log
    this.#topic = await topicOfBytes(log, 'orders', { partitions: PARTITIONS })
    this.#door = await listen(log)
    this.#client = await WireClient.connect(this.#door)
    for (const producer of this.#producers) await producer.begin(this.#client)
  }

  async close(): Promise<void> {
    await this.#client.close()
    await this.#log.close()
  }

  async step(): Promise<void> {
    const producer = this.#producers[this.#below(3)]!
    const kind = this.#below(20)
    if (kind < 8) await producer.send(this.#client, this.#below(PARTITIONS), this.#newValues(1 + this.#below(3)))
    else if (kind < 12) await producer.end(this.#client, this.#below(2) === 0)
    else if (kind < 13) await producer.begin(this.#client)
    else if (kind < 15) await this.#sendHere()
    else if (kind < 17) await this.#transactHere()
    else if (kind === 17 && this.#below(2) === 0) await this.#restart()
    else if (kind === 18 && this.#below(2) === 0) await this.#deleteSome()
    else for (let partition = 0; partition < PARTITIONS; partition++) await this.compare(partition)
  }

  /** Small answers begin and end anywhere. */
  async compare(partition: number): Promise<void> {
    const inside: string[] = []
    for await (const { offset, value } of this.#topic.read({ partitions: [partition], isolation: 'read_committed' })) inside.push(`${offset}: ${Buffer.from(value!).toString()}`)
    const maxBytes = [1, 300, 2 ** 20][this.#below(3)]!
    const outside: string[] = []
    for (let offset = this.#starts[partition]!; ;) {
      const answer = await fetchOne(this.#client, { partition, offset, maxBytes }, { isolationLevel: 1, maxBytes })
      expect(answer.errorCode).toBe(0)
      const { records, next } = committedRecords(answer, offset)
      outside.push(...records)
      if (next === offset) break
      offset = next
    }
    expect(outside).toEqual(inside)
    for (const record of outside) expect(this.#fates.get(record.split(': ')[1]!)).not.toBe('aborted')
    if (this.#starts[partition] === 0) this.#seen(outside)
  }

  #seen(records: readonly string[]): void {
    for (const record of records) this.#visible.add(record.split(': ')[1]!)
  }

  /** All that a client's transaction committed is there, in one partition or the other. */
  checkCommitted(): void {
    if (this.#starts.some(start => start > 0)) return
    for (const [value, fate] of this.#fates) if (fate === 'committed') expect(this.#visible).toContain(value)
  }

  #below(count: number): number {
    return Math.floor(this.#random.fraction() * count)
  }

  #newValues(count: number): string[] {
    return Array.from({ length: count }, () => `value-${this.#values++}`)
  }

  async #sendHere(): Promise<void> {
    await this.#topic.send({ value: Buffer.from(this.#newValues(1)[0]!), partition: this.#below(PARTITIONS) })
  }

  async #transactHere(): Promise<void> {
    const values = this.#newValues(2)
    const work = this.#log.transaction(async transaction => {
      for (const value of values) await transaction.send(this.#topic, { value: Buffer.from(value), partition: this.#below(PARTITIONS) })
      if (this.#below(2) === 0) throw new Error('thought better of it')
    })
    await work.catch(() => { for (const value of values) this.#fates.set(value, 'aborted') })
  }

  async #restart(): Promise<void> {
    const next = this.#below(2) === 0 ? await this.#log.crash() : await this.#log.powerCut()
    await this.#client.close()
    await this.open(next)
  }

  async #deleteSome(): Promise<void> {
    const partitionIndex = this.#below(PARTITIONS)
    const { topics } = await this.#client.ask(deleteRecords, 2, { topics: [{ name: 'orders', partitions: [{ partitionIndex, offset: this.#starts[partitionIndex]! + this.#below(6) }] }], timeoutMs: 1000 })
    const { errorCode, lowWatermark } = topics[0]!.partitions[0]!
    if (errorCode === 0) this.#starts[partitionIndex] = lowWatermark
  }
}

const { SEED } = process.env
const seeds = SEED === undefined ? [1, 2, 3, 4, 5] : [Number(SEED)]

for (const seed of seeds) {
  test(`a client that leaves out what was aborted has what a reader of this process has (seed ${seed})`, async () => {
    const history = new History(seed)
    await history.open(await testLog({ seed }))
    onTestFinished(() => history.close())
    for (let step = 0; step < STEPS; step++) await history.step()
    for (let partition = 0; partition < PARTITIONS; partition++) await history.compare(partition)
    history.checkCommitted()
  })
}
