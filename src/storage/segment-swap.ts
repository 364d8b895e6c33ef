// How a cleaned segment takes the place of the ones it was made from, so that at any moment a crash leaves all of the
// old or all of the new, and whoever lists the directory finds every offset:
//
//   1  X.log.cleaned, with its indexes, is whole and on the device      (cleaner.ts)
//   1b X.txnindex holds the transactions of all that X will cover, under its own name and on the device
//   2  renamed X.log.swap; the names are on the device: it is decided
//   3  X.log.swap → X.log, over the old one, which is X.log.deleted as well by then; the names are on the device
//   4  the others that it covers are retired (.deleted); the names are on the device
//   5  X.index.swap → X.index
//
// Up to 2 a crash takes it back, from then on the next opening goes on with it. Between 3 and 5 the index that is still
// called `.swap` tells that segments behind X may be covered by it. The transaction index needs no such care: what stands
// in it is true wherever it stands, and what it no longer has is of transactions of which neither old nor new has anything.
import { LimitError } from '../base/errors.ts'
import { encodeAbortedTransaction } from '../format/aborted-transactions.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import { scanBatches } from './batch-scan.ts'
import type { CleanedSegment } from './cleaner.ts'
import type { PartitionOptions } from './partition-log.ts'
import { createFile } from './replace-file.ts'
import { parseSegmentFile, segmentFile, type SegmentState, type SegmentSuffix } from './segment-files.ts'
import { Segment } from './segment.ts'

/** In the order of their renaming: while any of them is called `.swap`, there is something to finish. */
const INDEXES: readonly SegmentSuffix[] = ['.timeindex', '.index']
const SUFFIXES: readonly SegmentSuffix[] = ['.log', ...INDEXES]
const TRANSACTIONS: SegmentSuffix = '.txnindex'

export interface Swap { readonly old: readonly Segment[]; readonly cleaned: CleanedSegment }

interface DecidedSwap extends Swap { readonly next: Segment }

export interface SwapPlace {
  readonly options: PartitionOptions
  /** Resolves once all names are on the device; rejects where the partition was given up meanwhile. */
  syncNames(): Promise<void>
  /** The old log is called `.deleted` as well: another takes its name, and then nothing has to be given back on the spot. */
  setAside(old: Segment): void
  takeBack(old: Segment): void
  /** From here on readers find the new one. */
  exchange(old: readonly Segment[], next: Segment): void
  /** All of them, whatever fails. */
  retire(segments: readonly Segment[]): Promise<void>
  /** Nobody knows any more which file has which name: it takes no more writes before its directory is read again. */
  fail(error: unknown): Error
}

/**
 * The swaps of one partition; each step is done for all, since syncs take longest. Where there is no room or descriptor
 * for a step, the rest is done by the next call: each is the same when it is done again.
 */
export class SegmentSwaps {
  readonly #place: SwapPlace
  #decided: readonly DecidedSwap[] = []
  /** Exchanged, but the segments that they cover may still have their names. */
  #exchanged: Swap[] = []

  constructor(place: SwapPlace) {
    this.#place = place
  }

  /** What was decided before must be finished. */
  async run(swaps: readonly Swap[]): Promise<void> {
    await this.#writeTransactions(swaps)
    this.#decided = await this.#decide(swaps)
    await this.finish()
  }

