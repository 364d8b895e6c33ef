// A client by the consumer protocol, without its wire: it sends heartbeats to a coordinator, takes what it is given, and
// gives up what it is asked for when the test says so.
import type { Coordinator } from '../../../src/groups/coordinator.ts'
import type { Heartbeat, HeartbeatAnswer } from '../../../src/groups/remote-members.ts'

export interface RemoteClientOptions {
  readonly topics?: readonly string[] | null
  readonly pattern?: string | null
  readonly instanceId?: string | null
  readonly assignor?: string | null
  readonly rebalanceTimeoutMs?: number
}

export class RemoteClient {
  readonly memberId: string
  readonly #group: string
  readonly #options: Required<RemoteClientOptions>
  coordinator: Coordinator
  epoch = 0
  /** What it reads, as directories. */
  owned = new Set<string>()
  /** What it was told last that it is to have. */
  target: ReadonlySet<string> = new Set()

  constructor(coordinator: Coordinator, group: string, memberId: string, options: RemoteClientOptions = {}) {
    this.coordinator = coordinator
    this.#group = group
    this.memberId = memberId
    this.#options = { topics: ['orders'], pattern: null, instanceId: null, assignor: null, rebalanceTimeoutMs: 60_000, ...options }
  }

  /** In one go: joins, and reads what it is given. */
  async join(): Promise<this> {
    this.epoch = 0
    this.owned.clear()
    await this.send({})
    this.follow()
    return this
  }

  /** Lives, and says what it owns. */
  async beat(): Promise<void> {
    await this.send({ owned: this.owned })
  }

  /** Lives, and says nothing else. */
  async live(): Promise<void> {
    await this.send({ owned: null, topicNames: null, topicPattern: null, rebalanceTimeoutMs: -1 })
  }

  /** Gives up and takes on what it was told, says so, until it is told nothing new. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await this.beat()
      this.follow()
    }
  }

  follow(): void {
    this.owned = new Set(this.target)
  }

  async leave(epoch = -1): Promise<void> {
    await this.send({ memberEpoch: epoch, owned: null })
    this.epoch = 0
    this.owned.clear()
  }

  async send(said: Partial<Heartbeat>): Promise<HeartbeatAnswer> {
    const { topics, pattern, instanceId, assignor, rebalanceTimeoutMs } = this.#options
    const asked = this.coordinator
    const answer = await asked.heartbeat(this.#group, {
      memberId: this.memberId, memberEpoch: this.epoch, instanceId, rebalanceTimeoutMs, topicNames: topics, topicPattern: pattern, assignor,
      owned: this.owned, clientId: 'client', clientHost: '/127.0.0.1', ...said,
    })
    if (this.coordinator !== asked) return answer // that process has died: nobody gets its answers
    this.epoch = answer.memberEpoch
    if (answer.assignment !== undefined) this.target = new Set(answer.assignment.map(({ label }) => label))
    return answer
  }
}
