// The yardstick: what one writes by hand with node:fs. A record is a length, a place for a checksum that nobody
// computes, the key's length, key and value. No index, no recovery, no reader while it is written.
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const HEADER_BYTES = 12
const BUFFER_BYTES = 256 * 1024

/** @typedef {{ key: Buffer, value: Buffer }} Pair */

/** Many records to a write. @param {string} directory @param {readonly Pair[]} records */
export function appendBuffered(directory, records) {
  const fd = openSync(join(directory, 'framed'), 'w')
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let end = 0
  for (const record of records) {
    if (end + HEADER_BYTES + record.key.length + record.value.length > buffer.length) {
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
  const fd = openSync(join(directory, 'framed'), 'w')
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  for (const record of records) writeSync(fd, buffer, 0, frame(buffer, 0, record))
  closeSync(fd)
}

/** Hands out key and value of each record as views. @param {string} directory @param {(key: Buffer, value: Buffer) => void} take */
export function scan(directory, take) {
  const fd = openSync(join(directory, 'framed'), 'r')
  const buffer = Buffer.allocUnsafe(4 * BUFFER_BYTES)
  let kept = 0
  for (;;) {
    const end = kept + readSync(fd, buffer, kept, buffer.length - kept, null)
    if (end === kept) break
    let at = 0
    while (end - at >= HEADER_BYTES && end - at >= HEADER_BYTES + buffer.readUInt32LE(at)) {
      const bytes = buffer.readUInt32LE(at)
      const keyEnd = at + HEADER_BYTES + buffer.readUInt32LE(at + 8)
      take(buffer.subarray(at + HEADER_BYTES, keyEnd), buffer.subarray(keyEnd, at + HEADER_BYTES + bytes))
      at += HEADER_BYTES + bytes
    }
    buffer.copyWithin(0, at, end)
    kept = end - at
  }
  closeSync(fd)
}

/** @param {Buffer} buffer @param {number} at @param {Pair} record */
function frame(buffer, at, { key, value }) {
  buffer.writeUInt32LE(key.length + value.length, at)
  buffer.writeUInt32LE(0, at + 4)
  buffer.writeUInt32LE(key.length, at + 8)
  buffer.set(key, at + HEADER_BYTES)
  buffer.set(value, at + HEADER_BYTES + key.length)
  return at + HEADER_BYTES + key.length + value.length
}
