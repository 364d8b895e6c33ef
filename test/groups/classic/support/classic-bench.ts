// A classic group on a clock that is stepped, with members as the wire has them, and a record that can be slow or fail.
import { ClassicGroup } from '../../../../src/groups/classic/classic-group.ts'
import type { Caller, JoinAnswer, JoinRequest, Protocol, SyncAnswer } from '../../../../src/groups/classic/classic-requests.ts'
import type { GroupError } from '../../../../src/groups/group-errors.ts'
import type { StoredGroup } from '../../../../src/format/group-records.ts'
import { SteppedClock } from '../../../../src/platform/stepped-clock.ts'

export const SESSION_MS = 10_000
export const REBALANCE_MS = 60_000

export function protocols(...names: string[]): Protocol[] {
  return names.map(name => ({ name, metadata: Buffer.from(`${name} of it`) }))
}

export class ClassicBench {
  readonly clock = new SteppedClock()
  /** Those that are on record, the newest last. */
  readonly stored: StoredGroup[] = []
  /** What the next write waits for. */
  storing: () => Promise<void> = async () => { await Promise.resolve() }
  vacant = 0
  readonly group: ClassicGroup

  constructor(restored?: StoredGroup) {
    if (restored !== undefined) this.stored.push(restored)
    this.group = new ClassicGroup('billing', {
      clock: this.clock,
      store: async stored => {
        await this.storing()
        this.stored.push(stored)
      },
      storedGeneration: () => this.stored.at(-1)?.generation ?? 0,
      onVacant: () => { this.vacant++ },
      bringLocals: () => { /* there are none */ },
      onLocalsAlone: () => { /* there are none */ },
      onFailed: () => { /* the answers tell */ },
    })
    if (restored !== undefined) this.group.restore(restored)
  }

  member(clientId: string, options: Partial<JoinRequest> = {}): WireMember {
    return new WireMember(this, clientId, options)
  }

  /** They join at once, and the one that leads assigns each its name. */
  async stable(...members: WireMember[]): Promise<void> {
    await Promise.all(members.map(member => member.join()))
    await Promise.all(members.map(member => member.sync(members)))
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
  }
}

export class WireMember {
  readonly #bench: ClassicBench
  readonly #request: JoinRequest
  id = ''
  generation = -1
  isLeader = false
  protocol: string | null = null

  constructor(bench: ClassicBench, clientId: string, options: Partial<JoinRequest>) {
    this.#bench = bench
    this.#request = {
      memberId: '', instanceId: null, clientId, clientHost: '/127.0.0.1', sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS,
      protocolType: 'consumer', protocols: protocols('range'), needsIdFirst: true, canSkipAssignment: true, ...options,
    }
  }

  get clientId(): string { return this.#request.clientId }
  get caller(): Caller { return { memberId: this.id, instanceId: this.#request.instanceId, generation: this.generation } }

  /** As clients do it: again with the id that it was told to come with. */
  async join(options: Partial<JoinRequest> = {}): Promise<JoinAnswer> {
    const answer = await this.ask(options)
    if (answer.error !== 'MEMBER_ID_REQUIRED') return answer
    return await this.ask(options)
  }

  /** One request. */
  async ask(options: Partial<JoinRequest> = {}): Promise<JoinAnswer> {
    const answer = await this.#bench.group.join({ ...this.#request, memberId: this.id, ...options })
    if (answer.error === 'MEMBER_ID_REQUIRED') this.id = answer.memberId
    if (answer.error !== undefined) return answer
    this.id = answer.memberId
    this.generation = answer.generation
    this.protocol = answer.protocol
    this.isLeader = answer.leader === answer.memberId
    return answer
  }

  /** A leader assigns each of them its name. */
  async sync(members: readonly WireMember[] = []): Promise<SyncAnswer> {
    const assignments = this.isLeader ? members.map(({ id, clientId }) => ({ memberId: id, assignment: Buffer.from(clientId) })) : []
    return await this.#bench.group.sync({ ...this.caller, protocolType: 'consumer', protocol: this.protocol, assignments })
  }

  async assigned(members: readonly WireMember[] = []): Promise<string> {
    const { error, assignment } = await this.sync(members)
    return error ?? assignment.toString()
  }

  heartbeat(): GroupError | undefined {
    return this.#bench.group.heartbeat(this.caller)
  }

  leave(): GroupError | undefined {
    return this.#bench.group.leave([{ memberId: this.id, instanceId: this.#request.instanceId }])[0]
  }

  commitRefusal({ isTransactional = false } = {}): GroupError | undefined {
    return this.#bench.group.commitRefusal(this.caller, { isTransactional })
  }
}

/** Without waiting: 'waits' where there is no answer yet. */
export async function now<T>(asked: Promise<T>): Promise<T | 'waits'> {
  let answer: T | 'waits' = 'waits'
  void asked.then(value => { answer = value })
  for (let turns = 0; turns < 20; turns++) await Promise.resolve()
  return answer
}
