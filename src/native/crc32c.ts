// CRC-32C (Castagnoli), the checksum of Kafka's record batches: native where that is there and worth the call, else the
// twin of native/crc32c.c. That takes sixteen bytes a step over sixteen tables ("slicing"): TABLES[k] holds what a byte
// contributes when k zero bytes follow it.
import { nativePart } from './load.ts'

/** Shorter ones are done before the native call has begun (50 ns). */
const NATIVE_FROM_BYTES = 64
const POLYNOMIAL = 0x82f63b78
const STRIDE = 16
const TABLES = makeTables()
const [T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15] = TABLES

/** The checksum of bytes[start, end), unsigned. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  if (nativePart !== undefined && end - start >= NATIVE_FROM_BYTES) return nativePart.crc32c(bytes, start, end)
  return crc32cInScript(bytes, start, end)
}

export function crc32cInScript(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  let at = start
  for (const stop = end - STRIDE; at <= stop; at += STRIDE) {
    crc = T15[(crc ^ bytes[at]!) & 255]! ^ T14[(crc >>> 8 ^ bytes[at + 1]!) & 255]!
      ^ T13[(crc >>> 16 ^ bytes[at + 2]!) & 255]! ^ T12[crc >>> 24 ^ bytes[at + 3]!]!
      ^ T11[bytes[at + 4]!]! ^ T10[bytes[at + 5]!]! ^ T9[bytes[at + 6]!]! ^ T8[bytes[at + 7]!]!
      ^ T7[bytes[at + 8]!]! ^ T6[bytes[at + 9]!]! ^ T5[bytes[at + 10]!]! ^ T4[bytes[at + 11]!]!
      ^ T3[bytes[at + 12]!]! ^ T2[bytes[at + 13]!]! ^ T1[bytes[at + 14]!]! ^ T0[bytes[at + 15]!]!
  }
  for (; at < end; at++) crc = T0[(crc ^ bytes[at]!) & 255]! ^ crc >>> 8
  return ~crc >>> 0
}

type Table = Int32Array
type Tables = [Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table, Table]

function makeTables(): Tables {
  const tables = Array.from({ length: STRIDE }, () => new Int32Array(256)) as Tables
  const first = tables[0]
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ POLYNOMIAL : crc >>> 1
    first[byte] = crc
  }
  for (let k = 1; k < STRIDE; k++) {
    for (let byte = 0; byte < 256; byte++) {
      const shorter = tables[k - 1]![byte]!
      tables[k]![byte] = first[shorter & 255]! ^ shorter >>> 8
    }
  }
  return tables
}
