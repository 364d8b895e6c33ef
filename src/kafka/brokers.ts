// Which brokers clients are told of. There is one process and one log; pretended brokers are ports of the door that share
// out partitions and groups among those that are up, so that a client's fail-over can be tried.
//
//   up ⊆ all          each partition and each coordinator is with exactly one broker that is up, while one is
//   preferred         what is numbered n is with broker n % all, or, while that is down, with the next one that is up:
//                     only what the broker that went down had moves, and it moves back
//
// Every broker has every partition: it is a replica, in sync while it is up. Leader epochs are the log's and do not change
// when a partition moves; clients take a new leader of the same epoch. Any broker does what a controller does, as in KRaft.
import { murmur2 } from '../format/murmur2.ts'
import { KafkaError } from './kafka-errors.ts'

export interface BrokerAddress { readonly nodeId: number; readonly host: string; readonly port: number }

export class Brokers {
  readonly clusterId: string
  #all: readonly BrokerAddress[] = []
  #up: readonly BrokerAddress[] = []
  readonly #onMove = new Set<() => void>()

  constructor(clusterId: string) {
    this.clusterId = clusterId
  }

  /** By node id, which is the place in the list. */
  get all(): readonly BrokerAddress[] { return this.#all }
  get up(): readonly BrokerAddress[] { return this.#up }
  get nodeIds(): readonly number[] { return this.#all.map(({ nodeId }) => nodeId) }
  get upIds(): readonly number[] { return this.#up.map(({ nodeId }) => nodeId) }
  get downIds(): readonly number[] { return this.#all.filter(broker => !this.#up.includes(broker)).map(({ nodeId }) => nodeId) }
  get controller(): BrokerAddress { return this.#pick(0) }

  /** At the beginning: all are up. */
  use(all: readonly BrokerAddress[]): void {
    this.#all = all
    this.#up = all
  }

  isUp(nodeId: number): boolean {
    return this.#up.some(broker => broker.nodeId === nodeId)
  }

  setUp(nodeId: number, isUp: boolean): void {
    this.#up = this.#all.filter(broker => broker.nodeId === nodeId ? isUp : this.isUp(broker.nodeId))
    for (const callback of [...this.#onMove]) callback()
  }

  /** Calls back when partitions may have moved to another broker. Returns what takes that back. */
  onMove(callback: () => void): () => void {
    this.#onMove.add(callback)
    return () => { this.#onMove.delete(callback) }
  }

  leaderOf(partition: number): number {
    return this.#pick(partition).nodeId
  }

  /** Of a group or a transactional id. */
  coordinatorOf(key: string): BrokerAddress {
    return this.#all.length === 1 ? this.#pick(0) : this.#pick(murmur2(Buffer.from(key)) & 0x7fffffff)
  }

  isLeader(nodeId: number, partition: number): boolean {
    return this.#all.length === 1 || this.leaderOf(partition) === nodeId
  }

  checkCoordinator(nodeId: number, key: string): void {
    if (this.#all.length > 1 && this.coordinatorOf(key).nodeId !== nodeId) throw new KafkaError('NOT_COORDINATOR', `broker ${nodeId} does not coordinate '${key}'`)
  }

  #pick(number: number): BrokerAddress {
    const count = this.#all.length
    for (let step = 0; step < count; step++) {
      const broker = this.#all[(number + step) % count]!
      if (this.#up.includes(broker)) return broker
    }
    throw new KafkaError('BROKER_NOT_AVAILABLE', 'no broker is up')
  }
}
