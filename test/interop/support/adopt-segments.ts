// A directory of ours with a broker's partitions in it, as somebody who moves from Kafka would make it: the topic is
// created here and closed, then the broker's files take the place of ours. With them goes what Kafka keeps beside
// them: the leader epochs, and the partition's lines of the broker's checkpoints. Its partition.metadata stays
// behind: the topic's id is the one in our catalog.
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatOffsets, parseOffsets } from '../../../src/format/checkpoint-file.ts'
import { open } from '../../../src/index.ts'
import { segmentsDirectory } from '../../kafka/support/kafka-segments.ts'

/** How the directory looks to the next opening: closed in order, left by a killed process, or by another boot. */
export type Left = 'closed' | 'killed' | 'powered off'

/** The cleaner has been there, or may come: offsets have gaps. */
const compacted = ['compacted-0', '__consumer_offsets-0', '__transaction_state-0']

const checkpoints = ['log-start-offset-checkpoint', 'recovery-point-offset-checkpoint', 'cleaner-offset-checkpoint']

/** Names with __ are the log's own here: Kafka's internal topics get another. */
export function topicOf(folder: string): string {
  return folder.slice(0, folder.lastIndexOf('-')).replace(/^__/, 'kafka-')
}

/** `folders`: partitions of one of the cases, <topic>-0. */
export async function adoptSegments(directory: string, segmentsCase: string, folders: readonly string[]): Promise<void> {
  const log = await open(directory)
  for (const folder of folders) await log.topic<Uint8Array, Uint8Array>(topicOf(folder), { key: 'bytes', value: 'bytes', cleanup: compacted.includes(folder) ? 'compact' : 'delete' })
  await log.close()
  for (const folder of folders) replaceFiles(join(segmentsDirectory, segmentsCase, folder), join(directory, `${topicOf(folder)}-0`))
  for (const name of checkpoints) mergeCheckpoint(directory, name, folders)
}

export function leaveAs(left: Left, directory: string): void {
  if (left !== 'closed') rmSync(join(directory, '.kafka_cleanshutdown'))
  if (left === 'powered off') rmSync(join(directory, '.lock'))
}

function replaceFiles(from: string, to: string): void {
  for (const name of readdirSync(to)) if (name !== 'partition.metadata') rmSync(join(to, name))
  for (const name of readdirSync(from)) if (name !== 'partition.metadata') cpSync(join(from, name), join(to, name))
}

function mergeCheckpoint(directory: string, name: string, folders: readonly string[]): void {
  const theirs = parseOffsets(readFileSync(join(segmentsDirectory, 'broker-files', name), 'utf8'))
  const adopted = theirs.filter(({ topic, partition }) => folders.includes(`${topic}-${partition}`)).map(entry => ({ ...entry, topic: topicOf(`${entry.topic}-0`) }))
  const path = join(directory, name)
  const ours = (existsSync(path) ? parseOffsets(readFileSync(path, 'utf8')) : []).filter(({ topic }) => !adopted.some(entry => entry.topic === topic))
  writeFileSync(path, formatOffsets([...ours, ...adopted]))
}
