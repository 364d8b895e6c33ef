// The waiting part of a Fetch: for so many bytes, and no longer than so many milliseconds. Nothing polls: each partition
// calls back when it has more, and what it has is read only when there may be enough.
//
// It also ends when a partition can't be read any more (its topic was deleted, its disk failed, another broker leads it), and
// when nobody is left to answer: then nothing is read.
import { systemClock } from '../platform/clock.ts'
import type { Isolation } from '../storage/partition-log.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { MAX_PARTITION_BYTES, type PartitionRead } from './fetch-reads.ts'
import type { Brokers } from './brokers.ts'
import type { CallingConnection } from './calling-connection.ts'
import { KAFKA_ERRORS } from './kafka-errors.ts'

type Reads = readonly PartitionRead[]

export interface WaitTerms {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly isolation: Isolation
  readonly connection: CallingConnection
  readonly brokers: Brokers
}

/** Reads until there is enough, an error to tell, or time is up. `first`: what was read already. */
export async function readUntilEnough(first: Reads | Promise<Reads>, terms: WaitTerms, read: () => Reads | Promise<Reads>): Promise<Reads> {
  const wait = new FetchWait(terms)
  try {
    let reads = await first
    while (!wait.isOver && !isEnough(reads, terms.minBytes)) {
      await wait.forMore(reads)
      if (!terms.connection.closed) reads = await read()
    }
    return reads
  } finally {
    wait.end()
  }
}

/** So many bytes; or it is no use to wait: an error is to be told, there was no room for what comes next, or it is in another segment. */
export function isEnough(reads: Reads, minBytes: number): boolean {
  let bytes = 0
  for (const read of reads) {
    const { answer, isCut = false } = read
    bytes += answer.records?.length ?? 0
    if (answer.errorCode !== KAFKA_ERRORS.NONE || answer.divergingEpoch !== undefined || isCut || isBehind(read)) return true
  }
  return bytes >= Math.min(minBytes, MAX_PARTITION_BYTES) || reads.length === 0
}

/** One answer has records of one segment of each partition. */
function isBehind({ log, readableTo, asked: { wanted: { fetchOffset } } }: PartitionRead): boolean {
  return log !== undefined && fetchOffset < readableTo && !log.isActive(log.segmentOf(fetchOffset)!)
}

class FetchWait {
  readonly #terms: WaitTerms
  readonly #timer: { cancel(): void }
  readonly #forgetConnection: () => void
  readonly #forgetBrokers: () => void
  #isOver: boolean
  /** A broker went down or came back since the last reading. */
  #mayHaveMoved = false
  #wake: () => void = () => {}

  constructor(terms: WaitTerms) {
    this.#terms = terms
    this.#isOver = terms.maxWaitMs <= 0
    const end = (): void => {
      this.#isOver = true
      this.#wake()
    }
    this.#timer = systemClock.setTimeout(end, Math.max(0, terms.maxWaitMs))
    this.#forgetConnection = terms.connection.onClosed(end)
    this.#forgetBrokers = terms.brokers.onMove(() => {
      this.#mayHaveMoved = true
      this.#wake()
    })
  }

  get isOver(): boolean { return this.#isOver }

  /** Resolves when there may be enough since these were read, or another error, or the wait is over. */
  async forMore(reads: Reads): Promise<void> {
    while (!this.#isOver && !this.#mayHaveMoved && !this.#mayBeEnough(reads)) {
      const woken = new Promise<void>(resolve => { this.#wake = resolve })
      const cancels = reads.map(({ log }) => log?.onMore(() => { this.#wake() }))
      await woken
      for (const cancel of cancels) cancel?.()
    }
    this.#mayHaveMoved = false
  }

  end(): void {
    this.#timer.cancel()
    this.#forgetConnection()
    this.#forgetBrokers()
  }

  #mayBeEnough(reads: Reads): boolean {
    const { isolation, minBytes } = this.#terms
    let hasNews = false
    let bytes = 0
    for (const { log, asked: { wanted: { fetchOffset, partitionMaxBytes } }, readableTo } of reads) {
      if (log === undefined) continue
      const end = log.readableTo(isolation)
      if (log.closed || fetchOffset > log.endOffset || (fetchOffset >= end && log.failureAtEnd() !== undefined)) return true
      hasNews ||= end !== readableTo
      if (fetchOffset < end) bytes += Math.min(bytesFrom(log, fetchOffset), Math.max(1, partitionMaxBytes))
    }
    return hasNews && bytes >= Math.min(minBytes, MAX_PARTITION_BYTES)
  }
}

/** Of what is stored from an offset on: no less, and more by an index entry's distance at most. */
function bytesFrom(log: WritablePartition, offset: number): number {
  const segment = log.segmentOf(offset)!
  return log.isActive(segment) ? segment.bytes - segment.floorPosition(offset) : Infinity
}
