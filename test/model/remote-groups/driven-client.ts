// A client by the consumer protocol as the histories drive it: it joins, says what it owns, gives up and takes on what it
// was told, commits, misses answers, dies. What it owns by its own knowledge is what is compared.
import assert from 'node:assert/strict'
import type { Coordinator } from '../../../src/groups/coordinator.ts'
import { GroupFault } from '../../../src/groups/group-fault.ts'
import { RemoteClient, type RemoteClientOptions } from '../../groups/support/remote-client.ts'

/** As the coordinator has it: Kafka's. */
const SESSION_MS = 45_000

export class DrivenClient {
  readonly client: RemoteClient
  readonly instanceId: string | null
  /** It may not give up in time what it is asked for. */
  readonly #isSlow: boolean
  #coordinator: Coordinator
  /** Where it is in what it owns. */
  readonly positions = new Map<string, number>()
  isAlive = true
  /** By the end of the world's ways: nothing of it is expected any more. */
  #isExcused = false
  #heardAt = 0
  /** Answers that it has not got, one after the other. */
  #missed = 0
  #isBusy = false

  constructor(coordinator: Coordinator, group: string, memberId: string, options: RemoteClientOptions & { readonly instanceId: string | null; readonly isSlow: boolean }) {
    this.client = new RemoteClient(coordinator, group, memberId, { ...options, rebalanceTimeoutMs: options.isSlow ? 20_000 : 3_600_000 })
    this.instanceId = options.instanceId
    this.#isSlow = options.isSlow
    this.#coordinator = coordinator
  }

  get name(): string { return this.client.memberId }
  get seatId(): string { return this.instanceId ?? this.name }
  get isMember(): boolean { return this.client.epoch > 0 }

  /** It waits for an answer. */
  get isBusy(): boolean { return this.#isBusy }

  /** The process of the log has begun anew; what was under way has no answer. */
  moveTo(coordinator: Coordinator): void {
    this.#coordinator = this.client.coordinator = coordinator
    if (this.#isBusy) this.#missed++
    this.#isBusy = false
  }

  /** @param isLost the answer does not reach it */
  async beat(now: number, says: 'all' | 'what it owns' | 'nothing', isLost: boolean): Promise<void> {
    if (!this.isAlive || this.#isBusy) return
    this.#isBusy = true
    const { epoch, target } = this.client
    const asked = this.#coordinator
    this.#heardAt = now
    try {
      await this.#say(says)
      if (asked !== this.#coordinator) return
      this.#missed = isLost ? this.#missed + 1 : 0
      if (isLost) [this.client.epoch, this.client.target] = [epoch, target]
    } catch (error) {
      if (asked !== this.#coordinator) return
      if (!(error instanceof GroupFault)) throw error
      this.#refused(error, epoch)
    } finally {
      if (asked === this.#coordinator) this.#isBusy = false
    }
  }

  async #say(says: 'all' | 'what it owns' | 'nothing'): Promise<void> {
    if (!this.isMember || this.#missed > 0 || says === 'all') await this.client.beat()
    else if (says === 'nothing') await this.client.live()
    else await this.client.send({ topicNames: null, topicPattern: null, rebalanceTimeoutMs: -1 })
  }

  #refused({ reason, message }: GroupFault, epoch: number): void {
    if (reason === 'UNRELEASED_INSTANCE_ID' && epoch === 0) return
    if (reason === 'FENCED_MEMBER_EPOCH') assert(this.#missed > 1, `${this.name} was fenced though it has missed ${this.#missed} answers: ${message}`)
    else if (reason === 'FENCED_INSTANCE_ID') this.isAlive = false
    else assert.equal(reason, 'UNKNOWN_MEMBER_ID', message)
    this.#startOver()
  }

  #startOver(): void {
    this.client.epoch = 0
    this.client.owned.clear()
    this.client.target = new Set()
    this.positions.clear()
    this.#missed = 0
  }

  /** Gives up and takes on. */
  async follow(): Promise<void> {
    if (!this.isAlive || this.#isBusy || this.#missed > 1) return // with one lost it may still be at work on what it was told before
    const { owned } = this.client
    const target = new Set(this.client.target)
    for (const label of owned) if (!target.has(label)) this.positions.delete(label)
    this.client.follow()
    const { epoch } = this.client
    const asked = this.#coordinator
    await asked.positions.settled()
    if (this.client.epoch !== epoch || asked !== this.#coordinator) return
    for (const label of target) if (!this.positions.has(label) && this.client.owned.has(label)) this.positions.set(label, this.committed(label) ?? 0)
  }

  committed(label: string): number | undefined {
    return this.#coordinator.positions.of('billing')?.positions.get(label)?.offset
  }

  async leave(epoch: -1 | -2): Promise<void> {
    if (!this.isAlive || !this.isMember || this.#isBusy) return
    this.isAlive = false
    this.#isExcused = true
    await this.client.leave(epoch).catch((error: unknown) => { if (!(error instanceof GroupFault)) throw error })
    this.#startOver()
  }

  die(): void {
    this.isAlive = false
  }

  /** What it is told from here on is not in the log's hands. */
  excuse(): void {
    this.#isExcused = true
  }

  forgetTopic(isOf: (label: string) => boolean): void {
    this.client.target = new Set([...this.client.target].filter(label => !isOf(label)))
    for (const label of [...this.client.owned]) if (isOf(label)) this.client.owned.delete(label)
    for (const label of [...this.positions.keys()]) if (isOf(label)) this.positions.delete(label)
  }

  /** It was put out of the group: that has a reason, or another one could have had what it owns. */
  checkOut(now: number): void {
    if (this.#isExcused || this.#isSlow || !this.isMember) return
    const silentMs = now - this.#heardAt
    assert(silentMs >= SESSION_MS, `${this.name} is out of the group, ${silentMs} ms after it was heard of`)
  }
}
