// A partition's leader epoch, as clients are told it and tell it back: it rises with every unclean end of the log.
import type { PartitionLog } from '../storage/partition-log.ts'
import { WritablePartition } from '../storage/writable-partition.ts'

export function epochOf(log: PartitionLog): number {
  return log instanceof WritablePartition ? log.leaderEpoch : -1
}
