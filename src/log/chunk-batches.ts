// What readers see of a chunk: markers are no records, and what was aborted never happened.
import { baseOffset, batchBytes, isControl, isTransactional, producerId } from '../format/record-batch.ts'
import type { Chunk } from '../storage/batch-chunk.ts'

/** The batches of records, as views of the chunk. */
export function* batchesOf({ bytes, aborted }: Chunk): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length;) {
    const end = at + batchBytes(bytes, at)
    if (!isControl(bytes, at) && !(aborted.length > 0 && isAborted(bytes, at, aborted))) yield bytes.subarray(at, end)
    at = end
  }
}

function isAborted(bytes: Buffer, at: number, aborted: Chunk['aborted']): boolean {
  if (!isTransactional(bytes, at)) return false
  const id = producerId(bytes, at)
  const offset = baseOffset(bytes, at)
  return aborted.some(({ producerId: of, firstOffset, lastOffset }) => of === id && firstOffset <= offset && offset < lastOffset)
}
