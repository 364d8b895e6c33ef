// What transactions have sent, and what became of them. Where a record stands is learnt from a reader of everything
// (read_uncommitted), once, when it is first seen; what a reader of committed records is shown follows from that.
import assert from 'node:assert/strict'

export const TOPICS = {
  orders: { partitions: 3, cleanup: 'delete' },
  notes: { partitions: 2, cleanup: 'delete' },
  users: { partitions: 1, cleanup: 'compact' },
} as const
export type TopicName = keyof typeof TOPICS
export const TOPIC_NAMES = Object.keys(TOPICS) as TopicName[]
export const LABELS = TOPIC_NAMES.flatMap(name => Array.from({ length: TOPICS[name].partitions }, (_, i) => `${name}-${i}`))

export interface ModelRecord {
  readonly value: string
  readonly key: string
  readonly label: string
  /** undefined: sent on its own. */
  of: ModelTransaction | undefined
  readonly power: boolean
}

/** `deciding`: the log is at work on its end, or died while it was. */
export type Status = 'open' | 'deciding' | 'committed' | 'aborted'

export interface ModelTransaction {
  readonly name: string
  readonly id: string | undefined
  readonly power: boolean
  readonly endsBy: number
  status: Status
  records: ModelRecord[]
  /** A send of it has failed, or it must fail for another reason: it can't be committed. */
  isDoomed: boolean
  /** Where it moves the group to, by partition. */
  readonly advanced: Map<string, number>
}

export class TransactionsModel {
  readonly durability: 'process' | 'power'
  readonly transactions = new Set<ModelTransaction>()
  /** By value. */
  readonly records = new Map<string, ModelRecord>()
  /** What a partition was seen to hold: values by offset, in order. */
  readonly seen = new Map<string, Map<number, string>>(LABELS.map(label => [label, new Map<number, string>()]))
  /** Where the group stands. */
  readonly positions = new Map<string, number>()
  made = 0

  constructor(durability: 'process' | 'power') {
    this.durability = durability
  }

  get open(): ModelTransaction[] { return [...this.transactions].filter(({ status }) => status === 'open') }

  newRecord(label: string, key: number, bytes: number, of: ModelTransaction | undefined, power: boolean): ModelRecord {
    const record = { value: `${of?.name ?? 'plain'} ${this.made++} `.padEnd(bytes, '.'), key: `k${key}`, label, of, power }
    this.records.set(record.value, record)
    of?.records.push(record)
    return record
  }

  isCommitted(value: string): boolean {
    const record = this.records.get(value)
    assert(record !== undefined, `nobody sent ${value}`)
    return record.of === undefined || record.of.status === 'committed'
  }

  /** Where the first transaction that is open begins; `end`: there is none. */
  firstOpen(label: string, end: number): number {
    for (const [offset, value] of this.seen.get(label)!) if (this.records.get(value)?.of?.status === 'open') return offset
    return end
  }

  /** Where the first of the others begins that has not ended yet. */
  firstUndecided(label: string, but: ModelTransaction): number {
    for (const [offset, value] of this.seen.get(label)!) {
      const of = this.records.get(value)?.of
      if (of !== undefined && of !== but && (of.status === 'open' || of.status === 'deciding')) return offset
    }
    return Infinity
  }

  offsetOf(label: string, value: string): number | undefined {
    for (const [offset, seen] of this.seen.get(label)!) if (seen === value) return offset
    return undefined
  }

  /** What a reader of committed records is shown below that offset. */
  committed(label: string, below: number): [offset: number, value: string][] {
    return [...this.seen.get(label)!].filter(([offset, value]) => offset < below && this.isCommitted(value))
  }

  /** Of each key, where compaction may have taken the others. */
  newest(label: string, below: number): Map<string, string> {
    return new Map(this.committed(label, below).map(([, value]) => [this.records.get(value)!.key, value]))
  }

  /** It has taken effect. */
  commit(transaction: ModelTransaction): void {
    transaction.status = 'committed'
    for (const [label, offset] of transaction.advanced) this.positions.set(label, offset)
  }
}

export function placeOf(label: string): { topic: TopicName; partition: number } {
  const [, topic, partition] = /^(.*)-(\d+)$/.exec(label)!
  return { topic: topic as TopicName, partition: Number(partition) }
}

export function isCompacted(label: string): boolean {
  return TOPICS[placeOf(label).topic].cleanup === 'compact'
}
