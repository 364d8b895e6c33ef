// Which brokers a client wants partitions on. All of them are one process, so it is checked and not kept.
import { KafkaError } from './kafka-errors.ts'

/** -1: as many as there are. Throws a KafkaError INVALID_REPLICATION_FACTOR. */
export function checkReplicationFactor(factor: number, brokers: readonly number[]): void {
  if (factor < -1 || factor === 0) throw new KafkaError('INVALID_REPLICATION_FACTOR', `found replication factor ${factor}, expected at least 1, or -1 for the default`)
  if (factor > brokers.length) throw new KafkaError('INVALID_REPLICATION_FACTOR', `found replication factor ${factor}, and there ${brokers.length === 1 ? 'is 1 broker' : `are ${brokers.length} brokers`}`)
}

/** Each partition has as many replicas as the others, on brokers that there are. Throws a KafkaError INVALID_REPLICA_ASSIGNMENT. */
export function checkAssignments(assignments: readonly { readonly brokerIds: readonly number[] }[], brokers: readonly number[]): void {
  for (const { brokerIds } of assignments) {
    if (brokerIds.length === 0) throw invalidAssignment('a partition needs a replica')
    if (new Set(brokerIds).size < brokerIds.length) throw invalidAssignment(`replicas are on one broker: ${brokerIds.join(', ')}`)
    const unknown = brokerIds.find(id => !brokers.includes(id))
    if (unknown !== undefined) throw invalidAssignment(`there is no broker ${unknown}`)
    if (brokerIds.length !== assignments[0]?.brokerIds.length) throw invalidAssignment('partitions of a topic have the same number of replicas')
  }
}

export function invalidAssignment(message: string): KafkaError {
  return new KafkaError('INVALID_REPLICA_ASSIGNMENT', message)
}
