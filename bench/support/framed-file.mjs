// The second yardstick: what a careful user writes by hand with node:fs. A record is framed by its length and a CRC-32, and
// frames are gathered in 64 KiB; a reader checks them. No index, no recovery, one writer, and no reader while it writes
// but the one of framed-follower.mjs.
//
//   frame   uint32 bytes after the checksum · uint32 CRC-32 of them · uint32 key length · key · value (little-endian)
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

const PREFIX_BYTES = 8
const BUFFER_BYTES = 64 * 1024

/** @typedef {{ key: Buffer, value: Buffer }} Pair */

/** @param {string} directory */
export function framedPath(directory) {
  return join(directory, 'framed')
}

/** @param {Pair} record */
export function frameBytes({ key, value }) {
  return PREFIX_BYTES + 4 + key.length + value.length
}

/** Many records to a write. @param {string} directory @param {readonly Pair[]} records */
export function appendBuffered(directory, records) {
  const fd = openSync(framedPath(directory), 'w')
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let end = 0
  for (const record of records) {
    if (end + frameBytes(record) > buffer.length) {
      writeSync(fd, buffer, 0, end)
      end = 0
    }
    end = frame(buffer, end, record)
  }
  writeSync(fd, buffer, 0, end)
  closeSync(fd)
}

/** A write for each record. @param {string} directory @param {readonly Pair[]} records */
export function appendEach(directory, records) {
  const fd = openSync(framedPath(directory), 'w')
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  for (const record of records) writeSync(fd, buffer, 0, frame(buffer, 0, record))
  closeSync(fd)
}

/**
 * @param {string} directory
 * @param {(bytes: Buffer, start: number, end: number) => void} take  is shown where each frame's key length, key and value are
 */
export function scan(directory, take) {
  const fd = openSync(framedPath(directory), 'r')
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let kept = 0
  for (;;) {
    const end = kept + readSync(fd, buffer, kept, buffer.length - kept, null)
    if (end === kept) break
    const at = parse(buffer, end, take)
    buffer.copyWithin(0, at, end)
    kept = end - at
  }
  closeSync(fd)
}

/**
 * @param {Buffer} buffer
 * @param {number} end
 * @param {(bytes: Buffer, start: number, end: number) => void} take
 * @returns {number} where the first frame begins that is not whole
 */
export function parse(buffer, end, take) {
  let at = 0
  while (end - at >= PREFIX_BYTES) {
    const frameEnd = at + PREFIX_BYTES + buffer.readUInt32LE(at)
    if (frameEnd > end) break
    if (crc32(buffer.subarray(at + PREFIX_BYTES, frameEnd)) !== buffer.readUInt32LE(at + 4)) throw new Error('a frame is damaged')
    take(buffer, at + PREFIX_BYTES, frameEnd)
    at = frameEnd
  }
  return at
}

/** Key and value, copied: the buffer is used again. @param {Buffer} bytes @param {number} start @param {number} end @returns {Pair} */
export function pairAt(bytes, start, end) {
  const keyEnd = start + 4 + bytes.readUInt32LE(start)
  return { key: Buffer.from(bytes.subarray(start + 4, keyEnd)), value: Buffer.from(bytes.subarray(keyEnd, end)) }
}

/** One record whose place is known. @param {number} fd @param {number} position @param {number} bytes @returns {Pair} */
export function readOne(fd, position, bytes) {
  const buffer = Buffer.allocUnsafe(bytes)
  readSync(fd, buffer, 0, bytes, position)
  /** @type {Pair | undefined} */
  let pair
  parse(buffer, bytes, (_, start, end) => {
    const keyEnd = start + 4 + buffer.readUInt32LE(start)
    pair = { key: buffer.subarray(start + 4, keyEnd), value: buffer.subarray(keyEnd, end) }
  })
  if (pair === undefined) throw new Error(`no frame at ${position}`)
  return pair
}

/** @param {Buffer} buffer @param {number} at @param {Pair} record @returns {number} where the frame ends */
export function frame(buffer, at, { key, value }) {
  const start = at + PREFIX_BYTES
  const end = start + 4 + key.length + value.length
  buffer.writeUInt32LE(end - start, at)
  buffer.writeUInt32LE(key.length, start)
  buffer.set(key, start + 4)
  buffer.set(value, start + 4 + key.length)
  buffer.writeUInt32LE(crc32(buffer.subarray(start, end)), at + 4)
  return end
}
