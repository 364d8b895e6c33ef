// __consumer_offsets as Kafka's dump tool prints it with its offsets decoder: the tool parses every key and value by
// Kafka's own schemas, subscriptions and assignments of members included, and fails on what does not fit them.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { dumpLog, dumpLogFaults, dumpedFiles } from '../../../tools/kafka/kafka.mjs'

export interface DumpedGroupRecord {
  readonly offset: number
  /** 1: a committed offset, 2: a group. */
  readonly type: number
  readonly key: { readonly group: string; readonly topic?: string; readonly partition?: number }
  /** null: a tombstone. */
  readonly value: Readonly<Record<string, unknown>> | null
  /** Of the value; null with it. */
  readonly version: number | null
}

/** The records of a closed log's `__consumer_offsets-0`, in order. Fails if the tool finds any fault in its files. */
export async function dumpedGroupRecords(directory: string): Promise<DumpedGroupRecord[]> {
  const folder = join(directory, '__consumer_offsets-0')
  const result = await dumpLog(readdirSync(folder).filter(name => /\.(log|index|timeindex)$/.test(name)).sort().map(name => join(folder, name)), { decoder: 'offsets' })
  expect(dumpLogFaults(result, { compacted: () => true })).toEqual([])
  const batches = dumpedFiles(result).flatMap(file => file.batches).filter(batch => !batch.control)
  return batches.flatMap(batch => batch.records.map(({ offset, key, value }) => {
    const { type, data } = JSON.parse(key!) as { type: string; data: DumpedGroupRecord['key'] }
    const stored = value === '<DELETE>' ? null : JSON.parse(value!) as { version: string; data: Record<string, unknown> }
    return { offset, type: Number(type), key: data, value: stored?.data ?? null, version: stored === null ? null : Number(stored.version) }
  }))
}

/** What a group has committed on a topic in the end, by partition: what `group.committed(topic)` has to say. */
export function committedAsDumped(records: readonly DumpedGroupRecord[], group: string, topic: string): Map<number, number> {
  const committed = new Map<number, number>()
  for (const { type, key, value } of records) {
    if (type !== 1 || key.group !== group || key.topic !== topic) continue
    if (value === null) committed.delete(key.partition!)
    else committed.set(key.partition!, value['offset'] as number)
  }
  return committed
}
