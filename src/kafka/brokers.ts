// Which brokers clients are told of. There is one process and one log; pretended brokers are ports of the door that share
// out partitions and groups among those that are up, so that a client's fail-over can be tried.
//
// Each partition and each coordinator is with exactly one broker that is up; with one broker, all of them.
import { murmur2 } from '../format/murmur2.ts'
import { KafkaError } from './kafka-errors.ts'

export interface BrokerAddress { readonly nodeId: number; readonly host: string; readonly port: number }

export class Brokers {
  readonly clusterId: string
  #up: readonly BrokerAddress[] = []

  constructor(clusterId: string) {
    this.clusterId = clusterId
  }

  get up(): readonly BrokerAddress[] { return this.#up }
  get nodeIds(): readonly number[] { return this.#up.map(({ nodeId }) => nodeId) }
  get controller(): BrokerAddress { return this.#pick(0) }

  use(up: readonly BrokerAddress[]): void {
    this.#up = up
  }

  leaderOf(partition: number): number {
    return this.#pick(partition).nodeId
  }

  /** Of a group or a transactional id. */
  coordinatorOf(key: string): BrokerAddress {
    return this.#up.length === 1 ? this.#pick(0) : this.#pick(murmur2(Buffer.from(key)) & 0x7fffffff)
  }

  isLeader(nodeId: number, partition: number): boolean {
    return this.#up.length === 1 || this.leaderOf(partition) === nodeId
  }

  checkCoordinator(nodeId: number, key: string): void {
    if (this.#up.length > 1 && this.coordinatorOf(key).nodeId !== nodeId) throw new KafkaError('NOT_COORDINATOR', `broker ${nodeId} does not coordinate '${key}'`)
  }

  #pick(number: number): BrokerAddress {
    const broker = this.#up[number % Math.max(1, this.#up.length)]
    if (broker === undefined) throw new KafkaError('BROKER_NOT_AVAILABLE', 'no broker is up')
    return broker
  }
}
