import { batchBytes } from '../format/record-batch.ts'

/** The batches of a chunk, as views of it. */
export function* batchesOf(chunk: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < chunk.length;) {
    const end = at + batchBytes(chunk, at)
    yield chunk.subarray(at, end)
    at = end
  }
}
