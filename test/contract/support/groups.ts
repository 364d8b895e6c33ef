// Groups with one member, and what members are handed.
import type { Consumer, ConsumerGroup, EventLog, LogRecord, Topic } from '../../../src/index.ts'
import { numbers } from './records.ts'

interface Setting { records?: number; partitions?: number; id?: string; from?: 'earliest' | 'latest'; commit?: 'auto' | 'manual' | 'before'; commitInterval?: string; revokeTimeout?: string }

/** A topic with so many records, dealt to its partitions, and one member that has joined. */
export async function joined(log: EventLog, { records = 0, partitions = 1, id = 'billing', from = 'earliest', ...options }: Setting = {}): Promise<{ topic: Topic<number>; group: ConsumerGroup; consumer: Consumer<number> }> {
  const topic = await log.topic<number>('orders', { partitions })
  for (const n of numbers(records)) await topic.send({ value: n, partition: n % partitions })
  const group = log.group(id)
  return { topic, group, consumer: await group.join(topic, { from, ...options }) }
}

/** So many records of the consumer; the last one is given back by the end of the loop, unless it is kept. */
export async function take<V>(consumer: Consumer<V>, count: number, { leave = true } = {}): Promise<LogRecord<V>[]> {
  const records = consumer[Symbol.asyncIterator]()
  const taken: LogRecord<V>[] = []
  while (taken.length < count) {
    const next = await records.next()
    if (next.done === true) break
    taken.push(next.value)
  }
  if (leave) await records.return?.()
  return taken
}

/** What the consumer is handed from now on. */
export function collect<V>(consumer: Consumer<V>): LogRecord<V>[] {
  const seen: LogRecord<V>[] = []
  const loop = async () => { for await (const record of consumer) seen.push(record) }
  loop().catch(() => { /* the log was made to crash, or the consumer was fenced */ })
  return seen
}
