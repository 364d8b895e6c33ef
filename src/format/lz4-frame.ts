// How many bytes an LZ4 frame inflates to, found by walking it without inflating: the library that inflates has no
// limit of its own. Also refuses what Kafka does not read. Checksums are left to the library.
//
//   frame   04 22 4d 18 · flags · block size code · [int64 content size] · header checksum · blocks · int32 0 · [checksum]
//   flags   bits 7-6 version 1, 5 independent blocks, 4 block checksums, 3 content size, 2 content checksum, 0 dictionary
//   block   int32 length, top bit: stored as it is · data · [checksum]                              (little-endian)
//   data    sequences: token (literal count << 4 | match length - 4) · [more count] · literals · int16 distance · [more length];
//           the last one ends behind its literals
import { malformed, tooLarge } from './body-codec.ts'

const MAGIC = 0x184d2204
const MIN_FRAME_BYTES = 11
const VERSION_1 = 0x40
const VERSION_MASK = 0xc0
const INDEPENDENT = 0x20
const BLOCK_CHECKSUMS = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const RESERVED_OR_DICTIONARY = 0x03
/** By the code in the frame header: 64 KiB, 256 KiB, 1 MiB, 4 MiB. */
const SMALLEST_BLOCK_CODE = 4
const LARGEST_BLOCK_CODE = 7
const STORED = 0x80000000
const MIN_MATCH_BYTES = 4
const CHECKSUM_BYTES = 4

/** Throws a LimitError as soon as it exceeds limitBytes, a CorruptionError where it is no such frame. */
export function inflatedFrameBytes(body: Uint8Array, limitBytes: number): number {
  if (body.length < MIN_FRAME_BYTES) throw malformed('lz4', `${body.length} bytes are no frame`)
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  if (view.getUint32(0, true) !== MAGIC) throw malformed('lz4', 'it does not begin with the magic of a frame')
  const flags = body[4]!
  const code = body[5]! >> 4
  if ((flags & VERSION_MASK) !== VERSION_1) throw malformed('lz4', `the frame's version is ${flags >> 6}, 1 is expected`)
  if ((flags & RESERVED_OR_DICTIONARY) !== 0 || (flags & INDEPENDENT) === 0) throw malformed('lz4', 'Kafka\'s frames have independent blocks and no dictionary')
  if (code < SMALLEST_BLOCK_CODE || code > LARGEST_BLOCK_CODE || (body[5]! & 0x8f) !== 0) throw malformed('lz4', `block size code ${body[5]!} is unknown`)
  const maxBlockBytes = 1 << 8 + 2 * code
  const contentSizeBytes = flags & CONTENT_SIZE ? 8 : 0
  const blockChecksumBytes = flags & BLOCK_CHECKSUMS ? CHECKSUM_BYTES : 0

  let bytes = 0
  let at = 6 + contentSizeBytes + 1
  for (;;) {
    if (at + 4 > body.length) throw malformed('lz4', 'the frame has no end')
    const header = view.getUint32(at, true)
    at += 4
    if (header === 0) break
    const length = header % STORED
    if (length > maxBlockBytes || length > body.length - at - blockChecksumBytes) throw malformed('lz4', `the block at byte ${at} runs beyond the end`)
    const inflated = header >= STORED ? length : inflatedBlockBytes(body, at, at + length)
    if (inflated > maxBlockBytes) throw malformed('lz4', `the block at byte ${at} inflates to ${inflated} bytes, ${maxBlockBytes} are the most`)
    bytes += inflated
    if (bytes > limitBytes) throw tooLarge(limitBytes)
    at += length + blockChecksumBytes
  }
  if (flags & CONTENT_CHECKSUM) at += CHECKSUM_BYTES
  if (at !== body.length) throw malformed('lz4', `the frame ends at byte ${at} of ${body.length}`)
  if (contentSizeBytes > 0 && view.getBigUint64(6, true) !== BigInt(bytes)) throw malformed('lz4', 'its content size is not that of its blocks')
  return bytes
}

/** Of one block: what its tokens add up to. Whether distances stay within the output is the library's to check. */
function inflatedBlockBytes(body: Uint8Array, start: number, end: number): number {
  let bytes = 0
  let at = start
  while (at < end) {
    const token = body[at++]!
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255 && at < end) literals += more = body[at++]!
    }
    bytes += literals
    at += literals
    if (at >= end) break
    at += 2
    let match = (token & 15) + MIN_MATCH_BYTES
    if ((token & 15) === 15) {
      let more = 255
      while (more === 255 && at < end) match += more = body[at++]!
    }
    bytes += match
  }
  if (at !== end) throw malformed('lz4', `the block at byte ${start} runs beyond its end`)
  return bytes
}
