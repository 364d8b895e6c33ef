// What a partition knows of the producers that number their batches: which sequence comes next, which batches were the
// last, and where each open transaction begins. Kept for each producer id until it has written nothing for a day.
//
//   batches[i].lastSequence + 1 = the base sequence of batches[i + 1], within one epoch
//   firstUnstable = the smallest first offset of an open transaction
//   an epoch never falls; a producer has at most one open transaction
//
// Pure: place() decides about a batch before it is written, take() notes one that is in the log, appended or replayed.
import { ConflictError } from '../base/errors.ts'
import type { AbortedTransaction } from '../format/aborted-transactions.ts'
import { parseMarkerBatch } from '../format/control-records.ts'
import type { ProducerSnapshotEntry } from '../format/producer-snapshot.ts'
import { baseSequence, isControl, isTransactional, lastOffsetDelta, maxTimestamp, producerEpoch, producerId } from '../format/record-batch.ts'

/** So many of a producer's last batches are known again when they are sent twice: Kafka's clients have no more in flight. */
const KNOWN_BATCHES = 5
const NO_SEQUENCE = -1
const LARGEST_SEQUENCE = 2 ** 31 - 1

export interface KnownBatch {
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
}

/** A transaction that has written to the partition, and has no marker in it yet. */
export interface OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  readonly firstOffset: number
  readonly lastTimestamp: number
}

interface Producer {
  readonly id: number
  epoch: number
  /** Of the last marker; -1: there was none. */
  coordinatorEpoch: number
  /** The oldest first. Empty after a marker that raised the epoch. */
  batches: KnownBatch[]
  lastTimestamp: number
}

export class ProducerStates {
  readonly #label: string
  #producers = new Map<number, Producer>()
  /** First offsets by producer id, in the order of the offsets. */
  #open = new Map<number, number>()

  constructor(label: string) {
    this.#label = label
  }

