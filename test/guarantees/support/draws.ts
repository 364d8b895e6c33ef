// Numbers from a seed that repeats them, one after the other.

export function draws(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = Math.imul(state, 1_103_515_245) + 12_345 & 0x7fff_ffff
    return (state >>> 8) % below
  }
}
