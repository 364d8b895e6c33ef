// What is stored when it is asked for, of what a test hands to expect(): committed records up to the present end, from
// the earliest on. Nothing is waited for.
import { types } from 'node:util'
import { describe } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import type { LogRecord } from '../log/log-record.ts'
import type { TopicLike } from '../log/topic-like.ts'
import type { Partition } from '../surface/topic.ts'

export interface StoredRecords {
  /** `orders`, or `orders-0` of a partition. */
  readonly name: string
  read(): AsyncIterable<LogRecord>
}

/** By its methods, not its class: a topic of another kind of log will do. `what` begins the message where it is neither. */
export function storedRecords(received: unknown, what: string): StoredRecords {
  if (isTopic(received)) return { name: received.name, read: () => received.read({ from: 'earliest', isolation: 'read_committed' }) }
  if (isPartition(received)) return { name: `${received.topic}-${received.index}`, read: () => readPartition(received) }
  throw new UsageError('NOT_A_TOPIC', `${what}: found ${describe(received)}, expected a topic or a partition`, {
    hint: types.isPromise(received) ? 'await it first: log.topic() returns a promise' : `expect(topic).${what}(…), or expect(topic.partitions[0]).${what}(…)`,
  })
}

function isTopic(value: unknown): value is TopicLike {
  return typeof value === 'object' && value !== null && 'read' in value && typeof value.read === 'function' && 'name' in value
}

function isPartition(value: unknown): value is Partition {
  return typeof value === 'object' && value !== null && 'fetch' in value && typeof value.fetch === 'function' && 'index' in value
}

async function* readPartition(partition: Partition): AsyncGenerator<LogRecord> {
  const { start, stable } = partition.offsets()
  for (let next = start; next < stable;) {
    const batches = await partition.fetch({ from: next, isolation: 'read_committed' })
    for (const batch of batches) for (const record of batch) if (record.offset < stable) yield record
    const last = batches.at(-1)
    if (last === undefined) return
    next = last.lastOffset + 1
  }
}
