// What the C in native/ exports, one line each. Whatever can fail returns a negative errno; a mistake in the arguments
// is a TypeError. Everything but windows has a twin in TypeScript, and must agree with it on every input.

export interface NativePart {
  readonly constants: NativeConstants
  /** Twin: crc32c.ts. */
  crc32c(bytes: Uint8Array, start: number, end: number): number
  /** As crc32c, on a processor without the instruction. */
  crc32cByTable(bytes: Uint8Array, start: number, end: number): number
  /** Twin: stamp.ts. */
  stamp(batch: Uint8Array, bytes: number, baseOffset: number, leaderEpoch: number): void
  /** Whether the body is what so many records are; then each has its row. Twin: walk-records.ts. */
  walkRecords(body: Uint8Array, count: number, seeds: Uint8Array, rows: Int32Array): boolean
  /**
   * Reads off the main thread until the target is full or the file ends. The first `checked` bytes are whole batches
   * whose checksums hold. Until it settles the descriptor stays open, and the target is neither transferred nor resized.
   * filled < 0: a negative errno.
   */
  readBatches(fd: number, target: Uint8Array, position: number): Promise<{ readonly filled: number; readonly checked: number }>
  /**
   * What the page cache has of the target's bytes, from their beginning on, without waiting for a device (preadv2 with
   * RWF_NOWAIT). Returns how many; 0 after any failure, and where the system knows no such read.
   */
  readCached(fd: number, target: Uint8Array, position: number): number

  /** Makes room in the file from a page's beginning on, maps it, and has its pages ready for writing. Returns the window. */
  grow(fd: number, offset: number, bytes: number): number
  /** The same off the main thread. Returns a preparation, which has to be collected; -EAGAIN where too many wait. */
  prepare(fd: number, offset: number, bytes: number): number
  /** Ends a preparation, waiting for the step it is at. Returns its window where it is wanted; 0 if it had not begun. */
  collect(preparation: number, wanted: boolean): number
  close(window: number): void
  /** Stamps the batch and copies it into the window, its first 12 bytes last. -EFAULT where a page could not be had. */
  append(window: number, position: number, batch: Uint8Array, bytes: number, baseOffset: number, leaderEpoch: number): number
  read(window: number, position: number, target: Uint8Array, bytes: number): number
  /** Windows and preparations of this thread that were not closed. */
  openWindows(): number

  guardState(): 0 | 1 | 2
  installGuard(): number
  /** Never waits: -EAGAIN where somebody else holds the file. */
  flock(fd: number, exclusive: boolean): number
}

export interface NativeConstants {
  readonly interfaceVersion: number
  readonly pageBytes: number
  readonly overheadBytes: number
  readonly headerBytes: number
  readonly lengthAt: number
  readonly leaderEpochAt: number
  readonly magicAt: number
  readonly crcAt: number
  readonly checkedFrom: number
  readonly magic: number
  readonly rowEnd: number
  readonly rowTimestampLow: number
  readonly rowTimestampHigh: number
  readonly rowTail: number
  readonly rowOffsetDelta: number
  readonly rowKey: number
  readonly rowKeyBytes: number
  readonly rowValueBytes: number
  readonly rowHashes: number
  readonly rowWords: number
  readonly seedBytes: number
}

/** Who handles SIGBUS: what guardState() returns. */
export const GUARD_ABSENT = 0
export const GUARD_OURS = 1
export const GUARD_FOREIGN = 2
