// The part of a record batch's layout that the native part knows too (native/batch.h); format/record-batch.ts has all of
// it. The numbers are compared when the native part is loaded.
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
