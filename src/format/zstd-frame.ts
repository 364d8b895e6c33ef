// Where the frames of a zstd body end and how much each can hold, from its headers alone (RFC 8878). Libraries
// differ in what they do with a frame that is cut off, with a second frame, and with no stated size: this decides it
// for all of them, before anything is inflated.
//
//   frame        28 b5 2f fd · descriptor · [window] · [dictionary id] · [content size] · blocks · [checksum]
//   descriptor   bits 7-6 bytes of the content size, 5 single segment (no window), 3 reserved, 2 checksum, 1-0 dictionary id
//   block        3 bytes: bit 0 last, bits 2-1 type (0 stored, 1 one byte repeated, 2 compressed), bits 23-3 size · data
//   skippable    5x 2a 4d 18 · int32 length · data                                                (little-endian)
//
// librdkafka's and Java's frames state neither size nor checksum; a block inflates to 128 KiB at most.
import { malformed } from './body-codec.ts'

/** `maxBytes`: what it inflates to where the frame says so, else what its blocks can hold; never 0. */
export interface ZstdFrame { readonly start: number; readonly end: number; readonly maxBytes: number }

const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SINGLE_SEGMENT = 0x20
const RESERVED = 0x08
const CHECKSUM = 0x04
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const
const MAX_BLOCK_BYTES = 128 * 1024
/** Types of blocks. */
const REPEATED_BLOCK = 1
const COMPRESSED_BLOCK = 2

/** The frames that hold something; all of body is frames. */
export function zstdFrames(body: Uint8Array): ZstdFrame[] {
  const frames: ZstdFrame[] = []
  for (let at = 0; at < body.length;) {
    const magic = littleEndian(body, at, 4)
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) {
      at += 8 + littleEndian(body, at + 4, 4)
      if (at > body.length) throw malformed('zstd', 'a skippable frame runs beyond the end')
      continue
    }
    if (magic !== MAGIC) throw malformed('zstd', `no frame begins at byte ${at}`)
    const frame = frameAt(body, at)
    at = frame.end
    if (frame.maxBytes > 0) frames.push(frame)
  }
  if (body.length === 0) throw malformed('zstd', 'it is empty')
  return frames
}

function frameAt(body: Uint8Array, start: number): ZstdFrame {
  const descriptor = littleEndian(body, start + 4, 1)
  const singleSegment = (descriptor & SINGLE_SEGMENT) !== 0
  if ((descriptor & RESERVED) !== 0) throw malformed('zstd', 'a reserved bit of the frame header is set')
  let at = start + 5 + (singleSegment ? 0 : 1)
  const idBytes = DICTIONARY_ID_BYTES[descriptor & 3]!
  if (littleEndian(body, at, idBytes) !== 0) throw malformed('zstd', 'it needs a dictionary')
  at += idBytes
  const sizeBytes = descriptor >> 6 === 0 ? (singleSegment ? 1 : 0) : 1 << (descriptor >> 6)
  // Two bytes can't say less than 256, so they don't.
  const contentBytes = littleEndian(body, at, sizeBytes) + (sizeBytes === 2 ? 256 : 0)
  at += sizeBytes

  const { end, maxBytes } = blocksAt(body, at)
  if (sizeBytes > 0 && contentBytes > maxBytes) throw malformed('zstd', `a frame claims ${contentBytes} bytes, its blocks hold ${maxBytes} at most`)
  const checksumBytes = (descriptor & CHECKSUM) !== 0 ? 4 : 0
  if (end + checksumBytes > body.length) throw malformed('zstd', 'a frame has no end')
  return { start, end: end + checksumBytes, maxBytes: sizeBytes > 0 ? contentBytes : maxBytes }
}

function blocksAt(body: Uint8Array, start: number): { end: number; maxBytes: number } {
  let maxBytes = 0
  for (let at = start; ;) {
    const header = littleEndian(body, at, 3)
    const type = header >> 1 & 3
    const size = header >> 3
    if (type > COMPRESSED_BLOCK || size > MAX_BLOCK_BYTES) throw malformed('zstd', `the block at byte ${at} has type ${type} and size ${size}`)
    maxBytes += type === COMPRESSED_BLOCK ? MAX_BLOCK_BYTES : size
    at += 3 + (type === REPEATED_BLOCK ? 1 : size)
    if (at > body.length) throw malformed('zstd', 'a block runs beyond the end')
    if ((header & 1) !== 0) return { end: at, maxBytes }
  }
}

/** Unsigned; a size beyond 2^53 comes out rounded, but never small. */
function littleEndian(body: Uint8Array, at: number, bytes: number): number {
  if (at + bytes > body.length) throw malformed('zstd', 'a frame has no end')
  let value = 0
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + body[at + i]!
  return value
}
