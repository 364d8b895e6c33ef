// xxHash of 64 bits (XXH64), as its specification says it: the twin of native/xxh64.c. Hot where there is no native part:
// the benchmark 'offset-map'.
import { Word64, readInt32LE } from './word64.ts'

const PRIME_1 = new Word64(0x85ebca87, 0x9e3779b1)
const PRIME_2 = new Word64(0x27d4eb4f, 0xc2b2ae3d)
const PRIME_3 = new Word64(0x9e3779f9, 0x165667b1)
const PRIME_4 = new Word64(0xc2b2ae63, 0x85ebca77)
const PRIME_5 = new Word64(0x165667c5, 0x27d4eb2f)
const STRIPE_BYTES = 32
/** What the lanes are rotated by before they are joined. */
const ROTATIONS = [1, 7, 12, 18] as const

const lanes = ROTATIONS.map(() => new Word64(0, 0)) as [Word64, Word64, Word64, Word64]
const word = new Word64(0, 0)

/** The hash of bytes[start, end), into `hash`. */
export function xxh64InScript(bytes: Uint8Array, start: number, end: number, seed: Word64, hash: Word64): void {
  let at = start
  if (end - start >= STRIPE_BYTES) at = takeStripes(bytes, start, end, seed, hash)
  else hash.copy(seed).plus(PRIME_5)
  hash.plus(word.set(end - start, 0))
  for (; at + 8 <= end; at += 8) {
    word.load(bytes, at).times(PRIME_2).rotate(31).times(PRIME_1)
    hash.xor(word).rotate(27).times(PRIME_1).plus(PRIME_4)
  }
  if (at + 4 <= end) {
    hash.xor(word.set(readInt32LE(bytes, at), 0).times(PRIME_1)).rotate(23).times(PRIME_2).plus(PRIME_3)
    at += 4
  }
  for (; at < end; at++) hash.xor(word.set(bytes[at]!, 0).times(PRIME_5)).rotate(11).times(PRIME_1)
  hash.fold(33).times(PRIME_2).fold(29).times(PRIME_3).fold(32)
}

/** Returns where the last whole stripe ends. */
function takeStripes(bytes: Uint8Array, start: number, end: number, seed: Word64, hash: Word64): number {
  lanes[0].copy(seed).plus(PRIME_1).plus(PRIME_2)
  lanes[1].copy(seed).plus(PRIME_2)
  lanes[2].copy(seed)
  lanes[3].copy(seed).minus(PRIME_1)
  let at = start
  for (; at + STRIPE_BYTES <= end; at += STRIPE_BYTES) {
    for (let i = 0; i < 4; i++) lanes[i]!.plus(word.load(bytes, at + 8 * i).times(PRIME_2)).rotate(31).times(PRIME_1)
  }
  hash.set(0, 0)
  for (let i = 0; i < 4; i++) hash.plus(word.copy(lanes[i]!).rotate(ROTATIONS[i]!))
  for (const lane of lanes) hash.xor(lane.times(PRIME_2).rotate(31).times(PRIME_1)).times(PRIME_1).plus(PRIME_4)
  return at
}
