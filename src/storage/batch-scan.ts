// Walks the batches of one segment file and believes nothing: each must be whole, pass its checksum, and carry the
// offset that follows. (Base offset, length and epoch lie outside Kafka's checksum: a torn sector there leaves it
// valid, so the offset and epoch are compared with what they must be.)
import { HEADER_BYTES, LOG_OVERHEAD, MAGIC, baseOffset, batchBytes, batchFault, lastOffset, leaderEpoch } from '../format/record-batch.ts'
import type { File } from '../platform/file-system.ts'

const CHUNK_BYTES = 1024 * 1024
/** Room is made by whole pages, and no page is smaller. */
const ROOM_UNIT_BYTES = 4096
const OFFSET_RANGE = 2 ** 31

export interface ScanFault { readonly position: number; readonly offset: number; readonly reason: string }

export interface ScanResult {
  /** Where the believed batches end. */
  readonly endPosition: number
  readonly nextOffset: number
  /** Why the walk ended before the file did. */
  readonly fault: ScanFault | undefined
}

export type Visited = 'stop' | void

export interface ScanOptions {
  readonly position: number
  readonly nextOffset: number
  /** Compacted segments: offsets rise, but need not follow each other. */
  readonly gaps: boolean
  readonly epochAt?: (offset: number) => number | undefined
  /** The walk goes on when what it returns has resolved, unless that is 'stop'; until then the bytes stay what they are. */
  readonly onBatch: (bytes: Buffer, at: number, position: number) => Visited | Promise<Visited>
}

/** Reads off the main thread, a chunk at a time, and checks one chunk between two turns of the event loop. */
export async function scanBatches(file: File, options: ScanOptions): Promise<ScanResult> {
  const end = file.bytes()
  let chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - options.position))
  let position = options.position
  let nextOffset = options.nextOffset
  const stop = (reason: string): ScanResult => ({ endPosition: position, nextOffset, fault: { position, offset: nextOffset, reason } })

  while (position < end) {
    const filled = await file.readLater(chunk, position)
    let at = 0
    while (at < filled) {
      const size = filled - at < LOG_OVERHEAD ? LOG_OVERHEAD : batchBytes(chunk, at)
      if (size < LOG_OVERHEAD || at + size > filled) break
      const fault = batchFault(chunk, at, filled) ?? placeFault(chunk, at, nextOffset, options)
      if (fault !== undefined) return stop(fault)
      const visited = options.onBatch(chunk, at, position)
      if (visited !== undefined && await visited === 'stop') return { endPosition: position, nextOffset, fault: undefined }
      nextOffset = lastOffset(chunk, at) + 1
      at += size
      position += size
    }
    if (at > 0) continue
    const size = filled < LOG_OVERHEAD ? 0 : batchBytes(chunk, 0)
    if (filled < LOG_OVERHEAD || size < HEADER_BYTES || position + size > end) return stop('incomplete batch')
    chunk = Buffer.allocUnsafe(size)
  }
  return { endPosition: position, nextOffset, fault: undefined }
}

function placeFault(bytes: Buffer, at: number, nextOffset: number, options: ScanOptions): string | undefined {
  const base = baseOffset(bytes, at)
  if (options.gaps ? base < nextOffset : base !== nextOffset) return `base offset ${base} where ${nextOffset} is expected`
  const epoch = options.epochAt?.(base)
  if (epoch !== undefined && leaderEpoch(bytes, at) !== epoch) return `leader epoch ${leaderEpoch(bytes, at)} where ${epoch} is expected`
  return undefined
}

/**
 * The first sound batch behind a bad one: what tells damage in the middle from the end of the log. Where the bad one's
 * length leads to a sound batch, or to the file's end, it is believed: bytes inside a record may look like a batch.
 */
export async function findBatchAfter(file: File, position: number, nextOffset: number): Promise<{ position: number; baseOffset: number } | undefined> {
  const end = file.bytes()
  const header = Buffer.alloc(HEADER_BYTES)
  const follower = await file.readLater(header, position) < HEADER_BYTES || batchBytes(header, 0) < HEADER_BYTES ? undefined : position + batchBytes(header, 0)
  if (follower === end) return undefined
  if (follower !== undefined && await file.readLater(header, follower) === HEADER_BYTES && plausible(header, 0, end - follower, nextOffset)) {
    const batch = Buffer.allocUnsafe(batchBytes(header, 0))
    await file.readLater(batch, follower)
    if (batchFault(batch, 0, batch.length) === undefined) return { position: follower, baseOffset: baseOffset(batch, 0) }
  }
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position))
  for (let start = position + 1; start + HEADER_BYTES <= end; start += chunk.length - HEADER_BYTES + 1) {
    const filled = await file.readLater(chunk, start)
    for (let at = 0; at + HEADER_BYTES <= filled; at++) {
      if (chunk[at + 16] !== MAGIC || !plausible(chunk, at, end - start - at, nextOffset)) continue
      const batch = Buffer.allocUnsafe(batchBytes(chunk, at))
      await file.readLater(batch, start + at)
      if (batchFault(batch, 0, batch.length) === undefined) return { position: start + at, baseOffset: baseOffset(batch, 0) }
    }
    if (filled < chunk.length) return undefined
  }
  return undefined
}

function plausible(bytes: Buffer, at: number, bytesLeft: number, nextOffset: number): boolean {
  const size = batchBytes(bytes, at)
  const base = baseOffset(bytes, at)
  return size >= HEADER_BYTES && size <= bytesLeft && base >= nextOffset && base < nextOffset + OFFSET_RANGE
}

/**
 * How many bytes from the position on were written: room that was made ahead, zeros up to the end of a page, does not
 * count. A file that ends within a page ends with what was written.
 */
export async function writtenBytes(file: File, position: number): Promise<number> {
  const end = file.bytes()
  if (end % ROOM_UNIT_BYTES !== 0) return end - position
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(0, end - position)))
  let written = 0
  for (let at = position; at < end; at += chunk.length) {
    const filled = await file.readLater(chunk, at)
    let last = filled
    while (last > 0 && chunk[last - 1] === 0) last--
    if (last > 0) written = at + last - position
    if (filled < chunk.length) break
  }
  return written
}
