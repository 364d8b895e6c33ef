// The hash that places a key: 32-bit MurmurHash2 with Kafka's seed, equal to org.apache.kafka.common.utils.Utils.murmur2
// on every input. A key's partition is toPositive(murmur2(key)) % partitions, here and in Kafka's own clients.
const SEED = 0x9747b28c | 0
const M = 0x5bd1e995
const R = 24

/** Signed, as Java's int. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24
    word = Math.imul(word, M)
    word ^= word >>> R
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  const rest = length - at
  if (rest === 3) hash ^= bytes[at + 2]! << 16
  if (rest >= 2) hash ^= bytes[at + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[at]!, M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ hash >>> 15
}

/** Clears the sign bit: not the absolute value. */
export function toPositive(hash: number): number {
  return hash & 0x7fffffff
}
