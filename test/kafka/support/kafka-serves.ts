// What a real broker serves of partitions that it is given, and what Kafka's clients find there. A broker makes the
// topics first, and is started again with our files in the place of its own.
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatOffsets, parseOffsets, type OffsetEntry } from '../../../src/format/checkpoint-file.ts'
import { startBroker } from '../../../tools/kafka/kafka.mjs'
import { runKafkaProgram } from './kafka-here.ts'
import type { ExpectedPartition } from './kafka-segments.ts'

/** Offsets and timestamps to look for in a partition; in the answer each is an offset, or null: there is none. */
export interface Questions { readonly offsets: readonly number[], readonly timestamps: readonly number[] }
export interface Answers { readonly offsets: readonly number[], readonly timestamps: readonly (number | null)[] }

/** Runs a broker in the directory for as long as it takes. It keeps whatever it is given. */
export async function withBroker<T>(directory: string, use: (bootstrap: string) => Promise<T>): Promise<T> {
  const broker = await startBroker({ directory, properties: { 'log.retention.ms': '-1', 'log.segment.bytes': '1073741824', 'offsets.retention.minutes': '2147483647' } })
  try {
    return await use(broker.bootstrap)
  } finally {
    await broker.stop()
  }
}

/** Partition 0 of each topic, by folder: <topic>-0. A consumer that asks for a topic makes it. */
export async function consumeAll(bootstrap: string, topics: readonly string[]): Promise<Readonly<Record<string, ExpectedPartition>>> {
  return JSON.parse(await runKafkaProgram('ReadSegments.java', bootstrap, ...topics)) as Record<string, ExpectedPartition>
}

/** By folder, as the questions. */
export async function seekEach(bootstrap: string, questions: Readonly<Record<string, Questions>>): Promise<Readonly<Record<string, Answers>>> {
  return JSON.parse(await runKafkaProgram('SeekRecords.java', bootstrap, JSON.stringify(questions))) as Record<string, Answers>
}

/** null: the broker knows of no such group. The first client that asks makes __consumer_offsets. */
export async function describeGroups(bootstrap: string, groups: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await runKafkaProgram('ReadGroups.java', bootstrap, ...groups)) as Record<string, unknown>
}

/** A stopped broker gets partitions of ours, and the offsets they begin at, where they have its topics' names. */
export function giveToBroker(from: string, directory: string, folders: readonly string[]): void {
  const data = join(directory, 'data')
  for (const folder of folders) replaceFiles(join(from, folder), join(data, folder))
  const starts = 'log-start-offset-checkpoint'
  const ours = offsetsIn(join(from, starts)).filter(({ topic, partition }) => folders.includes(`${topic}-${partition}`))
  writeFileSync(join(data, starts), formatOffsets([...offsetsIn(join(data, starts)), ...ours]))
}

/** All but partition.metadata: the topic's id is the broker's. */
function replaceFiles(from: string, to: string): void {
  for (const name of readdirSync(to)) if (name !== 'partition.metadata') rmSync(join(to, name))
  for (const name of readdirSync(from)) if (name !== 'partition.metadata') cpSync(join(from, name), join(to, name))
}

function offsetsIn(checkpoint: string): OffsetEntry[] {
  return existsSync(checkpoint) ? parseOffsets(readFileSync(checkpoint, 'utf8')) : []
}
