// Bits that flip in a segment file and files that were cut: what is damaged is refused and told, everything else is
// read as it was sent, and no offset is given twice. Each run looks at other bits and lengths; EVERY_CALL=1 at all.
import { describe, expect, test } from 'vitest'
import { naming } from './support-simulated/accidents.ts'
import { endings, examine, storedLog, type Ending, type Findings, type StoredLog } from './support-simulated/damage.ts'
import { SEED, isChosen } from './support-simulated/sampling.ts'

const places = ['the sealed segment', 'the active segment'] as const

/** Where the fields of a batch's header begin: their highest bits turn lengths and offsets into nonsense. */
const HEADER_FIELDS = [0, 8, 12, 16, 17, 21, 23, 27, 35, 43, 51, 53, 57]

/** Recovery may end the log here: nothing had said that it goes on. */
function mayCut(ending: Ending, place: typeof places[number], isLast: boolean): boolean {
  return ending === 'power cut' || (ending === 'killed' && place === 'the active segment' && isLast)
}

function chosen(count: number, step: number): number[] {
  return Array.from({ length: count }, (_, i) => i).filter(i => isChosen(i, step))
}

function expectContained(found: Findings, stored: StoredLog, damaged: { first: number; last: number }, cutAllowed: boolean): void {
  const inside = (offset: number): boolean => offset >= damaged.first && offset <= damaged.last
  expect(found.refused.filter(offset => !inside(offset)), 'refused though sound').toEqual([])
  expect(found.skipped.filter(offset => !inside(offset)), 'passed over though sound').toEqual([])
  expect(found.skipped, 'refused by get() as by read()').toEqual(found.refused)
  if (found.refused.length > 0 || found.end < stored.end) expect(found.told, 'told').toBe(true)
  if (!cutAllowed) expect(found.end, 'the end offset').toBe(stored.end)
  else expect([stored.end, damaged.first], 'the end offset').toContain(found.end)
}

describe.each(endings)(`a log that was %s (seed ${SEED})`, { timeout: 600_000 }, ending => {
  test.each(places)('a flipped bit in %s costs its batch and no other, and never yields a wrong record', async place => {
    const stored = await storedLog(ending)
    const segment = stored.segments[place === 'the sealed segment' ? 0 : stored.segments.length - 1]!
    const telling = segment.batches.slice(-2).flatMap(({ position }) => HEADER_FIELDS.map(at => (position + at) * 8 + 7))
    for (const bit of new Set([...chosen(segment.bytes * 8, 211), ...telling])) {
      const disk = stored.disk.survivorOfKill()
      disk.corrupt(segment.path, bit >> 3, 1 << (bit & 7))
      const batch = segment.batches.find(({ position, bytes }) => bit >> 3 < position + bytes)!
      await naming(`bit ${bit & 7} of byte ${bit >> 3}, ${(bit >> 3) - batch.position} in its batch`, async () => {
        expectContained(await examine(stored, disk), stored, { first: batch.base, last: batch.last }, mayCut(ending, place, batch === segment.batches.at(-1)))
      })
    }
  })

  test.each(places)('%s cut to any length keeps its whole batches, and what was synced is missed', async place => {
    const stored = await storedLog(ending)
    const segment = stored.segments[place === 'the sealed segment' ? 0 : stored.segments.length - 1]!
    const boundaries = new Set(segment.batches.map(({ position }) => position))
    for (const length of new Set([...chosen(segment.bytes, 83), ...boundaries])) {
      const disk = stored.disk.survivorOfKill()
      disk.open(segment.path, 'write').truncate(length)
      const first = segment.batches.find(({ position, bytes }) => length < position + bytes)!
      await naming(`cut to ${length} bytes`, async () => {
        const found = await examine(stored, disk)
        const last = segment.batches.at(-1)!.last
        // At a batch's end nothing shows that there was more.
        if (boundaries.has(length) && found.end === first.base) expect(mayCut(ending, place, true), 'cut').toBe(true)
        else expectContained(found, stored, { first: first.base, last }, mayCut(ending, place, true))
      })
    }
  })
})
