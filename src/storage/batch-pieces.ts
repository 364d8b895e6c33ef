// One batch taken apart into pieces of half a kibibyte or a record: which records stand in each, and a checksum of its own. Made
// of a batch that was read whole and whose checksum held. From then on a record of it is read with its piece alone, and
// still no byte that comes from the file is believed unchecked: it may have left memory meanwhile, and come back worse.
// Only of batches that are not compressed and large enough to be worth it; a piece holds whole records.
//
//   a piece in #pieces: offset delta of its first record · where it begins in the batch · how many records · checksum
//
// The benchmark 'get' justifies it: from batches of 256 KiB, a random get takes microseconds and not hundreds of them.
import { CorruptionError } from '../base/errors.ts'
import { crc32c } from '../native/crc32c.ts'
import { RecordCursor } from '../format/record-cursor.ts'
import { HEADER_BYTES, baseOffset, batchBytes, codecOf, isControl, isTransactional, lastOffset, recordCount } from '../format/record-batch.ts'

/** A piece ends with the first record that brings it to so many bytes. Twice of it is a third slower, half of it a tenth faster and twice the memory. */
const PIECE_BYTES = 512
/** Smaller batches are found by the offset index, and read and checked whole. */
const SMALLEST_BATCH_BYTES = 4096
const FIELDS = 4
/** What the objects take, about. */
const OBJECT_BYTES = 400

/** Some of a batch's records. */
export interface Piece {
  readonly position: number
  readonly bytes: number
  readonly count: number
  readonly checksum: number
}

export class BatchPieces {
  readonly header: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
  /** In the segment's file. */
  readonly #position: number
  readonly #batchBytes: number
  readonly #pieces: Int32Array

  private constructor(batch: Buffer, position: number, pieces: readonly number[]) {
    this.header = Buffer.from(batch.subarray(0, HEADER_BYTES))
    this.baseOffset = baseOffset(batch, 0)
    this.lastOffset = lastOffset(batch, 0)
    this.#position = position
    this.#batchBytes = batch.length
    this.#pieces = Int32Array.from(pieces)
  }

  /** Of a whole batch that is believed, and stands at that position; undefined where pieces are of no use. */
  static of(batch: Buffer, position: number): BatchPieces | undefined {
    if (batchBytes(batch, 0) < SMALLEST_BATCH_BYTES || codecOf(batch, 0) !== 'none' || isTransactional(batch, 0) || isControl(batch, 0)) return undefined
    try {
      return new BatchPieces(batch, position, takeApart(batch))
    } catch (error) {
      if (error instanceof CorruptionError) return undefined // a record is malformed: whoever comes to it is told
      throw error
    }
  }

  /** In memory. */
  get bytes(): number { return OBJECT_BYTES + this.#pieces.byteLength }

  /** The piece that holds the offset, or would; the offset is one of the batch. */
  at(offset: number): Piece | undefined {
    const delta = offset - this.baseOffset
    const pieces = this.#pieces
    let low = 0
    let high = pieces.length / FIELDS
    while (low < high) {
      const middle = (low + high) >> 1
      if (pieces[middle * FIELDS]! <= delta) low = middle + 1
      else high = middle
    }
    if (low === 0) return undefined
    const at = (low - 1) * FIELDS
    const start = pieces[at + 1]!
    const end = pieces[at + 1 + FIELDS] ?? this.#batchBytes
    return { position: this.#position + start, bytes: end - start, count: pieces[at + 2]!, checksum: pieces[at + 3]! }
  }
}

/** Whether these bytes are that piece. */
export function isPiece(bytes: Buffer, { checksum }: Piece): boolean {
  return crc32c(bytes, 0, bytes.length) >> 0 === checksum
}

function takeApart(batch: Buffer): number[] {
  const cursor = new RecordCursor(batch.subarray(HEADER_BYTES), recordCount(batch, 0))
  const pieces: number[] = []
  let start = 0
  let count = 0
  let firstDelta = 0
  const end = (): void => {
    pieces.push(firstDelta, HEADER_BYTES + start, count, crc32c(batch, HEADER_BYTES + start, HEADER_BYTES + cursor.end) >> 0)
    start = cursor.end
    count = 0
  }
  while (cursor.next()) {
    if (count++ === 0) firstDelta = cursor.offsetDelta
    if (cursor.end - start >= PIECE_BYTES) end()
  }
  if (count > 0) end()
  return pieces
}
