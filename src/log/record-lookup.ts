// What is asked for by offset rather than read in order: one record, or the batches from a place on. Answers come at
// once where the bytes are in memory, so that a loop which awaits one after the other gives way here (HeldLoop).
import { HeldLoop } from '../platform/held-loop.ts'
import { nextTurn } from '../platform/next-turn.ts'
import { Slices } from '../platform/slices.ts'
import { recordsAt, type Found } from '../storage/find-records.ts'
import { PartitionCursor } from '../storage/partition-cursor.ts'
import type { Isolation } from '../storage/partition-log.ts'
import { batchesOf } from './chunk-batches.ts'
import type { LogRecord } from './log-record.ts'
import { RecordBatchView } from './record-batch-view.ts'
import { RecordRun, type RecordSource } from './record-view.ts'
import type { StoredTopic } from './stored-topic.ts'

/** One for all lookups: there is one event loop. */
const loop = new HeldLoop()

/** To be awaited before a lookup; undefined: there is no need. */
export function turnIfHeld(): Promise<void> | undefined {
  return loop.held() ? nextTurn() : undefined
}

/** undefined: no committed record has that offset. The caller has seen that it is one of the partition's. */
export function recordAt(topic: StoredTopic, partition: number, offset: number): LogRecord | undefined | Promise<LogRecord | undefined> {
  const source = topic.sources[partition]!
  const found = recordsAt(topic.partitions[partition]!, offset)
  return found instanceof Promise ? found.then(later => pick(source, later, offset)) : pick(source, found, offset)
}

function pick(source: RecordSource, found: Found | undefined, offset: number): LogRecord | undefined | Promise<LogRecord | undefined> {
  if (found === undefined) return undefined
  if (found.kind === 'records') return new RecordRun(source, found.header, found.bytes, found.count).at(offset)
  const [bytes] = batchesOf(found.chunk)
  if (bytes === undefined) return undefined
  const batch = new RecordBatchView(source, bytes, offset, offset + 1)
  const waiting = batch.inflated()
  return waiting === undefined ? batch.at(offset) : waiting.then(() => batch.at(offset))
}

/** Whole batches, at least one if there is any. */
export async function fetchBatches(topic: StoredTopic, partition: number, from: number, maxBytes: number, isolation: Isolation): Promise<RecordBatchView[]> {
  const cursor = new PartitionCursor(topic.partitions[partition]!, from, isolation)
  for (let slices: Slices | undefined; ;) {
    const chunk = await cursor.next(maxBytes)
    if (chunk === undefined) return []
    const batches: RecordBatchView[] = []
    for (const bytes of batchesOf(chunk)) {
      const batch = new RecordBatchView(topic.sources[partition]!, bytes, from, Infinity)
      await batch.inflated()
      batches.push(batch)
    }
    if (batches.length > 0) return batches
    if ((slices ??= new Slices()).due()) await slices.pause() // all of it was aborted
  }
}
