// Bytes that are appended like a batch: only what the log stamps, and where it ends, matters to a file.

/** Every byte tells its place, so that a piece that is missing or moved is seen. */
export function batchOf(bytes: number): Buffer {
  const batch = Buffer.allocUnsafe(bytes)
  for (let i = 0; i < bytes; i++) batch[i] = i * 7 + (i >> 8)
  return batch
}
