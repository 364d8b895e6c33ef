// A follower whose writer compacts under it. Between any two steps of the writer it reads on, from every offset, whatever
// it knew before and whichever descriptors are left to it. Batches have the same size, so that they stand where others
// stood before: what is read at an old position of a new file looks sound.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { ClosedError } from '../../src/base/errors.ts'
import { baseOffset } from '../../src/format/record-batch.ts'
import { DescriptorCache } from '../../src/platform/descriptor-cache.ts'
import type { File, FileSystem } from '../../src/platform/file-system.ts'
import { NodeFileSystem } from '../../src/platform/node-file-system.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { chunkAtTime } from '../../src/storage/find-chunk.ts'
import { recordsAt } from '../../src/storage/find-records.ts'
import { FollowedPartition } from '../../src/storage/followed-partition.ts'
import { IndexCache } from '../../src/storage/index-cache.ts'
import { PartitionCursor } from '../../src/storage/partition-cursor.ts'
import { WritablePartition } from '../../src/storage/writable-partition.ts'
import { batchOf, optionsOn, recordsIn } from '../support/partitions.ts'
import { CompactionByHand, type Fate, type Step } from './support/compaction-by-hand.ts'

const RECORDS = 90
const PER_BATCH = 3
const BATCHES_A_SEGMENT = 5
const ACTIVE_FROM = 75
const TIME = 1000

const textOf = (offset: number): string => `value ${offset}`.padEnd(1500, '.')

/** A partition as its writer has left it: every five batches a segment, and the last one active. */
async function filled(fs: FileSystem, directory: string): Promise<void> {
  fs.makeDirectory(directory)
  const batchBytes = batchOf(Array.from({ length: PER_BATCH }, (_, i) => textOf(i))).length
  const writer = await WritablePartition.create({ ...optionsOn(new SimulatedFileSystem()), fs, directory, segmentBytes: () => BATCHES_A_SEGMENT * (batchBytes + 10) })
  for (let from = 0; from < RECORDS; from += PER_BATCH) writer.append(batchOf(Array.from({ length: PER_BATCH }, (_, i) => textOf(from + i)), TIME + from))
  await writer.sync()
  expect(writer.segments.map(segment => segment.baseOffset)).toEqual([0, 15, 30, 45, 60, 75])
}

/** Two rounds: neighbours become one, then what became of them does, with others. */
class Compactions {
  compactedBelow = 0
  readonly #byHand: CompactionByHand
  /** What no round takes. */
  readonly survivors: ReadonlySet<number>
  readonly steps: readonly Step[]

  constructor(fs: FileSystem, directory: string) {
    this.#byHand = new CompactionByHand(fs, directory)
    const first = (base: number): Fate => base < ACTIVE_FROM && base % 15 === 3 ? 'drop' : base % 15 === 6 ? 'first' : 'keep'
    const second = (base: number): Fate => [0, 9, 18, 24, 45, 63].includes(base) ? 'drop' : base === 48 ? 'empty' : base % 15 === 6 ? 'first' : 'keep'
    this.steps = [
      ...this.#steps([0, 15], first, 30), ...this.#steps([30], first, 45), ...this.#steps([45, 60], first, 75),
      ...this.#steps([0, 30], second, 75), ...this.#steps([45], second, 75),
    ]
    const survives = (offset: number): boolean => {
      const base = offset - offset % PER_BATCH
      const fates = offset < ACTIVE_FROM ? [first(base), second(base)] : ['keep']
      return fates.every(fate => fate === 'keep' || (fate === 'first' && offset === base))
    }
    this.survivors = new Set(Array.from({ length: RECORDS }, (_, i) => i).filter(survives))
  }

  #steps(bases: readonly number[], fateOf: (base: number) => Fate, upTo: number): Step[] {
    return this.#byHand.steps(bases, fateOf, () => { this.compactedBelow = upTo })
  }
}

async function follow(fs: FileSystem, directory: string, compactions: Compactions): Promise<FollowedPartition> {
  return await FollowedPartition.open({ fs, directory, label: 't-0', indexes: new IndexCache(), compactedBelow: () => compactions.compactedBelow, startOffset: () => 0, isOurs: () => true })
}