  /** Steps 3 to 5, of what is decided. */
  async finish(): Promise<void> {
    if (this.#decided.length === 0 && this.#exchanged.length === 0) return
    const slices = new Slices(BACKGROUND_MS)
    for (; this.#decided.length > 0; this.#decided = this.#decided.slice(1)) {
      const [swap] = this.#decided
      this.#rename(() => { this.#exchange(swap!) })
      this.#exchanged.push(swap!)
      if (slices.due()) await slices.pause()
    }
    await this.#place.syncNames()
    const merged = this.#exchanged.filter(({ old }) => old.length > 1)
    if (merged.length > 0) {
      await this.#place.retire(merged.flatMap(({ old }) => old.slice(1)))
      await this.#place.syncNames()
    }
    this.#rename(() => { for (const { cleaned } of merged) this.#move(cleaned, '.index') })
    this.#exchanged = []
  }

  /** The directory was read again, and what was to be done is done. */
  reset(): void {
    this.#decided = []
    this.#exchanged = []
  }

  /** Step 1b. Most segments have no transactions, or the same as before. */
  async #writeTransactions(swaps: readonly Swap[]): Promise<void> {
    const slices = new Slices(BACKGROUND_MS)
    let hasChanged = false
    for (const { old, cleaned: { baseOffset, aborted } } of swaps) {
      const before = old[0]!.transactions.entries
      if (before.length === aborted.length && before.every(({ lastOffset }, i) => lastOffset === aborted[i]!.lastOffset)) continue
      hasChanged = true
      await this.#replaceTransactions(baseOffset, Buffer.concat(aborted.map(encodeAbortedTransaction)))
      if (slices.due()) await slices.pause()
    }
    if (hasChanged) await this.#place.syncNames()
  }

  async #replaceTransactions(base: number, content: Buffer): Promise<void> {
    const { fs, directory } = this.#place.options
    if (content.length === 0) return fs.remove(join(directory, segmentFile(base, TRANSACTIONS)))
    await createFile(fs, join(directory, segmentFile(base, TRANSACTIONS, 'cleaned')), content)
    move(fs, directory, base, TRANSACTIONS, 'cleaned', 'live')
  }

  /** Steps 1 to 2, or back again. Behind it only names change. */
  async #decide(swaps: readonly Swap[]): Promise<DecidedSwap[]> {
    const { fs, directory } = this.#place.options
    try {
      const decided = swaps.map(swap => ({ ...swap, next: nextSegment(fs, directory, swap.cleaned) }))
      const slices = new Slices(BACKGROUND_MS)
      for (const { cleaned } of swaps) {
        for (const suffix of [...SUFFIXES].reverse()) move(fs, directory, cleaned.baseOffset, suffix, 'cleaned', 'swap')
        if (slices.due()) await slices.pause()
      }
      await this.#place.syncNames()
      return decided
    } catch (error) {
      this.#undo(swaps)
      throw error
    }
  }

  #undo(swaps: readonly Swap[]): void {
    const { fs, directory } = this.#place.options
    try {
      for (const { cleaned } of swaps) removeSwap(fs, directory, cleaned.baseOffset)
    } catch (error) {
      throw this.#place.fail(error)
    }
  }

  /** From the moment the log has its name, the old segments would read the new file. */
  #exchange({ old, cleaned, next }: DecidedSwap): void {
    if (!old[0]!.removed) {
      this.#replaceLog(old[0]!, cleaned)
      this.#place.exchange(old, next)
    }
    this.#move(cleaned, '.timeindex')
    if (old.length === 1) this.#move(cleaned, '.index')
  }

  #replaceLog(old: Segment, cleaned: CleanedSegment): void {
    this.#place.setAside(old)
    try {
      this.#move(cleaned, '.log')
    } catch (error) {
      this.#place.takeBack(old)
      throw error
    }
  }

  #move({ baseOffset }: CleanedSegment, suffix: SegmentSuffix): void {
    const { fs, directory } = this.#place.options
    if (exists(fs, directory, baseOffset, suffix, 'swap')) move(fs, directory, baseOffset, suffix, 'swap', 'live')
  }

  #rename(work: () => void): void {
    try {
      work()
    } catch (error) {
      throw error instanceof LimitError ? error : this.#place.fail(error)
    }
  }
}

/** What a crash has left of swaps: those that were decided are finished, the others taken back. */
export async function finishSwaps(options: PartitionOptions): Promise<void> {
  const { fs, directory } = options
  const files = fs.list(directory).map(parseSegmentFile)
  const bases = new Set(files.filter(file => file?.state === 'swap').map(file => file!.baseOffset))
  for (const base of bases) await finishSwap(options, base)
}

