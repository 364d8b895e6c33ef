// Leader epochs, as clients are told them and tell them back: a partition's rises with every unclean end of the log, so
// that a client which has read what such an end took learns of it.
import type { PartitionLog } from '../storage/partition-log.ts'
import { WritablePartition } from '../storage/writable-partition.ts'
import { KafkaError } from './kafka-errors.ts'

const NONE = -1

export function epochOf(log: PartitionLog): number {
  return log instanceof WritablePartition ? log.leaderEpoch : NONE
}

/** Of the batch at an offset. What lies before the first entry of the checkpoint is of epoch 0: nothing had been lost yet. */
export function epochAt(log: WritablePartition, offset: number): number {
  return log.epochs.at(offset) ?? 0
}

/** `known`: the epoch in which the client believes the partition to be; -1: it does not say. */
export function checkLeaderEpoch(log: WritablePartition, known: number): void {
  if (known === NONE || known === log.leaderEpoch) return
  throw known < log.leaderEpoch
    ? new KafkaError('FENCED_LEADER_EPOCH', `${log.label}: the leader epoch is ${log.leaderEpoch}, the request knows ${known}: ask for the metadata anew`)
    : new KafkaError('UNKNOWN_LEADER_EPOCH', `${log.label}: the leader epoch is ${log.leaderEpoch}, the request knows a later one, ${known}`)
}
