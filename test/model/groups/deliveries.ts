// What the model expects one member to be handed, and what of that is handled: each partition from where the group
// stands, one offset after the other, and again what a loop was left with.
//
// A record is in hand from when it is handed out until the next is asked for, or the loop is left, or its partition is
// taken away. What was lost in hand is not handled, and the next owner has it again.
import assert from 'node:assert/strict'
import type { LogRecord, RecordBatch } from '../../../src/index.ts'
import type { GroupsBench } from './bench.ts'
import type { DrivenMember } from './driven-member.ts'
import type { Ledger } from './ledger.ts'
import { labelOf, type ModelTopic } from './model.ts'

/** A partition while the member has it. */
interface Episode {
  /** Which topic of that name. */
  readonly topic: ModelTopic
  /** The next offset to be handed out; undefined until the first, where it was not known before. */
  next: number | undefined
  /** Below it all is handled, or left out. */
  handled: number | undefined
  paused: boolean
}

export interface InHand { readonly label: string; readonly topic: ModelTopic; readonly offset: number; readonly nextOffset: number; readonly lastRecord: LogRecord }

export class Deliveries {
  readonly #bench: GroupsBench
  readonly #member: DrivenMember
  readonly #episodes = new Map<string, Episode>()
  #inHand: InHand | undefined
  /** A commit of what was lost in hand must be refused, once. */
  hasLost = false

  constructor(bench: GroupsBench, member: DrivenMember) {
    this.#bench = bench
    this.#member = member
  }

  get inHand(): InHand | undefined { return this.#inHand }

  // ---------------------------------------------------------------- in the loop

  /** The next is asked for. */
  handleInHand(): void {
    const inHand = this.#takeInHand()
    const episode = this.#episodeOf(inHand)
    if (inHand === undefined || episode === undefined || !this.#member.labels.includes(inHand.label)) return
    this.#handle(episode, inHand)
  }

  /** The loop is left: with 'before' what it has is committed, else it comes again. */
  giveBack(): void {
    const inHand = this.#takeInHand()
    const episode = this.#episodeOf(inHand)
    if (inHand !== undefined && episode !== undefined && this.#member.group.kind.commit !== 'before') episode.next = Math.max(inHand.offset, episode.handled ?? 0)
  }

  #handle(episode: Episode, { label, nextOffset }: InHand): void {
    const { commit, commitInterval } = this.#member.group.kind
    const ledger = this.#member.group.ledger(label)
    const handled = episode.handled ?? 0
    if (nextOffset <= handled) return
    if (commit === 'auto') ledger.handle(handled, nextOffset, commitInterval === 0)
    else ledger.leaveOut(handled, nextOffset)
    episode.handled = nextOffset
  }

  #takeInHand(): InHand | undefined {
    const inHand = this.#inHand
    this.#inHand = undefined
    return inHand
  }

  /** undefined: of a topic that was deleted, or no longer the member's. */
  #episodeOf(inHand: InHand | undefined): Episode | undefined {
    const episode = inHand && this.#episodes.get(inHand.label)
    return episode?.topic === inHand?.topic ? episode : undefined
  }

