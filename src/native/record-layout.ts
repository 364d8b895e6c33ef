// What the native part knows of a batch's records (native/records.h): walkRecords makes a row of words for each, in which
// these are the places. The numbers are compared when the native part is loaded.

/** Where the record ends, in the body as all places are; the next begins there. */
export const ROW_END = 0
/** Of the timestamp delta, an int64. */
export const ROW_TIMESTAMP_LOW = 1
export const ROW_TIMESTAMP_HIGH = 2
/** Where what follows the timestamp delta begins: the offset delta. */
export const ROW_TAIL = 3
export const ROW_OFFSET_DELTA = 4
export const ROW_KEY = 5
/** -1: null. */
export const ROW_KEY_BYTES = 6
/** -1: null. */
export const ROW_VALUE_BYTES = 7
/** Two hashes of the key of 64 bits each, low words first; 0 where it is null. */
export const ROW_HASHES = 8
export const ROW_WORDS = 12
/** Two of 64 bits, little-endian. */
export const SEED_BYTES = 16
