// Where a read begins or ends, resolved to an offset of one partition.
import { describe } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import type { Isolation } from '../storage/partition-log.ts'
import { checkOffset } from '../storage/partition-log.ts'
import { firstRecordSince } from './records-by-time.ts'
import type { StoredTopic } from './stored-topic.ts'

/** A place to begin or end: exclusive where it ends. The map is partition → offset, as committed() gives it. */
export type Position = 'earliest' | 'latest' | Date | { timestamp: number } | { offset: number } | ReadonlyMap<number, number>

/** Refuses what is no position, and makes a copy of what could change. */
export function readPosition(value: unknown, name: string): Position {
  if (value === 'earliest' || value === 'latest') return value
  if (value instanceof Date) return { timestamp: checkTime(value.getTime(), name) }
  if (value instanceof Map) return readMap(value, name)
  if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value)
    if (keys.length === 1 && keys[0] === 'offset') return { offset: checkedOffset((value as { offset: unknown }).offset, name) }
    if (keys.length === 1 && keys[0] === 'timestamp') return { timestamp: checkTime((value as { timestamp: unknown }).timestamp, name) }
  }
  throw new UsageError('POSITION_INVALID', `${name}: found ${describe(value)}, expected a position`, {
    hint: "a position is 'earliest', 'latest', a Date, { timestamp: ms }, { offset: n } or a Map of partition to offset",
  })
}

export function checkTime(value: unknown, name: string): number {
  const ms = value instanceof Date ? value.getTime() : value
  if (typeof ms === 'number' && Number.isFinite(ms)) return ms
  throw new UsageError('TIME_INVALID', `${name}: found ${describe(value)}, expected a time`, { hint: 'a time is a valid Date or milliseconds since 1970' })
}

function readMap(map: ReadonlyMap<unknown, unknown>, name: string): ReadonlyMap<number, number> {
  return new Map([...map].map(([partition, offset]) => {
    if (!Number.isSafeInteger(partition) || (partition as number) < 0) throw new UsageError('POSITION_INVALID', `${name}: found ${describe(partition)} as a partition`, { hint: 'the map is partition → offset, as committed() gives it' })
    return [partition as number, checkedOffset(offset, name)]
  }))
}

function checkedOffset(offset: unknown, name: string): number {
  checkOffset(offset, name)
  return offset
}

/** `absent` is for partitions that the map does not name; the latest is where a reader of that isolation ends. */
export async function resolvePosition(topic: StoredTopic, partition: number, position: Position, { absent = 'earliest', isolation = 'read_committed' }: { absent?: 'earliest' | 'latest'; isolation?: Isolation } = {}): Promise<number> {
  const log = topic.partitions[partition]!
  if (position === 'earliest') return log.startOffset
  if (position === 'latest') return log.endFor(isolation)
  if (position instanceof Map) return (position as ReadonlyMap<number, number>).get(partition) ?? await resolvePosition(topic, partition, absent, { isolation })
  if ('offset' in position) return position.offset
  return await offsetAtTime(topic, partition, Number((position as { timestamp: number }).timestamp))
}

/** The end offset when no record is as late. */
export async function offsetAtTime(topic: StoredTopic, partition: number, timestamp: number): Promise<number> {
  const { endOffset } = topic.partitions[partition]!
  return (await firstRecordSince(topic, partition, timestamp))?.offset ?? endOffset
}
