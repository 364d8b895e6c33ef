// snappy, in the two forms that Kafka's clients write: the xerial stream of the Java client, which is what we write,
// and one raw block (librdkafka).
//
//   xerial stream   82 'SNAPPY' 00 · int32 version 1 · int32 oldest compatible version 1 · blocks (big-endian)
//   block           int32 length · a raw block, of at most 32 KiB before compression when we or Java write it
//   raw block       uvarint length before compression · tags
//
// The lengths before compression are added up and checked before anything is inflated.
import { malformed, tooLarge } from './body-codec.ts'
import type { BodyCodec } from './body-codec.ts'
import { readInt32 } from './integers.ts'

const STREAM_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const STREAM_MAGIC_BYTES = 8
const VERSION = 1
const OLDEST_READER_AT = 12
const BLOCK_BYTES = 32 * 1024
/** Three bytes are the least that stand for 64, the most: a length beyond that is a lie. */
const MAX_RATIO = 22
/** The library's other way, external buffers, is forbidden in Electron. */
const COPY = { copyOutputData: true }

interface Block { readonly start: number; readonly end: number; readonly inflatedBytes: number }

export async function loadSnappy(): Promise<BodyCodec> {
  const { default: snappy } = await import('snappy')
  return {
    compress: body => toStream(slices(body).map(slice => snappy.compressSync(slice, COPY))),
    async compressLater(body) {
      const blocks: Buffer[] = []
      // One after the other: a large batch should not take all of libuv's threads.
      for (const slice of slices(body)) blocks.push(await snappy.compress(slice, COPY))
      return toStream(blocks)
    },
    inflate(body, limitBytes) {
      const blocks = blocksWithin(body, limitBytes)
      return Buffer.concat(blocks.map(block => snappy.uncompressSync(body.subarray(block.start, block.end), COPY) as Buffer))
    },
    async inflateLater(body, limitBytes) {
      const inflated: Buffer[] = []
      for (const block of blocksWithin(body, limitBytes)) inflated.push(await snappy.uncompress(body.subarray(block.start, block.end), COPY) as Buffer)
      return Buffer.concat(inflated)
    },
  }
}

function slices(body: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at < body.length; at += BLOCK_BYTES) parts.push(body.subarray(at, at + BLOCK_BYTES))
  return parts
}

function toStream(blocks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [STREAM_HEADER]
  for (const block of blocks) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function blocksWithin(body: Uint8Array, limitBytes: number): Block[] {
  const blocks = isStream(body) ? streamBlocks(body) : [blockAt(body, 0, body.length)]
  let bytes = 0
  for (const block of blocks) bytes += block.inflatedBytes
  if (bytes > limitBytes) throw tooLarge(limitBytes)
  return blocks
}

function isStream(body: Uint8Array): boolean {
  return body.length >= STREAM_HEADER.length && STREAM_HEADER.subarray(0, STREAM_MAGIC_BYTES).equals(body.subarray(0, STREAM_MAGIC_BYTES))
}

function streamBlocks(body: Uint8Array): Block[] {
  const oldestReader = readInt32(body, OLDEST_READER_AT)
  if (oldestReader > VERSION) throw malformed('snappy', `its stream needs a reader of version ${oldestReader}, ${VERSION} is the newest known`)
  const blocks: Block[] = []
  for (let at = STREAM_HEADER.length; at < body.length;) {
    const start = at + 4
    const length = start <= body.length ? readInt32(body, at) : -1
    if (length < 1 || length > body.length - start) throw malformed('snappy', `the block at byte ${at} runs beyond the end`)
    at = start + length
    blocks.push(blockAt(body, start, at))
  }
  return blocks
}

function blockAt(body: Uint8Array, start: number, end: number): Block {
  let inflatedBytes = 0
  let unit = 1
  for (let at = start; at < end && at < start + 5; at++) {
    const byte = body[at]!
    inflatedBytes += (byte & 0x7f) * unit
    unit *= 128
    if (byte >= 0x80) continue
    if (inflatedBytes > (end - start) * MAX_RATIO) break
    return { start, end, inflatedBytes }
  }
  throw malformed('snappy', `the block at byte ${start} claims ${inflatedBytes} bytes in ${end - start}`)
}