  /** `isLate`: the loop was left, or the member closed, while it was on its way. */
  take(given: LogRecord | RecordBatch, isLate: boolean): void {
    const records = 'offset' in given ? [given] : [...given]
    const { topic: name, partition } = given
    const label = labelOf(name, partition)
    const [topic] = records.map(record => this.#bench.topicOf(record))
    const where = `group ${this.#member.group.id}, ${label}`
    assert(topic !== undefined, `${where}: handed out at ${records[0]!.offset} what nobody sent: ${String(records[0]!.value)}`)
    const inHand: InHand = { label, topic, offset: records[0]!.offset, nextOffset: records.at(-1)!.offset + 1, lastRecord: records.at(-1)! }
    if (isLate) return this.#takeLate(inHand)
    this.#inHand = inHand
    if (!this.#bench.isThere(topic)) return // it was deleted meanwhile
    this.#bench.assertAlone(this.#member, label, topic)
    const ledger = this.#member.group.ledger(label)
    const known = this.#episodes.get(label)
    const episode = known?.topic === topic && !this.#mayBeBack(known, ledger, inHand.offset) ? known : this.#begin(label, topic)
    if (episode.next === undefined) this.#assertBeginsAt(episode, ledger, inHand.offset)
    assert(!episode.paused, `${where}: handed out while it was paused`)
    for (const record of records) {
      assert.equal(record.offset, episode.next, `${where}: the offset that was handed out`)
      assert.equal(record.value, topic.partitions[partition]![record.offset], `${where}: the record at ${record.offset}`)
      ledger.hand(record.offset)
      episode.next = record.offset + 1
    }
    if (this.#member.group.kind.commit !== 'before') return
    ledger.handle(inHand.offset, inHand.nextOffset, true)
    episode.handled = inHand.nextOffset
  }

  /** It was handed on and came back between two looks: with 'manual' the member then has again what was not committed. */
  #mayBeBack({ next }: Episode, { least, most }: Ledger, offset: number): boolean {
    if (this.#member.group.kind.commit !== 'manual' || next === undefined || offset >= next || offset < least || offset > most) return false
    return this.#member.group.wasShared
  }

  /** Given back, unless it is committed already. */
  #takeLate({ label, topic, offset, nextOffset }: InHand): void {
    if (this.#member.group.kind.commit !== 'before' || !this.#bench.isThere(topic)) return
    const ledger = this.#member.group.ledger(label)
    if (!ledger.hasBegun) ledger.begin(offset)
    for (let handed = offset; handed < nextOffset; handed++) ledger.hand(handed)
    ledger.leaveOut(offset, nextOffset)
    ledger.mayCommit(nextOffset)
    const episode = this.#episodes.get(label)
    if (episode !== undefined) episode.next = episode.handled = nextOffset
  }

  #begin(label: string, topic: ModelTopic): Episode {
    for (const other of this.#bench.membersOf(this.#member.group)) if (other !== this.#member) other.deliveries.lookWhetherLost(label)
    const episode: Episode = { topic, next: undefined, handled: undefined, paused: false }
    this.#episodes.set(label, episode)
    return episode
  }

  #assertBeginsAt(episode: Episode, ledger: Ledger, offset: number): void {
    if (!ledger.hasBegun) {
      const [least, most] = this.#bench.beginOf(this.#member.group, episode.topic, Number(/\d+$/.exec(ledger.name)![0]))
      assert(offset >= least && offset <= most, `${ledger.name}: the group begins at ${offset}, expected ${least} to ${most}`)
      ledger.begin(offset)
    }
    assert(offset >= ledger.least && offset <= ledger.most, `${ledger.name}: a member goes on at ${offset}, the committed position is ${ledger.least} to ${ledger.most}`)
    episode.next = episode.handled = offset
  }

  // ---------------------------------------------------------------- beside the loop

  /** A commit of all that was handed out, with what is in hand. Returns what it says once it is made. */
  commitAll(): () => void {
    const { group, labels } = this.#member
    const inHand = this.#episodeOf(this.#inHand)
    if (inHand !== undefined && group.kind.commit !== 'before') this.#handle(inHand, this.#inHand!)
    const asked: [string, number][] = []
    for (const [label, { handled, topic }] of this.#episodes) if (handled !== undefined && labels.includes(label) && this.#bench.isThere(topic)) asked.push([label, handled])
    for (const [label, handled] of asked) group.ledger(label).mayCommit(handled)
    return () => { for (const [label, handled] of asked) if (this.#episodes.get(label)?.handled === handled) group.ledger(label).mustCommit(handled) }
  }

  /** A commit up to and with a record that was handed out. */
  commitUpTo(label: string, offset: number): void {
    const episode = this.#episodes.get(label)
    const ledger = this.#member.group.ledger(label)
    const handled = episode?.handled ?? 0
    if (episode !== undefined && offset >= handled) {
      ledger.leaveOut(handled, offset + 1)
      episode.handled = offset + 1
    }
    ledger.mayCommit(offset + 1)
  }

  seek(label: string, offset: number): void {
    const { group } = this.#member
    const ledger = group.ledger(label)
    const episode = this.#episodes.get(label)
    if (episode === undefined) return
    if (this.#inHand?.label === label) this.#inHand = undefined
    ledger.leaveOut(episode.handled ?? 0, offset)
    if (offset < (episode.next ?? Infinity)) ledger.handAgainFrom(offset)
    if (group.kind.commit === 'auto') ledger.mayCommit(offset)
    episode.next = episode.handled = offset
  }

  /** All, if none is named. */
  pause(labels: readonly string[], paused: boolean): void {
    for (const [label, episode] of this.#episodes) if (labels.length === 0 || labels.includes(label)) episode.paused = paused
  }

  /** Nothing is expected any more. With 'auto' a member that is closed commits what it has handled, one that was fenced does not. */
  end(how: 'closed' | 'fenced'): void {
    for (const label of [...this.#episodes.keys()]) this.#lose(label, how === 'closed')
    this.#inHand = undefined
  }

  // ---------------------------------------------------------------- at rest

  /** Takes note of the partitions that came and went. */
  look(): void {
    this.lookForLost()
    const inHand = this.#inHand
    if (inHand !== undefined && !this.#bench.isThere(inHand.topic)) this.#inHand = undefined
    for (const label of this.#member.labels) this.#lookAt(label)
  }

  lookForLost(): void {
    for (const label of [...this.#episodes.keys()]) this.lookWhetherLost(label)
  }

  /** With records in hand a partition is taken away when its time is up, and what is in hand is lost. */
  lookWhetherLost(label: string): void {
    const episode = this.#episodes.get(label)
    if (episode === undefined) return
    const { topic } = episode
    if (!this.#bench.isThere(topic)) return void this.#episodes.delete(label)
    if (this.#member.labels.includes(label)) return
    const wasInHand = this.#inHand?.label === label && this.#inHand.topic === topic
    if (wasInHand) assert(this.#bench.mayFence, `group ${this.#member.group.id}: ${label} was taken away with records of it in hand, before its time`)
    if (wasInHand) this.hasLost = true
    if (wasInHand) this.#inHand = undefined
    this.#lose(label, !wasInHand)
  }

  #lookAt(label: string): void {
    const topic = this.#bench.model.place(label)?.topic
    assert(topic !== undefined, `group ${this.#member.group.id}: a member has ${label}, which is no more`)
    if (this.#episodes.get(label)?.next !== undefined) return
    const episode = this.#episodes.get(label) ?? this.#begin(label, topic)
    const ledger = this.#member.group.ledger(label)
    if (!ledger.hasBegun) {
      const begunAt = this.#bench.begunAt(this.#member.group, topic, label)
      if (begunAt === undefined) return
      ledger.begin(begunAt)
    }
    if (ledger.least === ledger.most) episode.next = episode.handled = ledger.least
  }

  #lose(label: string, isReleased: boolean): void {
    const episode = this.#episodes.get(label)
    this.#episodes.delete(label)
    if (episode === undefined || this.#member.group.kind.commit !== 'auto' || !this.#bench.isThere(episode.topic)) return
    if (isReleased && episode.handled !== undefined) this.#member.group.ledger(label).mustCommit(episode.handled)
    else this.#member.group.ledger(label).uncertain()
  }
}
