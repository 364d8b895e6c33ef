// Reading to the end, in the few shapes that tests compare.
import type { LogRecord, Topic } from '../../../src/index.ts'

type ReadOptions = Parameters<Topic['read']>[0]

export async function recordsOf<V, K>(topic: Topic<V, K>, options?: ReadOptions): Promise<LogRecord<V, K>[]> {
  const records: LogRecord<V, K>[] = []
  for await (const record of topic.read(options)) records.push(record)
  return records
}

export async function valuesOf<V, K>(topic: Topic<V, K>, options?: ReadOptions): Promise<(V | null)[]> {
  return (await recordsOf(topic, options)).map(record => record.value)
}

export function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}
