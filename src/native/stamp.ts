// What a record batch gets only when it enters the log: offset, epoch, checksum. The twin of native/batch.c.
import { CHECKED_FROM, CRC_AT, LEADER_EPOCH_AT } from './batch-layout.ts'
import { crc32cInScript } from './crc32c.ts'
import { nativePart } from './load.ts'

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
