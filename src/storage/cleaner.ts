// Compaction of one partition's sealed segments, as Kafka's cleaner does it: first the newest offset of each key in the
// dirty range goes into a map, then each group of segments is written anew without the records that the map supersedes.
// It reads live files and writes `.cleaned` ones, on the device when clean() resolves; who swaps them in is the
// partition (segment-swap.ts). It holds no state beside and takes plain data, so that it runs on another thread as well.
//
//   dirtyFrom ≤ cleanedTo ≤ upTo        (the map was full: the next pass goes on)
//   below upTo every transaction has ended, and what was aborted supersedes nothing
//   the last batch of a group stays, emptied if need be: a segment ends where the next begins
import { CorruptionError } from '../base/errors.ts'
import type { AbortedTransaction } from '../format/aborted-transactions.ts'
import type { ProducerSnapshotEntry } from '../format/producer-snapshot.ts'
import { HEADER_BYTES, baseOffset, batchBytes, isControl, lastOffset, recordCount, type Codec } from '../format/record-batch.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { BatchFilter, bareHeader, bodyOf, isBareHeader } from './batch-filter.ts'
import { scanBatches } from './batch-scan.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { OffsetMap, type KeyHash } from './offset-map.ts'
import { parseSegmentFile, segmentFile } from './segment-files.ts'
import { Segment } from './segment.ts'

const WRITE_BYTES = 1024 * 1024

export interface CleaningInput {
  readonly baseOffset: number
  readonly endOffset: number
  readonly bytes: number
  readonly compacted: boolean
}

export interface CleaningRequest {
  readonly directory: string
  /** Neighbours that become one segment. */
  readonly groups: readonly (readonly CleaningInput[])[]
  readonly dirtyFrom: number
  readonly upTo: number
  readonly now: number
  readonly tombstoneRetentionMs: number
  readonly dropsTombstones: boolean
  readonly codec: Codec
  /** Transactions that have batches below upTo. */
  readonly aborted: readonly AbortedTransaction[]
  /** Those that are not forgotten, as they are on the device. */
  readonly producers: readonly ProducerSnapshotEntry[]
  readonly mapBytes: number
  readonly seeds: Uint8Array
}

export interface CleanedSegment {
  readonly baseOffset: number
  readonly endOffset: number
  readonly bytes: number
  readonly largestTimestamp: number
  /** Transactions whose markers stand in it, where something of them was met. */
  readonly aborted: readonly AbortedTransaction[]
}

export interface CleaningResult {
  /** Up to here the newest of each key is the only one. */
  readonly cleanedTo: number
  /** One for each group; undefined: it is as it was. */
  readonly segments: readonly (CleanedSegment | undefined)[]
  /** When the next tombstone or marker may go. */
  readonly nextHorizon: number
}

/** How the cleaner gives way; on a thread of its own never. */
export interface Pauses {
  due(): boolean
  pause(): Promise<void>
}

/** `hash` is for tests. What has failed leaves no files. */
export async function clean(fs: FileSystem, request: CleaningRequest, pauses: Pauses, hash?: KeyHash): Promise<CleaningResult> {
  const cleaner = new Cleaner(fs, request, pauses, hash)
  try {
    return await cleaner.run()
  } catch (error) {
    removeCleaned(fs, request.directory)
    throw error
  }
}

export function removeCleaned(fs: FileSystem, directory: string): void {
  for (const name of fs.list(directory)) if (parseSegmentFile(name)?.state === 'cleaned') fs.remove(join(directory, name))
}

class Cleaner {
  readonly #fs: FileSystem
  readonly #request: CleaningRequest
  readonly #pauses: Pauses
  readonly #map: OffsetMap
  readonly #transactions: CleanedTransactions
  #cleanedTo: number

  constructor(fs: FileSystem, request: CleaningRequest, pauses: Pauses, hash: KeyHash | undefined) {
    const { mapBytes, dirtyFrom, upTo, seeds, aborted, producers } = request
    this.#fs = fs
    this.#request = request
    this.#pauses = pauses
    this.#map = new OffsetMap({ maxBytes: mapBytes, expectedKeys: upTo - dirtyFrom, seeds, ...(hash === undefined ? {} : { hash }) })
    this.#transactions = new CleanedTransactions(aborted, producers)
    this.#cleanedTo = upTo
  }