async function finishSwap({ fs, directory }: PartitionOptions, base: number): Promise<void> {
  const isDecided = exists(fs, directory, base, '.log', 'swap')
  const end = await endOf(fs, directory, base, isDecided ? 'swap' : 'live')
  if (isDecided && end === undefined) return removeSwap(fs, directory, base) // damaged: what it was made from is still there
  const covered = fs.list(directory).map(parseSegmentFile).filter(file => file?.state === 'live' && file.suffix !== '.snapshot' && file.baseOffset > base && file.baseOffset < (end ?? 0))
  await fs.syncDirectory(directory)
  for (const file of covered) fs.remove(join(directory, segmentFile(file!.baseOffset, file!.suffix)))
  await fs.syncDirectory(directory)
  if (isDecided) move(fs, directory, base, '.log', 'swap', 'live')
  if (exists(fs, directory, base, TRANSACTIONS, 'swap')) move(fs, directory, base, TRANSACTIONS, 'swap', 'live') // a broker's: ours is in place
  const areTaken = INDEXES.map(suffix => takeIndex(fs, directory, base, suffix, isDecided))
  if (areTaken.includes(false)) await remakeIndexes(fs, directory, base)
  await fs.syncDirectory(directory)
}

/** Without the log beside it nobody knows whether an index is that of the live one: false, and then there is none. */
function takeIndex(fs: FileSystem, directory: string, base: number, suffix: SegmentSuffix, isDecided: boolean): boolean {
  if (isDecided && exists(fs, directory, base, suffix, 'swap')) {
    move(fs, directory, base, suffix, 'swap', 'live')
    return true
  }
  fs.remove(join(directory, segmentFile(base, suffix)))
  fs.remove(join(directory, segmentFile(base, suffix, 'swap')))
  return false
}

/** Where there is no room for them, they are made when they are needed. */
async function remakeIndexes(fs: FileSystem, directory: string, base: number): Promise<void> {
  if (!exists(fs, directory, base, '.log', 'live')) return
  const segment = Segment.open(fs, directory, base, 'write')
  segment.compacted = true
  try {
    await segment.rebuildIndex()
    segment.index.flush()
    await segment.index.sync()
  } catch (error) {
    if (!(error instanceof LimitError)) throw error
  } finally {
    segment.file.close()
  }
}

/** One past its last offset; undefined where it is not whole. */
async function endOf(fs: FileSystem, directory: string, base: number, state: SegmentState): Promise<number | undefined> {
  if (!exists(fs, directory, base, '.log', state)) return undefined
  const file = fs.open(join(directory, segmentFile(base, '.log', state)), 'read')
  try {
    const { fault, nextOffset } = await scanBatches(file, { position: 0, nextOffset: base, gaps: true, onBatch: () => undefined })
    return fault === undefined ? nextOffset : undefined
  } finally {
    file.close()
  }
}

/** Its indexes are read while they still have another name. */
function nextSegment(fs: FileSystem, directory: string, cleaned: CleanedSegment): Segment {
  const { baseOffset, endOffset, bytes, largestTimestamp } = cleaned
  const next = new Segment(fs, directory, baseOffset, fs.open(join(directory, segmentFile(baseOffset, '.log')), 'write'), 'cleaned')
  next.index.load(bytes)
  next.index.named('live')
  next.transactions.named('live')
  return Object.assign(next, { endOffset, bytes, largestTimestamp, compacted: true, settled: true, indexChecked: true })
}

function removeSwap(fs: FileSystem, directory: string, base: number): void {
  for (const suffix of [...SUFFIXES, TRANSACTIONS]) fs.remove(join(directory, segmentFile(base, suffix, 'swap')))
}

function exists(fs: FileSystem, directory: string, base: number, suffix: SegmentSuffix, state: SegmentState): boolean {
  return fs.stat(join(directory, segmentFile(base, suffix, state))) !== undefined
}

function move(fs: FileSystem, directory: string, base: number, suffix: SegmentSuffix, from: SegmentState, to: SegmentState): void {
  fs.rename(join(directory, segmentFile(base, suffix, from)), join(directory, segmentFile(base, suffix, to)))
}
