// Where the part of a record begins that follows its timestamp delta.
import { VarintReader } from '../../../src/format/varint.ts'

/** `start` and `end` are the record's. */
export function tailStart(body: Buffer, start: number, end: number): number {
  const reader = new VarintReader(body, start, end)
  reader.varint()
  reader.at++
  reader.varlong()
  return reader.at
}
