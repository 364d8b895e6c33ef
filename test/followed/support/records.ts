// What the tests of followed logs read and compare.
import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync } from 'node:fs'
import type { LogRecord, NewRecord, ReadOptions, Topic } from '../../../src/index.ts'

/** The next so many values, by partition. Leaves the iterator open. */
export async function take(iterator: AsyncIterator<LogRecord>, count: number): Promise<Map<number, unknown[]>> {
  const values = new Map<number, unknown[]>()
  for (let i = 0; i < count; i++) {
    const { value: record, done } = await iterator.next()
    if (done === true) throw new Error(`the read ended after ${i} of ${count} records`)
    values.set(record.partition, [...values.get(record.partition) ?? [], record.value])
  }
  return values
}

export async function valuesOf(topic: Topic, options: ReadOptions = {}): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const record of topic.read(options)) values.push(record.value)
  return values
}

/** Records from one number to another, padded so that few fill a small segment. */
export function numbered(first: number, end: number, more: Partial<NewRecord> = {}): NewRecord[] {
  return Array.from({ length: end - first }, (_, i) => ({ value: first + i, headers: { padding: 'x'.repeat(100) }, ...more }))
}

export function numbers(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i)
}

/** Every name below a directory with kind, mode, length, time of change and content. */
export function fingerprint(directory: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of ['.', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })].sort()) {
    const path = `${directory}/${name}`
    const stat = lstatSync(path, { bigint: true })
    const content = stat.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : ''
    found[name] = `${stat.mode} ${stat.isDirectory() ? '' : stat.size} ${stat.mtimeNs} ${stat.ino} ${content}`
  }
  return found
}
