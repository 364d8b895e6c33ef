// Entries of a segment's two indexes. Offsets are relative to the segment's base offset.
//
//   .index      8 bytes   int32 relative offset: the LAST offset of a batch · int32 position of that batch
//   .timeindex 12 bytes   int64 timestamp · int32 relative offset: the last offset of the batch that holds it
//
// Invariants: in .index offsets and positions rise from one entry to the next, and none is 0 (the first batch needs
// no entry); in .timeindex timestamps rise and offsets do not fall. Kafka preallocates both files, so what follows
// the last entry may be zeros: countValid… is where that is told apart.
import { readInt32, readInt64, writeInt32, writeInt64 } from './integers.ts'

export const OFFSET_ENTRY_BYTES = 8
export const TIME_ENTRY_BYTES = 12

export function entryOffset(bytes: Uint8Array, i: number): number {
  return readInt32(bytes, i * OFFSET_ENTRY_BYTES)
}

export function entryPosition(bytes: Uint8Array, i: number): number {
  return readInt32(bytes, i * OFFSET_ENTRY_BYTES + 4)
}

export function writeOffsetEntry(bytes: Uint8Array, i: number, relativeOffset: number, position: number): void {
  writeInt32(bytes, i * OFFSET_ENTRY_BYTES, relativeOffset)
  writeInt32(bytes, i * OFFSET_ENTRY_BYTES + 4, position)
}

export function timeEntryTimestamp(bytes: Uint8Array, i: number): number {
  return readInt64(bytes, i * TIME_ENTRY_BYTES)
}

export function timeEntryOffset(bytes: Uint8Array, i: number): number {
  return readInt32(bytes, i * TIME_ENTRY_BYTES + 8)
}

export function writeTimeEntry(bytes: Uint8Array, i: number, timestamp: number, relativeOffset: number): void {
  writeInt64(bytes, i * TIME_ENTRY_BYTES, timestamp)
  writeInt32(bytes, i * TIME_ENTRY_BYTES + 8, relativeOffset)
}

/** How many entries from the first on hold the invariants; the rest is preallocated, torn or damaged. */
export function countValidOffsetEntries(bytes: Uint8Array): number {
  const count = Math.floor(bytes.length / OFFSET_ENTRY_BYTES)
  let offset = 0
  let position = 0
  for (let i = 0; i < count; i++) {
    const nextOffset = entryOffset(bytes, i)
    const nextPosition = entryPosition(bytes, i)
    if (nextOffset <= offset || nextPosition <= position) return i
    offset = nextOffset
    position = nextPosition
  }
  return count
}

/** As countValidOffsetEntries. An entry of zeros is never believed, though time 0 at offset 0 could have written it. */
export function countValidTimeEntries(bytes: Uint8Array): number {
  const count = Math.floor(bytes.length / TIME_ENTRY_BYTES)
  let timestamp = -1
  let offset = 0
  for (let i = 0; i < count; i++) {
    const nextTimestamp = timeEntryTimestamp(bytes, i)
    const nextOffset = timeEntryOffset(bytes, i)
    const blank = nextTimestamp === 0 && nextOffset === 0
    if (blank || nextTimestamp <= timestamp || nextOffset < offset || !Number.isSafeInteger(nextTimestamp)) return i
    timestamp = nextTimestamp
    offset = nextOffset
  }
  return count
}
