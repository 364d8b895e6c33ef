// What users hold of a member of a group: a thin cover over groups/.
import { describe } from '../base/describe.ts'
import { ConflictError, UsageError } from '../base/errors.ts'
import { boolean, optionTable, readOptions } from '../base/options.ts'
import type { Lane } from '../groups/lane.ts'
import type { Member } from '../groups/member.ts'
import { MemberLoop } from '../groups/member-loop.ts'
import type { LogRecord, RecordBatch } from '../log/log-record.ts'
import { readPosition, resolvePosition, type Position } from '../log/positions.ts'
import { partitionDirectory } from '../log/topic-name.ts'

const CLOSE_OPTIONS = optionTable({ leave: { default: undefined, read: boolean } })

export class Consumer<V = unknown, K = unknown> implements AsyncIterable<LogRecord<V, K>>, AsyncDisposable {
  readonly #member: Member
  readonly #loop: MemberLoop

  /** @internal */
  constructor(member: Member) {
    this.#member = member
    this.#loop = new MemberLoop(member)
  }

  /** What it owns now. */
  get assignment(): readonly { topic: string; partition: number }[] {
    return [...this.#member.lanes.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  /** A record counts as handled when the next one is asked for. Leaving the loop gives the last one back. */
  [Symbol.asyncIterator](): AsyncIterator<LogRecord<V, K>> {
    return this.#loop.records() as AsyncIterator<LogRecord<V, K>>
  }

  /** The same, a batch at a time: a batch counts as handled as a whole. */
  batches(): AsyncIterableIterator<RecordBatch<V, K>> {
    return this.#loop.batches() as AsyncIterableIterator<RecordBatch<V, K>>
  }

  /** All that was handed out, or up to and with this record. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- of whatever topic
  async commit(record?: LogRecord<any, any>): Promise<void> {
    this.#checkOpen()
    if (record === undefined) return await this.#loop.commit()
    const { lane, offset } = this.#behind(record, 'commit')
    await this.#loop.commitTo(lane, offset)
  }

  /** Where a transaction moves it to: past the record, or past all that was handed out. @internal */
  static advance(given: unknown, record: unknown): { member: Member; entries: { lane: Lane; offset: number }[] } {
    if (typeof given !== 'object' || given === null || !(#member in given)) throw new UsageError('CONSUMER_INVALID', `transaction: advance: found ${describe(given)}, expected a consumer`, { hint: 'give what group.join() returned' })
    given.#checkOpen()
    const { settings: { commit }, group } = given.#member
    if (commit === 'before') throw new UsageError('OPTIONS_CONTRADICT', `group '${group}': a consumer that commits before it handles can't advance with a transaction`, { hint: "join with commit: 'manual' or 'auto'", details: { group } })
    return { member: given.#member, entries: record === undefined ? given.#loop.entries() : [given.#behind(record, 'advance')] }
  }

  #behind(record: unknown, call: string): { lane: Lane; offset: number } {
    const label = labelOf(record, this.#what(call))
    const lane = this.#member.lanes.get(label)
    if (lane === undefined) throw this.#member.fenced(label)
    const offset = readOffset(record as LogRecord, this.#what(call)) + 1
    if (offset > lane.handedEnd) throw new UsageError('OFFSET_INVALID', `${this.#what(call)}: ${label}, offset ${offset - 1} was not handed out yet`, { hint: `${call} a record that this consumer was handed; seek() moves it without` })
    if (offset <= lane.handedFrom) throw this.#member.fenced(label) // handed out before the partition was with another member
    return { lane, offset }
  }

  /** Nothing of them is handed out; the others go on. All, if none is named. */
  pause(...partitions: { topic: string; partition: number }[]): void {
    this.#checkOpen()
    for (const lane of this.#lanes(partitions, 'pause')) this.#loop.pause(lane)
  }

  resume(...partitions: { topic: string; partition: number }[]): void {
    this.#checkOpen()
    for (const lane of this.#lanes(partitions, 'resume')) lane.resume()
  }

  /** The next record of the partition is that one. What is in hand of it counts as given back. */
  async seek(partition: { topic: string; partition: number }, to: Position): Promise<void> {
    this.#checkOpen()
    const { stored, log, partition: index } = this.#activeLane(partition, 'seek')
    const position = readPosition(to, this.#what('seek'))
    if (position instanceof Map && !(position as ReadonlyMap<number, number>).has(index)) throw new UsageError('POSITION_INVALID', `${this.#what('seek')}: the map names no offset for partition ${index}`, { hint: 'a map is partition → offset' })
    const offset = await resolvePosition(stored, index, position, { isolation: this.#member.settings.isolation })
    if (offset < log.startOffset || offset > log.endOffset) throw log.outOfRange(offset)
    this.#loop.seek(this.#activeLane(partition, 'seek'), offset)
  }

  /** Commits what was handled. With a memberId, `leave` gives the partitions up at once; else they wait for sessionTimeout. */
  async close(options?: { leave?: boolean }): Promise<void> {
    const { leave } = readOptions(options, CLOSE_OPTIONS, this.#what('close'))
    await this.#member.close(leave === undefined ? {} : { leave })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #checkOpen(): void {
    if (this.#member.ended !== undefined) throw this.#member.ended
  }

  #lanes(partitions: readonly unknown[], call: string): Lane[] {
    return partitions.length === 0 ? [...this.#member.lanes.values()] : partitions.map(partition => this.#lane(partition, call))
  }

  #lane(place: unknown, call: string): Lane {
    const label = labelOf(place, this.#what(call))
    return this.#member.lanes.get(label) ?? this.#notOwned(label, call)
  }

  /** Not on its way to another member. */
  #activeLane(place: unknown, call: string): Lane {
    const lane = this.#lane(place, call)
    return lane.state === 'active' ? lane : this.#notOwned(lane.label, call)
  }

  #notOwned(label: string, call: string): never {
    throw new ConflictError('PARTITION_NOT_OWNED', `${this.#what(call)}: ${label} is not this member's`, {
      hint: 'it was given to another member, or is of a topic that was not joined; consumer.assignment lists what it owns', details: { group: this.#member.group, partition: label },
    })
  }

  #what(call: string): string {
    return `group '${this.#member.group}': ${call}`
  }
}

function labelOf(place: unknown, what: string): string {
  const { topic, partition } = (place ?? {}) as { topic?: unknown; partition?: unknown }
  if (typeof topic === 'string' && typeof partition === 'number') return partitionDirectory(topic, partition)
  throw new UsageError('PARTITION_INVALID', `${what}: found ${describe(place)}, expected { topic, partition }`, { hint: 'consumer.assignment lists what it owns; a record is fine too' })
}

function readOffset({ offset }: LogRecord<unknown, unknown>, what: string): number {
  if (Number.isSafeInteger(offset) && offset >= 0) return offset
  throw new UsageError('OFFSET_INVALID', `${what}: found ${describe(offset)} as the record's offset`, { hint: 'commit a record that this consumer was handed' })
}
