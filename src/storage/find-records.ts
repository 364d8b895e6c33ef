// Looking one committed offset up: by its piece where its batch is known by pieces, else by its batch, which is known from then on.
// Both answer without a promise when the bytes are in memory (PartitionLog.readHot), and otherwise read them off the
// main thread. Checked is what is handed out, each time: the piece, or the batch.
import type { Chunk } from './batch-chunk.ts'
import { BatchPieces, isPiece, type Piece } from './batch-pieces.ts'
import { PartitionCursor } from './partition-cursor.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Segment } from './segment.ts'

export type Found =
  /** `bytes` are `count` records, and nothing else; `header` is that of their batch. */
  | { readonly kind: 'records'; readonly header: Buffer; readonly bytes: Buffer; readonly count: number }
  | { readonly kind: 'batch'; readonly chunk: Chunk }

interface Known { readonly segment: Segment; readonly batch: BatchPieces; readonly piece: Piece }

/** What holds the offset or, where compaction took it, comes next; undefined at the end. */
export function recordsAt(log: PartitionLog, offset: number): Found | undefined | Promise<Found | undefined> {
  const known = knownPiece(log, offset)
  if (known === undefined) return batchAt(log, offset)
  const { segment, piece } = known
  const bytes = Buffer.allocUnsafe(piece.bytes)
  if (log.readHot(segment, bytes, piece.position) < piece.bytes) return readPiece(log, offset, known, bytes)
  return pieceIn(log, known, bytes) ?? batchAt(log, offset)
}

function knownPiece(log: PartitionLog, offset: number): Known | undefined {
  if (log.closed || offset < log.startOffset || offset >= log.readableTo('read_committed')) return undefined
  const segment = log.segmentOf(offset)!
  const batch = log.options.indexes.pieces.find(segment.index, offset)
  const piece = batch?.at(offset)
  return batch === undefined || piece === undefined ? undefined : { segment, batch, piece }
}

/** Where that does not come to the piece, reading the batch tells what is the matter. */
async function readPiece(log: PartitionLog, offset: number, known: Known, bytes: Buffer): Promise<Found | undefined> {
  const filled = await known.segment.file.readLater(bytes, known.piece.position).catch(() => 0)
  const stillThere = !log.closed && !known.segment.removed && offset >= log.startOffset && offset < log.readableTo('read_committed')
  return (stillThere && filled === bytes.length ? pieceIn(log, known, bytes) : undefined) ?? await batchAt(log, offset)
}

/** What the piece holds; undefined where the bytes are not what they were when the batch was read. */
function pieceIn(log: PartitionLog, { batch, piece }: Known, bytes: Buffer): Found | undefined {
  if (isPiece(bytes, piece)) return { kind: 'records', header: batch.header, bytes, count: piece.count }
  log.options.indexes.pieces.drop(batch)
  return undefined
}

function batchAt(log: PartitionLog, offset: number): Found | undefined | Promise<Found | undefined> {
  const cursor = new PartitionCursor(log, offset, 'read_committed')
  const chunk = cursor.next(1)
  return chunk instanceof Promise ? chunk.then(later => batchIn(log, cursor, later)) : batchIn(log, cursor, chunk)
}

function batchIn(log: PartitionLog, cursor: PartitionCursor, chunk: Chunk | undefined): Found | undefined {
  if (chunk === undefined) return undefined
  const { segment, position } = cursor
  const pieces = BatchPieces.of(chunk.bytes, position - chunk.bytes.length)
  if (pieces !== undefined && segment?.removed === false) log.options.indexes.pieces.add(segment.index, pieces)
  return { kind: 'batch', chunk }
}
