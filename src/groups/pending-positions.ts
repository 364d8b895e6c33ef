// Positions that transactions of remote clients are to move. Such a transaction may be open for minutes, so nobody waits for
// it: what others commit meanwhile is in effect at once. When it is committed, what stands in the log behind its own entries
// is newer than they are, and stays: as a replay of the log would have it, which goes by the order of the records alone.
//
// Those of this process, which live for a sync or two, are PendingCommits in positions.ts.
import { partitionDirectory } from '../log/topic-name.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'

/** Whose, and of what. */
export interface PositionName {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

export interface PendingPosition extends PositionName {
  /** undefined: the position is forgotten. */
  readonly offset: number | undefined
  /** The offset of its batch in the log of positions. */
  readonly storedAt: number
  readonly apply: () => void
}

/** Of one transaction. */
export class OpenPositions {
  /** Where its records stand. */
  readonly log: WritablePartition
  readonly #entries = new Map<string, PendingPosition>()

  constructor(log: WritablePartition) {
    this.log = log
  }

  get entries(): Iterable<PendingPosition> { return this.#entries.values() }

  put(entry: PendingPosition): void {
    this.#entries.set(keyOf(entry.group, entry.topic, entry.partition), entry)
  }

  has(group: string, topic: string, partition: number): boolean {
    return this.#entries.has(keyOf(group, topic, partition))
  }

  supersede({ group, topic, partition }: PositionName, storedAt: number): void {
    const key = keyOf(group, topic, partition)
    if ((this.#entries.get(key)?.storedAt ?? Infinity) < storedAt) this.#entries.delete(key)
  }
}

/** Of all that are open. */
export class PendingPositions {
  readonly #open = new Set<OpenPositions>()

  add(open: OpenPositions): void {
    this.#open.add(open)
  }

  delete(open: OpenPositions): boolean {
    return this.#open.delete(open)
  }

  get isEmpty(): boolean { return this.#open.size === 0 }

  get entries(): PendingPosition[] {
    return [...this.#open].flatMap(open => [...open.entries])
  }

  has(group: string, topic: string, partition: number): boolean {
    for (const open of this.#open) if (open.has(group, topic, partition)) return true
    return false
  }

  hasGroup(group: string): boolean {
    return this.entries.some(entry => entry.group === group)
  }

  /** Something of these positions stands in the log at the offset, and is to be in effect. */
  supersede(names: readonly (PositionName | undefined)[], storedAt: number): void {
    for (const open of this.#open) for (const name of names) if (name !== undefined) open.supersede(name, storedAt)
  }
}

/** A group's id may hold spaces, a topic's name may not. */
function keyOf(group: string, topic: string, partition: number): string {
  return `${partitionDirectory(topic, partition)} ${group}`
}
