// What a record batch gets only when it enters the log: offset, epoch, checksum. The twin of native/batch.c, and the
// part of the batch's layout that both know (format/record-batch.ts has all of it).
import { crc32cInScript } from './crc32c.ts'
import { nativePart } from './load.ts'

export const LENGTH_AT = 8
/** Base offset and length: what has to be read to know where the next batch begins. */
export const LOG_OVERHEAD = 12
export const LEADER_EPOCH_AT = 12
export const MAGIC_AT = 16
export const CRC_AT = 17
/** From here to the batch's end the checksum holds. */
export const CHECKED_FROM = 21
export const HEADER_BYTES = 61
export const MAGIC = 2

/** The batch stands at the beginning of the buffer. */
export function stampBatch(batch: Buffer, bytes: number, baseOffset: number, leaderEpoch: number): void {
  if (nativePart !== undefined) nativePart.stamp(batch, bytes, baseOffset, leaderEpoch)
  else stampInScript(batch, bytes, baseOffset, leaderEpoch)
}

export function stampInScript(batch: Buffer, bytes: number, baseOffset: number, leaderEpoch: number): void {
  batch.writeUInt32BE(Math.floor(baseOffset / 2 ** 32), 0)
  batch.writeUInt32BE(baseOffset >>> 0, 4)
  batch.writeInt32BE(leaderEpoch, LEADER_EPOCH_AT)
  batch.writeUInt32BE(crc32cInScript(batch, CHECKED_FROM, bytes), CRC_AT)
}
