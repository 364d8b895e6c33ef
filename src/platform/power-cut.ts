// What a disk holds after the power went: a draw from all that the device may have made of the unsynced changes.
//
// - A synced byte, length or name is there. Everything else is open, and each file and directory is drawn by itself.
// - Unsynced writes reach the device in units, drawn for each page: its 4 KiB at once, or each of its 512-byte sectors
//   by itself. A unit holds its old bytes, its new ones, or those of any moment between. A unit is never torn inside.
// - Beyond the synced length a unit may also hold garbage: blocks that were given to the file and never written.
// - The length is the synced one, the latest, or lies at a sector's boundary between the shortest and longest since.
//   So a cut may be undone, and the old bytes come back.
// - A name that was made, removed or renamed since its directory's last sync is kept or lost, each by itself; a rename
//   takes both of its names along, and one that is kept takes along earlier renames of the same file.
// - A file whose names are lost is gone, and one that keeps several is the same under each. A directory that is lost
//   takes all that is in it along.
// To reach the corners, a cut often keeps all or nothing of a file, or of all names.
import type { GrowableBytes } from './growable-bytes.ts'
import type { SeededRandom } from './seeded-random.ts'
import { DiskDirectory, DiskFile, SimulatedDisk, applyStep, type DiskNode, type FileChange, type NameChange } from './simulated-disk.ts'

const SECTOR_BYTES = 512
const PAGE_BYTES = 4096
const SECTORS_A_PAGE = PAGE_BYTES / SECTOR_BYTES
const GARBAGE_CHANCE = 0.1

type Mood = 'nothing' | 'everything' | 'some'

export function cutPower(disk: SimulatedDisk, random: SeededRandom): SimulatedDisk {
  const kept = drawRenames(disk.renames, random)
  const mood = drawMood(random)
  const isKept = (change: NameChange): boolean => {
    const known = kept.get(change)
    if (change.durable || known !== undefined) return change.durable || known === true
    const keep = draw(mood, random)
    kept.set(change, keep)
    return keep
  }
  const files = new Map<DiskFile, DiskFile>()
  const survive = (node: DiskNode): DiskNode => {
    if (node.kind === 'file') {
      const survivor = files.get(node) ?? survivingFile(node, random)
      files.set(node, survivor)
      return survivor
    }
    const names = new Map(node.storedNames)
    for (const step of node.steps) if (isKept(step.change)) applyStep(names, step)
    const survivor = new DiskDirectory()
    for (const [name, child] of names) survivor.names.set(name, survive(child))
    survivor.storedNames = new Map(survivor.names)
    survivor.modifiedMs = node.modifiedMs
    return survivor
  }
  return new SimulatedDisk(disk.history, survive(disk.root) as DiskDirectory)
}

/** Brings a random part of the changes to the bytes, unit by unit; the length is left to the caller. */
export function mixChanges(bytes: GrowableBytes, changes: readonly FileChange[], random: SeededRandom): void {
  const mood = drawMood(random)
  const units = new Units(random)
  for (const change of changes) units.each(change, unit => { unit.changes++ })
  units.decide(changeCount => mood === 'nothing' ? 0 : mood === 'everything' ? changeCount : drawVersion(changeCount, random))
  for (const change of changes) {
    units.each(change, (unit, start, end) => {
      if (unit.kept-- > 0) bytes.write(change.bytes.subarray(start - change.position, end - change.position), start)
    })
  }
}

function survivingFile(file: DiskFile, random: SeededRandom): DiskFile {
  const bytes = file.stored.copy()
  mixChanges(bytes, file.changes, random)
  const length = drawLength(file, random)
  if (length > file.stored.length && random.chance(0.5)) spoil(bytes, file.stored.length, length, random)
  bytes.resize(length)
  return Object.assign(new DiskFile(), { content: bytes, stored: bytes.copy(), modifiedMs: file.modifiedMs })
}

function drawLength(file: DiskFile, random: SeededRandom): number {
  const lengths = [file.stored.length, ...file.changes.map(change => change.length), file.content.length]
  const shortest = lengths.reduce((a, b) => Math.min(a, b))
  const longest = lengths.reduce((a, b) => Math.max(a, b))
  const sort = random.below(4)
  if (sort === 0) return file.stored.length
  if (sort === 1) return file.content.length
  if (sort === 2) return lengths[random.below(lengths.length)] ?? longest
  const boundary = Math.ceil((shortest + random.below(longest - shortest + 1)) / SECTOR_BYTES) * SECTOR_BYTES
  return Math.min(boundary, longest)
}

/** Garbage in some sectors beyond the synced length. */
function spoil(bytes: GrowableBytes, start: number, end: number, random: SeededRandom): void {
  for (let at = start; at < end;) {
    const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES)
    if (random.chance(GARBAGE_CHANCE)) bytes.write(Uint8Array.from({ length: next - at }, () => random.below(256)), at)
    at = next
  }
}

interface Unit { changes: number; kept: number }

/** The units that changes touch: a page as a whole or its sectors, drawn once for each page. */
class Units {
  readonly #random: SeededRandom
  readonly #units = new Map<number, Unit>()
  readonly #whole = new Map<number, boolean>()

  constructor(random: SeededRandom) {
    this.#random = random
  }

  each({ position, bytes }: FileChange, visit: (unit: Unit, start: number, end: number) => void): void {
    const changeEnd = position + bytes.length
    for (let at = position; at < changeEnd;) {
      const first = this.#firstSector(Math.floor(at / SECTOR_BYTES))
      const unitEnd = (first.sector + first.sectors) * SECTOR_BYTES
      let unit = this.#units.get(first.sector)
      if (unit === undefined) this.#units.set(first.sector, unit = { changes: 0, kept: 0 })
      visit(unit, at, Math.min(changeEnd, unitEnd))
      at = unitEnd
    }
  }

  decide(keep: (changeCount: number) => number): void {
    for (const unit of this.#units.values()) unit.kept = keep(unit.changes)
  }

  #firstSector(sector: number): { readonly sector: number; readonly sectors: number } {
    const page = Math.floor(sector / SECTORS_A_PAGE)
    let whole = this.#whole.get(page)
    if (whole === undefined) this.#whole.set(page, whole = this.#random.chance(0.5))
    return whole ? { sector: page * SECTORS_A_PAGE, sectors: SECTORS_A_PAGE } : { sector, sectors: 1 }
  }
}

/** The last renames are drawn first: one that is kept takes the earlier ones of its node along. */
function drawRenames(renames: readonly NameChange[], random: SeededRandom): Map<NameChange, boolean> {
  const mood = drawMood(random)
  const kept = new Map<NameChange, boolean>()
  const moved = new Set<DiskNode>()
  for (const change of renames.toReversed()) {
    const keep = moved.has(change.node) || draw(mood, random)
    kept.set(change, keep)
    if (keep) moved.add(change.node)
  }
  return kept
}

function drawMood(random: SeededRandom): Mood {
  return (['nothing', 'everything', 'some', 'some'] as const)[random.below(4)] ?? 'some'
}

function draw(mood: Mood, random: SeededRandom): boolean {
  return mood === 'everything' || (mood === 'some' && random.chance(0.5))
}

/** Of a unit with so many unsynced changes: all, none, or as it was in between. */
function drawVersion(changeCount: number, random: SeededRandom): number {
  const sort = random.below(3)
  return sort === 0 ? 0 : sort === 1 ? changeCount : random.below(changeCount + 1)
}
