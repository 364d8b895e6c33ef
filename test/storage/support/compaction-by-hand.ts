// What a writer that compacts does to the files of a partition, a step at a time and without the writer, so that a test
// can look between any two of them.
import { BatchEncoder } from '../../../src/format/batch-encoder.ts'
import { OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES, writeOffsetEntry, writeTimeEntry } from '../../../src/format/index-entries.ts'
import { ATTRIBUTES_AT, HEADER_BYTES, LAST_OFFSET_DELTA_AT, RECORD_COUNT_AT, baseOffset, batchBytes, lastOffset, lastOffsetDelta, leaderEpoch, maxTimestamp, setBatchBytes } from '../../../src/format/record-batch.ts'
import { stampBatch } from '../../../src/native/stamp.ts'
import type { FileSystem } from '../../../src/platform/file-system.ts'
import { segmentFile, type SegmentState, type SegmentSuffix } from '../../../src/storage/segment-files.ts'
import { recordsIn } from '../../support/partitions.ts'

/** 'first': of its records only the first stays. 'empty': its header does. */
export type Fate = 'keep' | 'first' | 'empty' | 'drop'

const SUFFIXES = ['.log', '.timeindex', '.index'] as const

export type Step = () => void

export class CompactionByHand {
  readonly #fs: FileSystem
  readonly #directory: string

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs
    this.#directory = directory
  }

  /** Segments with these bases become one. The last batch keeps its header at least. */
  steps(bases: readonly number[], fateOf: (baseOffset: number) => Fate, moveCheckpoint: () => void): Step[] {
    const [base, ...covered] = bases as [number, ...number[]]
    const move = (suffix: SegmentSuffix, from: SegmentState, to: SegmentState, what = base): void => { this.#fs.rename(this.#path(what, suffix, from), this.#path(what, suffix, to)) }
    return [
      () => {
        moveCheckpoint()
        this.#writeCleaned(base, this.#cleaned(bases, fateOf))
        for (const suffix of SUFFIXES) move(suffix, 'cleaned', 'swap')
      },
      () => { move('.log', 'swap', 'live') },
      () => { move('.timeindex', 'swap', 'live') },
      ...covered.flatMap(gone => [
        () => { move('.log', 'live', 'deleted', gone) },
        () => { for (const suffix of ['.timeindex', '.index'] as const) move(suffix, 'live', 'deleted', gone) },
      ]),
      () => { move('.index', 'swap', 'live') },
      () => { for (const gone of covered) for (const suffix of SUFFIXES) this.#fs.remove(this.#path(gone, suffix, 'deleted')) },
    ]
  }

  #cleaned(bases: readonly number[], fateOf: (baseOffset: number) => Fate): Buffer[] {
    const batches = bases.flatMap(base => this.#batches(base))
    return batches.flatMap((batch, i) => {
      const fate = fateOf(baseOffset(batch, 0))
      if (fate === 'drop' && i < batches.length - 1) return []
      return [fate === 'keep' ? batch : withFewer(batch, fate === 'first' ? 1 : 0)]
    })
  }

  #writeCleaned(base: number, batches: readonly Buffer[]): void {
    const offsets = Buffer.alloc(batches.length * OFFSET_ENTRY_BYTES)
    const times = Buffer.alloc(batches.length * TIME_ENTRY_BYTES)
    let position = 0
    for (const [i, batch] of batches.entries()) {
      if (i > 0) writeOffsetEntry(offsets, i - 1, lastOffset(batch, 0) - base, position)
      writeTimeEntry(times, i, maxTimestamp(batch, 0), lastOffset(batch, 0) - base)
      position += batch.length
    }
    this.#write(base, '.log', Buffer.concat(batches))
    this.#write(base, '.timeindex', times)
    this.#write(base, '.index', offsets.subarray(0, Math.max(0, batches.length - 1) * OFFSET_ENTRY_BYTES))
  }

  #write(base: number, suffix: SegmentSuffix, bytes: Buffer): void {
    const file = this.#fs.open(this.#path(base, suffix, 'cleaned'), 'create')
    file.write(bytes, 0)
    file.close()
  }

  #batches(base: number): Buffer[] {
    const file = this.#fs.open(this.#path(base, '.log', 'live'), 'read')
    const bytes = Buffer.alloc(file.bytes())
    file.read(bytes, 0)
    file.close()
    const batches: Buffer[] = []
    for (let at = 0; at < bytes.length; at += batchBytes(bytes, at)) batches.push(bytes.subarray(at, at + batchBytes(bytes, at)))
    return batches
  }

  #path(base: number, suffix: SegmentSuffix, state: SegmentState): string {
    return `${this.#directory}/${segmentFile(base, suffix, state)}`
  }
}

/** Base offset, last offset and times stay. */
function withFewer(batch: Buffer, count: 0 | 1): Buffer {
  const fewer = count === 0 ? Buffer.from(batch.subarray(0, HEADER_BYTES)) : firstOnly(batch)
  batch.copy(fewer, ATTRIBUTES_AT, ATTRIBUTES_AT, RECORD_COUNT_AT)
  fewer.writeInt32BE(lastOffsetDelta(batch, 0), LAST_OFFSET_DELTA_AT)
  fewer.writeInt32BE(count, RECORD_COUNT_AT)
  setBatchBytes(fewer, 0, fewer.length)
  stampBatch(fewer, fewer.length, baseOffset(batch, 0), leaderEpoch(batch, 0))
  return fewer
}

function firstOnly(batch: Buffer): Buffer {
  const encoder = new BatchEncoder()
  encoder.append(maxTimestamp(batch, 0), null, Buffer.from(recordsIn(batch)[0]![1]), [])
  return encoder.seal({})
}
