// Kafka's own cleaner at work on partitions of ours, and what is in partitions as Kafka's own reader sees it.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseOffsets } from '../../../src/format/checkpoint-file.ts'
import { runKafkaProgram } from './kafka-here.ts'

export interface KafkaBatch {
  /** Base offset of the segment it is in. */
  readonly segment: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly deleteHorizonMs: number | null
  readonly maxTimestamp: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly leaderEpoch: number
  readonly codec: string
  readonly bytes: number
  readonly records: readonly KafkaRecord[]
}

/** Keys, values and headers in base64. */
export interface KafkaRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string | null])[]
}

/** By topic, in Kafka's words. */
export type TopicConfigs = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Partition 0 of each topic, at the time given: active segments are rolled, and all that is dirty is cleaned. */
export async function cleanByKafka(directory: string, now: number, configs: TopicConfigs): Promise<void> {
  const byFolder = Object.fromEntries(Object.entries(configs).map(([topic, config]) => [`${topic}-0`, config]))
  await runKafkaProgram('CleanSegments.java', directory, String(now), JSON.stringify(byFolder))
}

/** Of each directory, by topic: every batch in the .log files of partition 0. */
export async function batchesOf(directories: readonly string[], topics: readonly string[]): Promise<ReadonlyMap<string, readonly KafkaBatch[]>[]> {
  const stdout = await runKafkaProgram('DumpBatches.java', ...directories.flatMap(directory => topics.map(topic => join(directory, `${topic}-0`))))
  const batches = JSON.parse(stdout) as Record<string, KafkaBatch[]>
  return directories.map(directory => new Map(topics.map(topic => [topic, batches[join(directory, `${topic}-0`)]!])))
}

/** By topic: up to where its partition 0 is cleaned, as Kafka's checkpoint says; absent before the first cleaning. */
export function cleanedOffsets(directory: string): Map<string, number> {
  const path = join(directory, 'cleaner-offset-checkpoint')
  if (!existsSync(path)) return new Map()
  return new Map(parseOffsets(readFileSync(path, 'utf8')).map(({ topic, offset }) => [topic, offset]))
}

/** What `from`, a closed log, holds beyond the offsets that are cleaned in `to` goes there: both hold the same dirty segments then. */
export function copyDirtySegments(from: string, to: string, topics: readonly string[]): void {
  const cleaned = cleanedOffsets(to)
  for (const topic of topics) {
    const isDirty = (name: string) => /^\d{20}\./.test(name) && Number(name.slice(0, 20)) >= (cleaned.get(topic) ?? 0)
    const target = join(to, `${topic}-0`)
    mkdirSync(target, { recursive: true })
    for (const name of readdirSync(target)) if (isDirty(name)) rmSync(join(target, name))
    for (const name of readdirSync(join(from, `${topic}-0`))) if (isDirty(name)) cpSync(join(from, `${topic}-0`, name), join(target, name))
  }
  const starts = 'log-start-offset-checkpoint'
  if (existsSync(join(from, starts))) cpSync(join(from, starts), join(to, starts))
}
