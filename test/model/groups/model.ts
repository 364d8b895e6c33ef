// What a history knows of its topics and groups: plain records by offset, and a ledger for each group and partition.
import { Ledger } from './ledger.ts'

export type CommitMode = 'auto' | 'manual' | 'before'

export interface ModelTopic {
  readonly name: string
  /** The value of each record, by partition and offset. */
  readonly partitions: string[][]
  /** Below it a power cut takes nothing. */
  readonly durable: number[]
}

export interface GroupKind {
  readonly commit: CommitMode
  readonly from: 'earliest' | 'latest' | { readonly offset: number }
  readonly commitInterval: number
}

export class ModelGroup {
  readonly id: string
  readonly kind: GroupKind
  /** By partition directory. */
  readonly ledgers = new Map<string, Ledger>()
  /** Of the last rebalance that was told. */
  generation = 0
  /** Members came or went, and no rebalance was told since. */
  isMoving = false
  changedAtStep = 0
  /** It has had several members at a time. */
  wasShared = false

  readonly #isDurable: boolean

  constructor(id: string, kind: GroupKind, isDurable: boolean) {
    this.id = id
    this.kind = kind
    this.#isDurable = isDurable
  }

  ledger(label: string): Ledger {
    let ledger = this.ledgers.get(label)
    if (ledger === undefined) this.ledgers.set(label, ledger = new Ledger(`group ${this.id}, ${label}`, this.kind.commit, this.#isDurable))
    return ledger
  }

  /** A topic was deleted: one of that name would begin anew. */
  forget({ name, partitions }: ModelTopic): void {
    for (const partition of partitions.keys()) this.ledgers.delete(labelOf(name, partition))
  }
}

export class GroupsModel {
  readonly durability: 'process' | 'power'
  readonly topics = new Map<string, ModelTopic>()
  readonly groups = new Map<string, ModelGroup>()
  /** For records that differ from all others. */
  nextNumber = 1

  constructor(durability: 'process' | 'power') {
    this.durability = durability
  }

  get all(): ModelTopic[] { return [...this.topics.values()] }

  /** The kind counts when the group is new. */
  group(id: string, kind: GroupKind): ModelGroup {
    let group = this.groups.get(id)
    if (group === undefined) this.groups.set(id, group = new ModelGroup(id, kind, this.durability === 'power'))
    return group
  }

  place(label: string): { topic: ModelTopic; partition: number } | undefined {
    const [, name, partition] = /^(.*)-(\d+)$/.exec(label)!
    const topic = this.topics.get(name!)
    return topic?.partitions[Number(partition)] === undefined ? undefined : { topic, partition: Number(partition) }
  }
}

export function labelOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
