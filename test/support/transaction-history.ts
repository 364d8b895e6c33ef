// A random history of producers on one partition, and what readers of it must find: kept as a plain list beside it.
import type { SeededRandom } from '../../src/platform/seeded-random.ts'
import type { WritablePartition } from '../../src/storage/writable-partition.ts'
import { NumberedProducer } from './numbered-producer.ts'
import { batchOf } from './partitions.ts'

interface Written { readonly offset: number; readonly value: string; outcome: 'commit' | 'abort' | 'open' }

export interface WrittenBatch {
  readonly baseOffset: number
  /** -1, as the two that follow: it has none. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
  readonly marker: 'commit' | 'abort' | null
}

export class TransactionHistory {
  readonly #random: SeededRandom
  readonly #producers: readonly NumberedProducer[]
  readonly #open = new Map<NumberedProducer, Written[]>()
  readonly #written: Written[] = []
  readonly batches: WrittenBatch[] = []
  /** Where writes go: the partition may be opened anew. */
  partition: WritablePartition

  constructor(random: SeededRandom, partition: WritablePartition, producers = 3) {
    this.#random = random
    this.partition = partition
    this.#producers = Array.from({ length: producers }, (_, i) => new NumberedProducer(1000 + i))
  }

  /** One batch or one marker. */
  step(): void {
    const producer = this.#producers[this.#random.below(this.#producers.length)]!
    const open = this.#open.get(producer)
    if (open !== undefined && this.#random.chance(0.4)) this.#end(producer, open)
    else if (this.#random.chance(0.2)) this.#appendPlain()
    else this.#open.set(producer, [...open ?? [], ...this.#appendNumbered(producer)])
  }

  #appendPlain(): void {
    this.batches.push({ baseOffset: this.partition.endOffset, producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false, marker: null })
    this.#append('commit', values => this.partition.append(batchOf(values)))
  }

  #appendNumbered(producer: NumberedProducer): Written[] {
    this.batches.push({ baseOffset: this.partition.endOffset, producerId: producer.id, producerEpoch: producer.epoch, baseSequence: producer.sequence, transactional: true, marker: null })
    return this.#append('open', values => producer.send(this.partition, values.map(value => ({ value }))))
  }

  endAll(): void {
    for (const [producer, open] of this.#open) this.#end(producer, open)
  }

  get stableOffset(): number {
    return Math.min(this.partition.endOffset, ...[...this.#open.values()].map(([first]) => first!.offset))
  }

  /** What read_committed shows, from an offset on. */
  committed(from = 0): [offset: number, value: string][] {
    const { stableOffset } = this
    return this.#written.filter(({ offset, outcome }) => outcome === 'commit' && offset < stableOffset && offset >= from).map(({ offset, value }) => [offset, value])
  }

  /** What read_uncommitted shows. */
  all(): [offset: number, value: string][] {
    return this.#written.map(({ offset, value }) => [offset, value])
  }

  #append(outcome: Written['outcome'], append: (values: string[]) => number): Written[] {
    const values = Array.from({ length: 1 + this.#random.below(4) }, (_, i) => `record ${this.#written.length + i}`)
    const first = append(values)
    const written = values.map((value, i) => ({ offset: first + i, value, outcome }))
    this.#written.push(...written)
    return written
  }

  #end(producer: NumberedProducer, open: readonly Written[]): void {
    const type = this.#random.chance(0.5) ? 'commit' : 'abort'
    const baseOffset = this.partition.endOffset
    producer.end(this.partition, type)
    this.batches.push({ baseOffset, producerId: producer.id, producerEpoch: producer.epoch, baseSequence: -1, transactional: true, marker: type })
    for (const record of open) record.outcome = type
    this.#open.delete(producer)
  }
}
