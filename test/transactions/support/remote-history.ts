// Producers of other processes at work on one log that is killed, or loses its power, at any moment; after that they ask
// again, or go on as if nothing had happened, or begin anew. What each was told is held against what readers see:
//
//   told that it is committed    all of it is there, once, whatever happens later
//   told anything else           nothing of it is there
//   not told                     all of it or nothing
//
// A client waits for its batches to be on the device before it sends more, as acks=all does. Its group is its own: the
// position is that of the newest record, in the order of the log, that is in effect.
import { expect } from 'vitest'
import { nextTurn } from '../../../src/platform/next-turn.ts'
import { SeededRandom } from '../../../src/platform/seeded-random.ts'
import { partsOf } from '../../../src/surface/event-log.ts'
import { testLog, type TestLog } from '../../../src/testing.ts'
import { RemoteClient } from './remote-client.ts'

const PARTITIONS = 3
const TIMEOUT_MS = 900_000
/** More than a history needs. */
const POSITIONS = 1000

type Outcome = 'open' | 'committed' | 'aborted' | 'unknown'
interface Sent { readonly partition: number; readonly value: string }

class Attempt {
  readonly sent: Sent[] = []
  outcome: Outcome = 'open'
  /** Asked for, and not answered yet. */
  asked: 'commit' | 'abort' | undefined
  get isEmpty(): boolean { return this.sent.length === 0 }
}

/** A client, and what it knows of its transactions. */
class Actor {
  readonly client: RemoteClient
  readonly attempts: Attempt[] = []
  /** In the order of the log; `attempt` undefined: it was committed on its own. */
  readonly moves: { readonly offset: number; readonly attempt: Attempt | undefined }[] = []
  /** Its answer was lost. */
  unanswered: Sent | undefined
  isLost = true
  #next = 0

  constructor(client: RemoteClient) {
    this.client = client
  }

  get group(): string { return `group-${this.client.transactionalId}` }
  get attempt(): Attempt | undefined {
    const last = this.attempts.at(-1)
    return last?.outcome === 'open' ? last : undefined
  }

  nextValue(): string {
    return `${this.client.transactionalId}-${this.#next++}`
  }

  begun(): Attempt {
    const attempt = this.attempt ?? new Attempt()
    if (this.attempt === undefined) this.attempts.push(attempt)
    return attempt
  }
}

export class RemoteHistory {
  readonly #random: SeededRandom
  readonly #actors: Actor[] = []
  #log: TestLog
  #position = 0
  readonly #done: string[] = []
  /** Several are at work at once. */
  #isBusy = false

  private constructor(log: TestLog, seed: number) {
    this.#log = log
    this.#random = new SeededRandom(seed)
  }

  static async begin(seed: number): Promise<RemoteHistory> {
    const log = await testLog({ seed, durability: 'power' })
    await log.topic('orders', { partitions: PARTITIONS, value: 'string' })
    const source = await log.topic('source', { value: 'string' })
    await source.send(Array.from({ length: POSITIONS }, () => ({ value: 'x' })))
    const history = new RemoteHistory(log, seed)
    for (const version of [1, 2, 2] as const) history.#actors.push(new Actor(new RemoteClient(log, { version, transactionalId: `id-${history.#actors.length}`, timeoutMs: TIMEOUT_MS })))
    return history
  }

  get told(): string { return this.#done.join('\n') }

  async run(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (let steps = this.#random.below(25); steps > 0; steps--) await this.#step(this.#actor())
      await this.#accident()
      await this.#check()
    }
    for (const actor of this.#actors) await this.#finish(actor)
    await this.#check()
    await this.#log.close()
  }

  #actor(): Actor {
    return this.#actors[this.#random.below(this.#actors.length)]!
  }

  // ---------------------------------------------------------------- what clients do

  async #step(actor: Actor): Promise<void> {
    if (actor.isLost) return await this.#begin(actor)
    if (actor.unanswered !== undefined) return await this.#sendAgain(actor, actor.unanswered)
    if (actor.attempt?.asked !== undefined) return await this.#end(actor, actor.attempt.asked === 'commit')
    switch (this.#random.below(11)) {
      case 0: case 1: case 2: return await this.#send(actor)
      case 3: return await this.#move(actor)
      case 4: return await this.#commitAlone(actor)
      case 5: case 6: return actor.attempt === undefined ? undefined : await this.#end(actor, true)
      case 7: return actor.attempt === undefined ? undefined : await this.#end(actor, false)
      case 8: return this.#random.chance(0.2) ? await this.#begin(actor) : undefined
      case 9: return this.#random.chance(0.2) ? await this.#own(actor) : undefined
      default: return this.#random.chance(0.1) ? await this.#takeTooLong(actor) : undefined
    }
  }

