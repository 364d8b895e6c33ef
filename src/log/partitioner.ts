// Which partition a key belongs to. The name of the partitioner is stored with the topic, so that a key stays in
// its partition: 'murmur2' places as Kafka's own client does, 'xxhash' is xxh32 with seed 0, 'custom' is a function of
// the user's. A key is always hashed, an empty one too; records without a key never come here.
import { describe } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'
import { murmur2, toPositive } from '../format/murmur2.ts'

export type PartitionerName = 'murmur2' | 'xxhash' | 'custom'
/** From the key's bytes to an index below `partitions`. */
export type Place = (key: Uint8Array, partitions: number) => number

/** Loads what the partitioner needs; `place` is the user's function for 'custom'. */
export async function loadPartitioner(name: PartitionerName, place?: Place): Promise<Place> {
  switch (name) {
    case 'murmur2': return (key, partitions) => partitions === 1 ? 0 : toPositive(murmur2(key)) % partitions
    case 'xxhash': return await loadXxhash()
    case 'custom': return place === undefined ? refuseKeys : checked(place)
  }
}

/** On first use: the WebAssembly module is compiled only for those who want it. */
async function loadXxhash(): Promise<Place> {
  const { default: xxhash } = await import('xxhash-wasm')
  const { h32Raw } = await xxhash()
  return (key, partitions) => (h32Raw(key, 0) >>> 0) % partitions
}

/** A wrong index would put the record where no reader of its key looks, so every result is checked. */
function checked(place: Place): Place {
  return (key, partitions) => {
    const partition: unknown = place(key, partitions)
    if (typeof partition === 'number' && Number.isInteger(partition) && partition >= 0 && partition < partitions) return partition + 0 // -0 becomes 0
    throw new UsageError('PARTITION_INVALID', `the topic's partitioner function returned ${describe(partition)}, expected a whole number from 0 to ${partitions - 1}`, {
      hint: 'a hash is made an index by `hash % partitions`, with a hash that is not negative',
      details: { found: partition, partitions },
    })
  }
}

/** Guessing another placement would split a key's records over two partitions. */
function refuseKeys(): never {
  throw new UsageError('PARTITIONER_MISSING', 'the topic was created with a partitioner function, which this process has not been given', {
    hint: 'open the topic with the same `partitioner` function, or name the `partition` of each record',
  })
}