  async run(): Promise<CleaningResult> {
    const { groups, dirtyFrom, now, tombstoneRetentionMs, dropsTombstones, codec } = this.#request
    for (const input of groups.flat()) if (input.endOffset > dirtyFrom && input.baseOffset < this.#cleanedTo) await this.#mapKeys(input)
    const filter = new BatchFilter({ map: this.#map, transactions: this.#transactions, cleanedTo: this.#cleanedTo, dirtyFrom, now, tombstoneRetentionMs, dropsTombstones, codec })
    const segments: (CleanedSegment | undefined)[] = []
    for (const group of groups) segments.push(group[0]!.baseOffset < this.#cleanedTo ? await this.#cleanGroup(group, filter) : undefined)
    return { cleanedTo: this.#cleanedTo, segments, nextHorizon: filter.nextHorizon }
  }

  async #mapKeys(input: CleaningInput): Promise<void> {
    await this.#walk(input, batch => {
      if (lastOffset(batch, 0) < this.#request.dirtyFrom || isControl(batch, 0) || this.#transactions.isAborted(batch)) return undefined
      const body = bodyOf(batch)
      return body instanceof Promise ? body.then(inflated => this.#mapBatch(batch, inflated)) : this.#mapBatch(batch, body)
    })
  }

  #mapBatch(batch: Buffer, body: Buffer): 'stop' | undefined {
    const { dirtyFrom } = this.#request
    const base = baseOffset(batch, 0)
    const count = recordCount(batch, 0)
    this.#map.take(body, count)
    for (let i = 0; i < count; i++) {
      const offset = base + this.#map.records.offsetDelta(i)
      if (offset >= dirtyFrom && !this.#map.putAt(i, offset)) return this.#endAt(offset)
    }
    return undefined
  }

  #endAt(offset: number): 'stop' {
    this.#cleanedTo = Math.max(offset, this.#request.dirtyFrom)
    return 'stop'
  }

  async #cleanGroup(group: readonly CleaningInput[], filter: BatchFilter): Promise<CleanedSegment | undefined> {
    const output = new CleanedFile(this.#fs, this.#request.directory, group[0]!.baseOffset)
    try {
      for (const input of group) {
        await this.#walk(input, batch => {
          const left = filter.filter(batch)
          return left instanceof Promise ? left.then(later => output.take(batch, later)) : output.take(batch, left)
        })
      }
      const aborted = this.#transactions.takeLeft()
      return output.isSame && group.length === 1 ? output.discard() : await output.finish(aborted)
    } finally {
      output.segment.file.close()
    }
  }

  async #walk(input: CleaningInput, visit: (batch: Buffer) => 'stop' | undefined | Promise<'stop' | undefined>): Promise<void> {
    const { directory } = this.#request
    const path = join(directory, segmentFile(input.baseOffset, '.log'))
    const file = this.#fs.open(path, 'read')
    try {
      const { fault } = await scanBatches(file, {
        position: 0, nextOffset: input.baseOffset, gaps: input.compacted,
        onBatch: (bytes, at) => {
          const visited = visit(bytes.subarray(at, at + batchBytes(bytes, at)))
          return this.#pauses.due() ? this.#pauseAfter(visited) : visited
        },
      })
      if (fault !== undefined) throw damaged(path, fault.position, fault.reason)
    } finally {
      file.close()
    }
  }

  async #pauseAfter<T>(visited: T | Promise<T>): Promise<T> {
    const outcome = await visited
    await this.#pauses.pause()
    return outcome
  }
}

/** Written in large pieces; its index is made on the way. */
class CleanedFile {
  readonly segment: Segment
  /** Nothing was taken from what it is made of. */
  isSame = true
  readonly #fs: FileSystem
  readonly #buffer = Buffer.allocUnsafeSlow(WRITE_BYTES)
  #buffered = 0
  #written = 0
  /** Of the last batch, where nothing is left of it. */
  readonly #header = Buffer.allocUnsafeSlow(HEADER_BYTES)
  #endsEmptied = false

  constructor(fs: FileSystem, directory: string, baseOffset: number) {
    this.#fs = fs
    fs.remove(join(directory, segmentFile(baseOffset, '.log', 'cleaned')))
    this.segment = Segment.create(fs, directory, baseOffset, 'cleaned')
  }

  /** What is left of a batch. One that is emptied goes, unless it turns out to be the last. */
  take(batch: Buffer, left: Buffer | undefined): undefined {
    this.isSame &&= !this.#endsEmptied && (left === batch || (left === undefined && isBareHeader(batch)))
    this.#endsEmptied = left === undefined
    if (left === undefined) batch.copy(this.#header, 0, 0, HEADER_BYTES)
    else this.#add(left)
  }

  /** undefined: there was no batch at all. */
  async finish(aborted: readonly AbortedTransaction[]): Promise<CleanedSegment | undefined> {
    if (this.#endsEmptied) this.#add(bareHeader(this.#header))
    if (this.segment.bytes === 0) return this.discard()
    this.#flush()
    this.segment.seal()
    await this.segment.sync(true)
    const { baseOffset, endOffset, bytes, largestTimestamp } = this.segment
    return { baseOffset, endOffset, bytes, largestTimestamp, aborted }
  }

  discard(): undefined {
    this.#fs.remove(this.segment.file.path)
  }

  #add(batch: Buffer): void {
    if (this.#buffered + batch.length > WRITE_BYTES) this.#flush()
    if (batch.length > WRITE_BYTES) this.#write(batch)
    else this.#buffered += batch.copy(this.#buffer, this.#buffered)
    this.segment.noteBatch(batch, 0, this.segment.bytes)
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#buffered))
    this.#buffered = 0
  }

  #write(bytes: Buffer): void {
    if (bytes.length > 0) this.segment.file.write(bytes, this.#written)
    this.#written += bytes.length
  }
}

function damaged(path: string, position: number, reason: string): CorruptionError {
  return new CorruptionError('SEGMENT_NOT_CLEANED', `${path}: the batch at position ${position} can't be believed (${reason}): the partition is not compacted`, {
    hint: 'restore the file from a copy; until then its records stay as they are', details: { file: path, position, reason },
  })
}