/** Offsets rise, none is missing but those that a compaction takes, and each record is its own. */
class Seen {
  readonly #survivors: ReadonlySet<number>
  readonly #from: number
  readonly offsets: number[] = []

  constructor(survivors: ReadonlySet<number>, from: number) {
    this.#survivors = survivors
    this.#from = from
  }

  add(chunk: Buffer): void {
    for (const [offset, text] of recordsIn(chunk)) {
      if (offset < this.#from) continue
      expect(text).toBe(textOf(offset))
      expect(offset).toBeGreaterThan(this.offsets.at(-1) ?? -1)
      this.offsets.push(offset)
    }
  }

  checkComplete(): void {
    const seen = new Set(this.offsets)
    expect([...this.#survivors].filter(offset => offset >= this.#from && !seen.has(offset))).toEqual([])
  }
}

async function readOn(cursor: PartitionCursor, seen: Seen): Promise<void> {
  for (let chunk = await cursor.next(1); chunk !== undefined; chunk = await cursor.next(1)) seen.add(chunk.bytes)
  seen.checkComplete()
}

async function lookUp(log: FollowedPartition, survivors: ReadonlySet<number>, offset: number): Promise<void> {
  const found = await recordsAt(log, offset)
  if (!survivors.has(offset)) return
  expect(found).toBeDefined()
  if (found!.kind === 'batch') expect(recordsIn(found!.chunk.bytes).map(([at]) => at)).toContain(offset)
  else expect(found!.bytes.includes(textOf(offset))).toBe(true)
}

/** No later than the first record that survives, and not before the time. */
async function lookUpTime(log: FollowedPartition, survivors: ReadonlySet<number>, offset: number): Promise<void> {
  const chunk = await chunkAtTime(log, TIME + offset)
  const latest = [...survivors].find(survivor => survivor - survivor % PER_BATCH >= offset)
  if (latest === undefined) return
  expect(chunk).toBeDefined()
  expect(baseOffset(chunk!.bytes, 0)).toBeGreaterThanOrEqual(offset)
  expect(baseOffset(chunk!.bytes, 0)).toBeLessThanOrEqual(latest)
}

/** What is done with a follower before the writer's step, and how it goes on behind it. */
type Use = (log: FollowedPartition, survivors: ReadonlySet<number>) => Promise<() => Promise<void>>

/** A reader that has so many batches of what there is from an offset on. */
const reading = (from: number, batches: number): Use => async (log, survivors) => {
  const cursor = new PartitionCursor(log, from, 'read_uncommitted')
  const seen = new Seen(survivors, from)
  for (let i = 0; i < batches; i++) {
    const chunk = await cursor.next(1)
    if (chunk !== undefined) seen.add(chunk.bytes)
  }
  return () => readOn(cursor, seen)
}

const lookingUp = (offset: number): Use => async (log, survivors) => {
  await lookUp(log, survivors, offset)
  return () => lookUp(log, survivors, offset)
}

const lookingUpTime = (offset: number): Use => async (log, survivors) => {
  await lookUpTime(log, survivors, offset)
  return () => lookUpTime(log, survivors, offset)
}

const USES: readonly Use[] = [
  ...Array.from({ length: RECORDS / PER_BATCH }, (_, batches) => reading(0, batches)),
  ...[16, 31, 44].flatMap(from => [0, 1, 2, 4].map(batches => reading(from, batches))),
  ...[1, 9, 13, 20, 25, 29, 32, 40, 47, 58, 64, 70, 80].map(lookingUp),
  ...[0, 9, 18, 27, 30, 39, 51, 60, 69, 75].map(lookingUpTime),
]

interface Manner {
  /** The follower looks by itself; or not before something doesn't fit. */
  readonly looks: boolean
  /** Its descriptors are closed behind each step: it opens what the names mean now. */
  readonly closes: boolean
  /** So many steps at a time. */
  readonly every: number
}

/** Each use has a follower of its own: one that has noticed would tell the others. */
async function useBetweenSteps(writerFs: FileSystem, followerFs: FileSystem, directory: string, { looks, closes, every }: Manner): Promise<void> {
  const compactions = new Compactions(writerFs, directory)
  const { survivors, steps } = compactions
  for (let first = 0; first < steps.length; first += every) {
    const logs: FollowedPartition[] = []
    const uses: (() => Promise<void>)[] = []
    for (const use of every === 1 ? USES.filter((_, i) => (i + first) % 3 === 0) : USES) {
      const log = await follow(followerFs, directory, compactions)
      logs.push(log)
      uses.push(await use(log, survivors))
    }
    for (const step of steps.slice(first, first + every)) step()
    for (const [i, goOn] of uses.entries()) {
      const log = logs[i]!
      if (looks) log.refresh()
      if (closes) for (const segment of log.segments) segment.file.close()
      await goOn()
      expect(log.endOffset).toBe(RECORDS)
    }
    for (const log of logs) log.abandon(new ClosedError('LOG_CLOSED', 'it was used', { hint: 'open another one' }))
  }
  const log = await follow(followerFs, directory, compactions)
  expect(log.segmentStats().map(({ baseOffset: base, endOffset, compacted }) => [base, endOffset, compacted])).toEqual([[0, 45, true], [45, 75, true], [75, 90, false]])
}

describe.for([1, 7, 1000])('a follower whose writer compacts, %i steps at a time, misses nothing and meets no error', every => {
  test.for([true, false])('in memory (it looks: %s)', async looks => {
    const fs = new SimulatedFileSystem()
    await filled(fs, '/log/t-0')
    await useBetweenSteps(fs, fs, '/log/t-0', { looks, closes: false, every })
  })

  describe('on files', () => {
    let root: string
    afterEach(() => { rmSync(root, { recursive: true }) })

    test.for([[true, true, 128], [true, false, 128], [false, true, 128], [false, false, 128], [false, false, 4]] as const)('(it looks: %s; its descriptors are closed: %s; it may have so many: %i)', async ([looks, closes, descriptors]) => {
      root = mkdtempSync(`${tmpdir()}/millrace-followed-compaction-`)
      const disk = new NodeFileSystem(new DescriptorCache())
      await filled(disk, `${root}/t-0`)
      await useBetweenSteps(disk, new NodeFileSystem(new DescriptorCache(descriptors)), `${root}/t-0`, { looks, closes, every })
    })
  })
})

/** Calls back before each call to the file system, and before each to a file that the follower has opened. */
class InterruptedFileSystem extends SimulatedFileSystem {
  before: (() => void) | undefined

  override stat(path: string) { this.before?.(); return super.stat(path) }
  override list(directory: string) { this.before?.(); return super.list(directory) }

  override open(path: string, mode: 'create' | 'write' | 'read'): File {
    this.before?.()
    const file = super.open(path, mode)
    return mode !== 'read' ? file : new Proxy(file, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...given: unknown[]): unknown => {
          this.before?.()
          return Reflect.apply(value, target, given)
        }
      },
    })
  }
}

test.for(['all of it at once', 'a step before each further call'] as const)('a compaction that comes at any moment of opening, reading and looking up is not noticed: %s', async how => {
  for (let moment = 0, reached = true; reached; moment += 3) {
    const fs = new InterruptedFileSystem()
    await filled(fs, '/log/t-0')
    const compactions = new Compactions(fs, '/log/t-0')
    const steps = [...compactions.steps]
    let calls = 0
    fs.before = () => {
      if (calls++ < moment) return
      const { before } = fs
      fs.before = undefined
      for (const step of steps.splice(0, how === 'all of it at once' ? steps.length : 1)) step()
      if (steps.length > 0) fs.before = before
    }
    const log = await follow(fs, '/log/t-0', compactions)
    for (const from of [0, 16, 52]) await readOn(new PartitionCursor(log, from, 'read_uncommitted'), new Seen(compactions.survivors, from))
    for (const offset of [2, 19, 31, 50, 70]) await lookUp(log, compactions.survivors, offset)
    for (const offset of [0, 27, 57]) await lookUpTime(log, compactions.survivors, offset)
    log.segmentStats()
    reached = steps.length < compactions.steps.length
    fs.before = undefined
  }
})
