// A state log read again: every committed batch of records from an offset on, inflated. What the records mean is the caller's.
import { PartitionCursor } from '../storage/partition-cursor.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import { batchesOf } from './chunk-batches.ts'
import { RecordBatchView } from './record-batch-view.ts'
import type { RecordSource } from './record-view.ts'

const REPLAY_BYTES = 256 * 1024

export async function* batchesFrom<V, K>(partition: PartitionLog, offset: number, source: RecordSource): AsyncGenerator<RecordBatchView<V, K>, void, undefined> {
  const cursor = new PartitionCursor(partition, offset, 'read_committed')
  for (let chunk = await cursor.next(REPLAY_BYTES); chunk !== undefined; chunk = await cursor.next(REPLAY_BYTES)) {
    for (const bytes of batchesOf(chunk)) {
      const batch = new RecordBatchView<V, K>(source, bytes, 0, Infinity)
      await batch.inflated()
      yield batch
    }
  }
}