  async #finish(actor: Actor): Promise<void> {
    if (actor.unanswered !== undefined) await this.#sendAgain(actor, actor.unanswered)
    const { attempt } = actor
    if (attempt !== undefined) await this.#end(actor, attempt.asked === undefined ? this.#random.chance(0.7) : attempt.asked === 'commit')
  }

  async #begin(actor: Actor): Promise<void> {
    const { attempt } = actor
    if (attempt !== undefined) attempt.outcome = attempt.asked === 'commit' ? 'unknown' : 'aborted'
    actor.unanswered = undefined
    actor.isLost = true
    const answer = await actor.client.init()
    this.#tell(actor, 'init', answer)
    expect(answer).toBe('NONE')
    actor.isLost = false
  }

  async #send(actor: Actor): Promise<void> {
    const attempt = actor.begun()
    const partition = this.#random.below(PARTITIONS)
    if (actor.client.version === 1) {
      const added = await actor.client.add('orders', partition)
      if (added !== 'NONE') return await this.#refused(actor, `add ${partition}`, added)
    }
    const sent = { partition, value: actor.nextValue() }
    const answer = actor.client.write('orders', partition, [sent.value])
    if (answer !== 'NONE') return await this.#refused(actor, `send ${sent.value}`, answer)
    attempt.sent.push(sent)
    actor.unanswered = sent
    await this.#stored(actor)
    this.#tell(actor, `send ${sent.value} to ${partition}`, 'NONE')
  }

  async #sendAgain(actor: Actor, { partition, value }: Sent): Promise<void> {
    const answer = actor.client.write('orders', partition, [value], { isRetry: true })
    if (answer !== 'NONE') return await this.#refused(actor, `send ${value} again`, answer)
    await this.#stored(actor)
    this.#tell(actor, `send ${value} again`, 'NONE')
  }

  async #stored(actor: Actor): Promise<void> {
    await partsOf(this.#log).log.topics.get('orders')!.writable(actor.unanswered!.partition).sync()
    actor.unanswered = undefined
  }

  async #move(actor: Actor): Promise<void> {
    if (actor.attempt === undefined) return
    const offset = this.#position++
    const move = { offset, attempt: actor.attempt }
    const { length } = actor.moves
    const answer = await actor.client.move(actor.group, { topic: 'source', partition: 0, offset })
    if (answer !== 'NONE') return await this.#refused(actor, `move to ${offset}`, answer)
    actor.moves.splice(length, 0, move)
    this.#tell(actor, `move to ${offset}`, answer)
  }

  async #commitAlone(actor: Actor): Promise<void> {
    const offset = this.#position++
    await partsOf(this.#log).groups.positions.commit(actor.group, [{ topic: 'source', partition: 0, offset }])
    actor.moves.push({ offset, attempt: undefined })
    this.#tell(actor, `commit ${offset} alone`, 'NONE')
  }

  async #end(actor: Actor, commit: boolean): Promise<void> {
    const attempt = actor.attempt!
    if (attempt.isEmpty) return
    attempt.asked = commit ? 'commit' : 'abort'
    const answer = await actor.client.end(commit)
    this.#tell(actor, attempt.asked, answer)
    if (answer === 'NONE') attempt.outcome = commit ? 'committed' : 'aborted'
    else await this.#refused(actor, attempt.asked, answer)
  }

  /** It aborts, and goes on if it is let. */
  async #refused(actor: Actor, what: string, answer: string): Promise<void> {
    this.#tell(actor, what, answer)
    const { attempt } = actor
    if (attempt !== undefined) attempt.outcome = 'aborted'
    const hasGap = actor.client.version === 1 && actor.unanswered !== undefined // what it counted may never have come
    actor.unanswered = undefined
    actor.isLost = true
    const aborted = await actor.client.abort()
    this.#tell(actor, 'abort', aborted)
    actor.isLost = hasGap || aborted !== 'NONE'
  }

  /** A transaction of the log's own process, of the client's id: that is fenced. */
  async #own(actor: Actor): Promise<void> {
    this.#giveUp(actor)
    const attempt = new Attempt()
    const sent = { partition: this.#random.below(PARTITIONS), value: actor.nextValue() }
    attempt.sent.push(sent)
    attempt.asked = 'commit'
    attempt.outcome = 'unknown'
    actor.attempts.push(attempt)
    const orders = await this.#log.topic<string>('orders')
    await this.#log.transaction(async tx => { await tx.send(orders, sent) }, { id: actor.client.transactionalId })
    attempt.outcome = 'committed'
    this.#tell(actor, `own ${sent.value}`, 'NONE')
  }

  /** So do all whose transactions are open. */
  async #takeTooLong(actor: Actor): Promise<void> {
    if (this.#isBusy || actor.attempt === undefined) return
    const late = this.#actors.filter(({ attempt, unanswered }) => attempt?.isEmpty === false && attempt.asked === undefined && unanswered === undefined) // of the others a power cut may have left nothing
    await this.#log.clock.advance(TIMEOUT_MS)
    for (const each of late) {
      const answer = each.client.write('orders', 0, [each.nextValue()])
      this.#tell(each, 'send too late', answer)
      expect(answer).toBe('INVALID_PRODUCER_EPOCH')
      this.#giveUp(each)
    }
  }

  #giveUp(actor: Actor): void {
    const { attempt } = actor
    if (attempt !== undefined) attempt.outcome = 'aborted'
    actor.unanswered = undefined
    actor.isLost = true
  }

  // ---------------------------------------------------------------- accidents

  /** Some are in the middle of something. */
  async #accident(): Promise<void> {
    this.#isBusy = true
    const busy = this.#actors.filter(() => this.#random.chance(0.6)).map(actor => this.#step(actor).catch(() => { /* the log is gone */ }))
    for (let turns = this.#random.below(12); turns > 0; turns--) await nextTurn()
    const isKill = this.#random.chance(0.5)
    this.#done.push(isKill ? '--- kill' : '--- power cut')
    const dead = this.#actors.map(({ client }) => client)
    this.#log = isKill ? await this.#log.crash() : await this.#log.powerCut({ seed: this.#random.below(1_000_000) })
    await Promise.all(busy)
    this.#isBusy = false
    for (const client of dead) client.log = this.#log
  }

  async #check(): Promise<void> {
    const seen: string[] = []
    for await (const { value } of (await this.#log.topic<string>('orders')).read()) seen.push(value as string)
    expect(new Set(seen).size, 'seen once').toBe(seen.length)
    for (const { attempts } of this.#actors) for (const attempt of attempts) this.#checkAttempt(attempt, new Set(seen))
    for (const actor of this.#actors) this.#checkPosition(actor)
  }

  #checkAttempt(attempt: Attempt, seen: ReadonlySet<string>): void {
    const { sent, outcome, asked } = attempt
    const found = sent.filter(({ value }) => seen.has(value)).length
    const values = sent.map(({ value }) => value).join()
    if (outcome === 'committed') expect(found, `${values}: committed`).toBe(sent.length)
    else if (outcome === 'aborted') expect(found, `${values}: not committed`).toBe(0)
    else if (outcome === 'open' && asked === undefined) expect(found, `${values}: open`).toBe(0)
    else expect([0, sent.length], `${values}: all or nothing`).toContain(found)
    if (outcome === 'unknown') attempt.outcome = found > 0 ? 'committed' : 'aborted'
  }

  /** Nothing is known for certain while an answer is awaited. */
  #checkPosition({ group, moves, attempt, attempts }: Actor): void {
    if (attempt?.asked === 'commit' || attempts.some(({ outcome }) => outcome === 'unknown')) return
    const expected = moves.filter(move => move.attempt === undefined || move.attempt.outcome === 'committed').at(-1)?.offset
    const found = partsOf(this.#log).groups.positions.of(group)?.positions.get('source-0')?.offset
    if (found !== expected) expect(this.#unanswered.has(found ?? -1), `${group}: ${found} where ${expected} was told`).toBe(true)
  }

  /** Positions that were put, and whose answer was lost. */
  get #unanswered(): Set<number> {
    const told = new Set(this.#actors.flatMap(({ moves }) => moves.map(({ offset }) => offset)))
    return new Set(Array.from({ length: this.#position }, (_, offset) => offset).filter(offset => !told.has(offset)))
  }

  #tell({ client: { transactionalId, producer: { epoch } } }: Actor, what: string, answer: string): void {
    this.#done.push(`${transactionalId}@${epoch} ${what}: ${answer}`)
  }
}
