// What is in effect of the groups of a log: their members on record, and their positions. Filled by replaying
// `__consumer_offsets`, changed by what positions.ts has written. A group is there while there is anything to say of it.
import { parseGroupRecordKey, parseGroupValue, parseOffsetValue, type StoredGroup } from '../format/group-records.ts'
import type { RecordCursor } from '../format/record-cursor.ts'
import { partitionDirectory } from '../log/topic-name.ts'

export interface Position {
  readonly topic: string
  readonly partition: number
  /** Negative: a client has put the group nowhere. kafkajs resets to the beginning and the end by -2 and -1. */
  readonly offset: number
  readonly metadata: string
  /** -1: nobody said. */
  readonly leaderEpoch: number
  readonly timestamp: number
}

/** What is known of a group. */
export class GroupRecord {
  /** By partition directory: `orders-0`. */
  readonly positions = new Map<string, Position>()
  stored: StoredGroup | undefined

  /** Where the group stands in a partition; undefined: nowhere. */
  offsetIn(label: string): number | undefined {
    const offset = this.positions.get(label)?.offset
    return offset === undefined || offset < 0 ? undefined : offset
  }
}

export class GroupRecords {
  readonly #groups = new Map<string, GroupRecord>()
  #unknown = 0

  get all(): ReadonlyMap<string, GroupRecord> { return this.#groups }
  /** How many records were passed over. */
  get unknown(): number { return this.#unknown }

  clear(): void {
    this.#groups.clear()
  }

  /** Of a hundred thousand records each byte counts: none is made a record of. */
  replay(cursor: RecordCursor): void {
    const { body } = cursor
    while (cursor.next()) {
      if (cursor.keyBytes < 0) continue
      const key = parseGroupRecordKey(body.subarray(cursor.keyStart, cursor.keyStart + cursor.keyBytes))
      const value = cursor.valueBytes < 0 ? undefined : body.subarray(cursor.valueStart, cursor.valueStart + cursor.valueBytes)
      if (key.kind === 'unknown') this.#unknown++
      if (key.kind === 'group') this.applyGroup(key.group, value === undefined ? undefined : parseGroupValue(value))
      if (key.kind === 'offset') this.applyPosition(key.group, key.topic, key.partition, value === undefined ? undefined : { topic: key.topic, partition: key.partition, ...parseOffsetValue(value) })
    }
  }

  /** undefined: it is forgotten. */
  applyGroup(group: string, stored: StoredGroup | undefined): void {
    const record = this.#record(group)
    record.stored = stored
    this.#dropIfEmpty(group, record)
  }

  /** undefined: it is forgotten. */
  applyPosition(group: string, topic: string, partition: number, position: Position | undefined): void {
    const record = this.#record(group)
    const label = partitionDirectory(topic, partition)
    if (position === undefined) record.positions.delete(label)
    else record.positions.set(label, position)
    this.#dropIfEmpty(group, record)
  }

  #record(group: string): GroupRecord {
    let record = this.#groups.get(group)
    if (record === undefined) this.#groups.set(group, record = new GroupRecord())
    return record
  }

  #dropIfEmpty(group: string, record: GroupRecord): void {
    if (record.stored === undefined && record.positions.size === 0) this.#groups.delete(group)
  }
}