  get size(): number { return this.#producers.size }

  /** Where the first open transaction begins; Infinity: there is none. */
  get firstUnstable(): number {
    for (const firstOffset of this.#open.values()) return firstOffset
    return Infinity
  }

  get openTransactions(): OpenTransaction[] {
    return [...this.#open].map(([id, firstOffset]) => {
      const { epoch, lastTimestamp } = this.#producers.get(id)!
      return { producerId: id, producerEpoch: epoch, firstOffset, lastTimestamp }
    })
  }

  get epochs(): Map<number, number> {
    return new Map([...this.#producers.values()].map(({ id, epoch }) => [id, epoch]))
  }

  hasOpen(id: number): boolean {
    return this.#open.has(id)
  }

  epochOf(id: number): number | undefined {
    return this.#producers.get(id)?.epoch
  }

  /** What the next batch of the producer is to begin with. */
  nextSequence(id: number, epoch: number): number {
    const known = this.#producers.get(id)
    return nextSequence(known?.epoch === epoch ? known.batches.at(-1)?.lastSequence ?? NO_SEQUENCE : NO_SEQUENCE)
  }

  /** Whether a producer's batch may be appended: it is the next one (undefined), or stored already. Throws where it is neither. */
  place(b: Buffer, at: number): KnownBatch | undefined {
    const id = producerId(b, at)
    const known = this.#producers.get(id)
    if (known === undefined) return undefined
    const epoch = producerEpoch(b, at)
    if (epoch < known.epoch) throw this.#fenced(id, epoch, known.epoch)
    if (isControl(b, at)) return undefined
    const first = baseSequence(b, at)
    const duplicate = epoch === known.epoch ? findBatch(known.batches, first, lastOffsetDelta(b, at)) : undefined
    if (duplicate !== undefined) return duplicate
    const expected = this.nextSequence(id, epoch)
    if (first !== expected) throw this.#outOfOrder(id, first, expected)
    if (this.#open.has(id) && !isTransactional(b, at)) throw this.#outsideTransaction(id)
    return undefined
  }

  /** Notes a batch that is in the log at the offset. What it returns is the transaction that a marker has aborted. */
  take(b: Buffer, at: number, base: number): AbortedTransaction | undefined {
    const producer = this.#producer(producerId(b, at), producerEpoch(b, at))
    producer.lastTimestamp = maxTimestamp(b, at)
    if (isControl(b, at)) return this.#end(producer, b, at, base)
    const offsetDelta = lastOffsetDelta(b, at)
    producer.batches.push({ lastSequence: addToSequence(baseSequence(b, at), offsetDelta), lastOffset: base + offsetDelta, offsetDelta, timestamp: producer.lastTimestamp })
    if (producer.batches.length > KNOWN_BATCHES) producer.batches.shift()
    if (isTransactional(b, at) && !this.#open.has(producer.id)) this.#open.set(producer.id, base)
    return undefined
  }

  #producer(id: number, epoch: number): Producer {
    let producer = this.#producers.get(id)
    if (producer === undefined) this.#producers.set(id, producer = { id, epoch, coordinatorEpoch: -1, batches: [], lastTimestamp: -1 })
    if (epoch !== producer.epoch) producer.batches = []
    producer.epoch = epoch
    return producer
  }

  #end(producer: Producer, b: Buffer, at: number, offset: number): AbortedTransaction | undefined {
    const marker = parseMarkerBatch(b, at)
    if (marker === undefined || marker.type === 'other') return undefined
    producer.coordinatorEpoch = marker.coordinatorEpoch
    const firstOffset = this.#open.get(producer.id)
    this.#open.delete(producer.id)
    if (marker.type === 'commit' || firstOffset === undefined) return undefined
    return { producerId: producer.id, firstOffset, lastOffset: offset, lastStableOffset: Math.min(this.firstUnstable, offset + 1) }
  }

  /** Forgets those that last wrote before that time, and have no transaction open. */
  expire(before: number): void {
    for (const { id, lastTimestamp } of this.#producers.values()) if (lastTimestamp < before && !this.#open.has(id)) this.#producers.delete(id)
  }

  /** When the next one expires, if nobody writes, counted from its last batch; Infinity: there is none. */
  get oldestTimestamp(): number {
    let oldest = Infinity
    for (const { id, lastTimestamp } of this.#producers.values()) if (!this.#open.has(id)) oldest = Math.min(oldest, lastTimestamp)
    return oldest
  }

  /** What a snapshot keeps: of the batches the last alone. */
  entries(): ProducerSnapshotEntry[] {
    return [...this.#producers.values()].map(({ id, epoch, coordinatorEpoch, batches, lastTimestamp }) => {
      const last = batches.at(-1)
      return {
        producerId: id, producerEpoch: epoch, lastSequence: last?.lastSequence ?? NO_SEQUENCE, lastOffset: last?.lastOffset ?? -1, offsetDelta: last?.offsetDelta ?? 0,
        timestamp: lastTimestamp, coordinatorEpoch, currentTransactionFirstOffset: this.#open.get(id),
      }
    })
  }

  /** Begins with what a snapshot has kept. */
  load(entries: readonly ProducerSnapshotEntry[]): void {
    this.#producers.clear()
    this.#open.clear()
    for (const entry of entries) {
      const { producerId: id, producerEpoch: epoch, lastSequence, lastOffset, offsetDelta, timestamp, coordinatorEpoch } = entry
      const batches = lastSequence === NO_SEQUENCE ? [] : [{ lastSequence, lastOffset, offsetDelta, timestamp }]
      this.#producers.set(id, { id, epoch, coordinatorEpoch, batches, lastTimestamp: timestamp })
    }
    const open = entries.filter(({ currentTransactionFirstOffset }) => currentTransactionFirstOffset !== undefined)
    for (const { producerId: id, currentTransactionFirstOffset } of open.sort((a, b) => a.currentTransactionFirstOffset! - b.currentTransactionFirstOffset!)) this.#open.set(id, currentTransactionFirstOffset!)
  }

  /** Knows at once what the other one does, which is not used any more. */
  replaceWith(other: ProducerStates): void {
    this.#producers = other.#producers
    this.#open = other.#open
  }

  #fenced(id: number, found: number, current: number): ConflictError {
    return new ConflictError('PRODUCER_FENCED', `${this.#label}: producer ${id} writes with epoch ${found}, its epoch is ${current}`, {
      hint: 'a newer producer has taken its place: this one ends', details: { partition: this.#label, producerId: id, producerEpoch: found, currentEpoch: current },
    })
  }

  #outOfOrder(id: number, found: number, expected: number): ConflictError {
    return new ConflictError('SEQUENCE_OUT_OF_ORDER', `${this.#label}: producer ${id} sends sequence ${found} where ${expected} follows`, {
      hint: 'a batch before it was lost on the way: send that first, or begin with a new epoch', details: { partition: this.#label, producerId: id, sequence: found, expected },
    })
  }

  #outsideTransaction(id: number): ConflictError {
    return new ConflictError('TRANSACTION_OPEN', `${this.#label}: producer ${id} has a transaction open, and sends a batch that is not in it`, {
      hint: 'end the transaction first', details: { partition: this.#label, producerId: id },
    })
  }
}

/** One that is the same from its first to its last sequence. */
function findBatch(batches: readonly KnownBatch[], first: number, offsetDelta: number): KnownBatch | undefined {
  const last = addToSequence(first, offsetDelta)
  return batches.find(batch => batch.lastSequence === last && batch.offsetDelta === offsetDelta)
}

function nextSequence(last: number): number {
  return addToSequence(last, 1)
}

/** After the largest comes 0. */
function addToSequence(sequence: number, count: number): number {
  const sum = sequence + count
  return sum > LARGEST_SEQUENCE ? sum - LARGEST_SEQUENCE - 1 : sum
}
