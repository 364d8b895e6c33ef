// One partition that several producers write to, on a simulated machine, beside a plain list of all that was appended to
// it. What must be known of producers and transactions is worked out anew from the list's beginning, never from the disk.
import { expect } from 'vitest'
import type { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { SeededRandom } from '../../../src/platform/seeded-random.ts'
import { batchesOf } from '../../../src/log/chunk-batches.ts'
import { PartitionCursor } from '../../../src/storage/partition-cursor.ts'
import type { Isolation } from '../../../src/storage/partition-log.ts'
import type { RecoveryFacts, RecoveryReport } from '../../../src/storage/recovery.ts'
import { WritablePartition, type WritableOptions } from '../../../src/storage/writable-partition.ts'
import { numberedBatch } from '../../support/numbered-batches.ts'
import { DIRECTORY, batchOf, newPartition, optionsOn, recordsIn } from '../../support/partitions.ts'

const SEGMENT_BYTES = 900
/** Several snapshots to a segment. */
const SNAPSHOT_BYTES = 350
const IDEMPOTENT = [1, 2]
const TRANSACTIONAL = [11, 12, 13]

/** A batch that was appended, or was being when the process ended. */
interface Entry {
  readonly base: number
  readonly values: readonly string[]
  readonly producer?: { readonly id: number; readonly epoch: number; readonly sequence: number; readonly transactional: boolean }
  readonly marker?: 'commit' | 'abort'
}

/** A producer, as the list's entries leave it. */
interface Known {
  epoch: number
  /** Undefined: the epoch is new, and 0 comes next. */
  last: Entry | undefined
  open: number | undefined
}

interface Aborted { readonly producerId: number; readonly firstOffset: number; readonly lastOffset: number }

/** How a process left the partition, beside its files. */
interface Left { readonly entries: Entry[]; readonly durable: number; readonly recoveryPoint: number; readonly boot: string; readonly isClean: boolean; readonly rescueFrom: number | undefined }

export class ProducerHistory {
  readonly fs: SimulatedFileSystem
  partition!: WritablePartition
  readonly entries: Entry[]
  /** The device has all before it, or would after a sync that was acknowledged. */
  durable: number
  /** As a checkpoint file has it: it lags behind. */
  recoveryPoint: number
  /** The boot of the last writer whose opening had ended. */
  boot: string
  isClean: boolean
  rescueFrom: number | undefined

  constructor(fs: SimulatedFileSystem, left: Left = { entries: [], durable: 0, recoveryPoint: 0, boot: '', isClean: false, rescueFrom: undefined }) {
    this.fs = fs
    this.entries = [...left.entries]
    this.durable = left.durable
    this.recoveryPoint = left.recoveryPoint
    this.boot = left.boot
    this.isClean = left.isClean
    this.rescueFrom = left.rescueFrom
  }

  get end(): number { return endOf(this.entries) }

  async create(): Promise<void> {
    this.partition = await newPartition(this.fs, this.#options())
    this.boot = this.fs.bootId
  }

  /** What is left after an accident: a power cut with that seed, or a kill. */
  after(accident: 'kill' | number): ProducerHistory {
    return new ProducerHistory(accident === 'kill' ? this.fs.survivorOfKill() : this.fs.survivorOfPowerCut(accident), this)
  }

  async open(): Promise<RecoveryReport> {
    const trust = this.isClean ? 'clean' : this.fs.bootId === this.boot ? 'page-cache' : 'device'
    const facts: RecoveryFacts = { startOffset: 0, recoveryPoint: this.recoveryPoint, trust, ...trust === 'page-cache' && this.rescueFrom !== undefined ? { rescueFrom: this.rescueFrom } : {} }
    const { partition, report } = await WritablePartition.open(optionsOn(this.fs, this.#options()), facts)
    this.partition = partition
    this.recoveryPoint = report.syncedOffset
    this.boot = this.fs.bootId
    this.isClean = false
    this.rescueFrom = undefined
    return report
  }

  /** Opens, and forgets the entries that the accident took: none that was promised. */
  async openAndExpectKept(level: 'process' | 'power'): Promise<void> {
    const lossy = level === 'power' || this.rescueFrom !== undefined
    const acknowledged = this.entries.at(-1)?.base ?? 0
    const report = await this.open()
    expect(report.damage, 'damage').toEqual([])
    expect(this.partition.endOffset, 'the end offset').toBeGreaterThanOrEqual(lossy ? this.durable : acknowledged)
    this.#endAt(this.partition.endOffset)
    this.durable = report.syncedOffset
    await this.expectAsListed()
  }

  // ------------------------------------------------------------ a history

  /** Steps that the seed draws; the same on every machine. */
  async run(seed: number, steps: number): Promise<void> {
    const random = new SeededRandom(seed)
    for (let step = 0; step < steps; step++) await this.#step(random)
  }

  async #step(random: SeededRandom): Promise<void> {
    const drawn = random.below(100)
    if (drawn < 20) this.#send(pick(IDEMPOTENT, random), random, false)
    else if (drawn < 55) this.#send(pick(TRANSACTIONAL, random), random, true)
    else if (drawn < 75) this.#end(pick(TRANSACTIONAL, random), random)
    else if (drawn < 80) this.#append({ base: this.end, values: this.#values(random) })
    else if (drawn < 84) this.partition.roll()
    else if (drawn < 91) await this.#sync()
    else if (drawn < 95) this.recoveryPoint = this.partition.syncedOffset
    else if (drawn < 97) await this.#failAndRecover(random)
    else await this.#reopen()
  }

  #send(id: number, random: SeededRandom, transactional: boolean): void {
    const known = this.known().get(id)
    const epoch = known === undefined ? 0 : known.open === undefined && random.chance(0.1) ? known.epoch + 1 : known.epoch
    const sequence = known === undefined || epoch !== known.epoch ? 0 : nextSequence(known)
    this.#append({ base: this.end, values: this.#values(random), producer: { id, epoch, sequence, transactional } })
  }

  /** Most raise the epoch, as markers of Kafka's newest transactions do. */
  #end(id: number, random: SeededRandom): void {
    const known = this.known().get(id)
    if (known?.open === undefined) return
    const epoch = known.epoch + (random.chance(0.7) ? 1 : 0)
    this.#append({ base: this.end, values: [], producer: { id, epoch, sequence: -1, transactional: true }, marker: random.chance(0.5) ? 'commit' : 'abort' })
  }

  #append(entry: Entry): void {
    this.entries.push(entry)
    const { producer, marker, values } = entry
    if (marker !== undefined) this.partition.endTransaction({ producerId: producer!.id, producerEpoch: producer!.epoch }, { type: marker, coordinatorEpoch: 0 }, 1000)
    else expect(this.partition.append(batchIn(values, producer)), 'the offset of a batch').toBe(entry.base)
  }

  async #sync(): Promise<void> {
    const { end } = this
    await this.partition.sync()
    this.durable = Math.max(this.durable, end)
  }

  async #failAndRecover(random: SeededRandom): Promise<void> {
    this.#append({ base: this.end, values: this.#values(random) })
    const of = this.known().size === 0 ? 'log' : pick(['log', 'snapshot', 'names'] as const, random)
    this.fs.failNext(of === 'names' ? 'syncDirectory' : 'sync', { error: 'EIO', ...of === 'names' ? {} : { path: new RegExp(`\\.${of}$`) } })
    if (of !== 'log') this.partition.roll()
    await this.partition.sync().then(() => { throw new Error('the sync has not failed') }, (error: unknown) => { if (this.fs.crashed) throw error })
    this.#expectServedBelow(this.partition.syncedOffset)
    await this.partition.recover()
    expect(this.partition.endOffset, 'the end offset after recover()').toBeGreaterThanOrEqual(this.durable)
    this.#endAt(this.partition.endOffset)
    this.durable = this.end
    this.rescueFrom = undefined
    await this.expectAsListed()
  }

  /** While the disk is not well: what has ended by a marker that the device may not have, has not ended. */
  #expectServedBelow(synced: number): void {
    const { stable } = replay(this.entries.filter(({ base }) => base < synced))
    expect(this.partition.readableTo('read_committed'), 'what is served after a failed sync').toBeLessThanOrEqual(stable)
  }

  async #reopen(): Promise<void> {
    await this.partition.close()
    this.durable = this.recoveryPoint = this.end
    this.isClean = true
    await this.open()
  }

  #values(random: SeededRandom): string[] {
    return Array.from({ length: 1 + random.below(3) }, (_, i) => `${this.end + i} `.padEnd(10 + random.below(60), '.'))
  }

  #endAt(end: number): void {
    while (this.end > end) this.entries.pop()
    expect(this.end, 'the log ends where a batch does').toBe(end)
  }

  #options(): Partial<WritableOptions> {
    return { segmentBytes: () => SEGMENT_BYTES, snapshotBytes: SNAPSHOT_BYTES, onFailed: (_error, syncedOffset) => { this.rescueFrom ??= syncedOffset } }
  }

  // ------------------------------------------------------------ what the list says

  known(): Map<number, Known> {
    return replay(this.entries).known
  }

  /** All that the partition knows and serves, beside the list. Changes nothing. */
  async expectAsListed(): Promise<void> {
    const { known, aborted, stable } = replay(this.entries)
    const { partition } = this
    expect(partition.stableOffset, 'the stable offset').toBe(stable)
    expect(partition.openTransactions.map(({ producerId, producerEpoch, firstOffset }) => ({ producerId, producerEpoch, firstOffset })), 'open transactions')
      .toEqual([...known].flatMap(([id, { epoch, open }]) => open === undefined ? [] : [{ producerId: id, producerEpoch: epoch, firstOffset: open }]).sort((a, b) => a.firstOffset - b.firstOffset))
    expect(partition.abortedIn(0, Infinity).map(({ producerId, firstOffset, lastOffset }) => ({ producerId, firstOffset, lastOffset })), 'aborted transactions').toEqual(aborted)
    expect(await this.#read('read_uncommitted'), 'all records').toEqual(recordsOf(this.entries))
    const isAborted = ({ base, producer }: Entry): boolean => producer?.transactional === true && aborted.some(({ producerId, firstOffset, lastOffset }) => producerId === producer.id && base >= firstOffset && base < lastOffset)
    expect(await this.#read('read_committed'), 'committed records').toEqual(recordsOf(this.entries.filter(entry => entry.base < stable && !isAborted(entry))))
    for (const [id, state] of known) this.#expectSequence(id, state)
    expect(partition.endOffset, 'the end offset').toBe(this.end)
  }

  #expectSequence(id: number, { epoch, last, open }: Known): void {
    const transactional = open !== undefined
    const next = { id, epoch, sequence: last === undefined ? 0 : nextSequence({ last }), transactional }
    if (last !== undefined) expect(this.partition.append(batchIn(last.values, last.producer)), `where the last batch of producer ${id} stands`).toBe(last.base)
    expect(() => this.partition.append(batchIn(['gap'], { ...next, sequence: next.sequence + 1 })), `a gap behind producer ${id}`).toThrow(expect.objectContaining({ code: 'SEQUENCE_OUT_OF_ORDER', details: expect.objectContaining({ expected: next.sequence }) }))
    if (epoch > 0) expect(() => this.partition.append(batchIn(['late'], { ...next, epoch: epoch - 1 })), `an old epoch of producer ${id}`).toThrow(expect.objectContaining({ code: 'PRODUCER_FENCED' }))
  }

  async #read(isolation: Isolation): Promise<[offset: number, text: string][]> {
    const cursor = new PartitionCursor(this.partition, 0, isolation)
    const records: [number, string][] = []
    for (let chunk = await cursor.next(1); chunk !== undefined; chunk = await cursor.next(1)) for (const batch of batchesOf(chunk)) records.push(...recordsIn(batch))
    return records
  }

  files(suffix: string): string[] {
    return this.fs.list(DIRECTORY).filter(name => name.endsWith(suffix)).map(name => `${DIRECTORY}/${name}`)
  }
}

function replay(entries: readonly Entry[]): { known: Map<number, Known>; aborted: Aborted[]; stable: number } {
  const known = new Map<number, Known>()
  const aborted: Aborted[] = []
  for (const entry of entries) {
    const { producer, marker, base } = entry
    if (producer === undefined) continue
    const { id, epoch, transactional } = producer
    const state = known.get(id) ?? { epoch, last: undefined, open: undefined }
    known.set(id, state)
    if (state.epoch !== epoch) Object.assign(state, { epoch, last: undefined })
    if (marker === undefined) {
      state.last = entry
      if (transactional) state.open ??= base
    } else {
      if (marker === 'abort' && state.open !== undefined) aborted.push({ producerId: id, firstOffset: state.open, lastOffset: base })
      state.open = undefined
    }
  }
  const stable = Math.min(endOf(entries), ...[...known.values()].map(({ open }) => open ?? Infinity))
  return { known, aborted, stable }
}

function batchIn(values: readonly string[], producer: Entry['producer']): Buffer {
  return producer === undefined ? batchOf(values) : numberedBatch(values, producer)
}

function nextSequence({ last }: Pick<Known, 'last'>): number {
  return last === undefined ? 0 : last.producer!.sequence + last.values.length
}

function recordsOf(entries: readonly Entry[]): [offset: number, text: string][] {
  return entries.flatMap(({ base, values }) => values.map((value, i): [number, string] => [base + i, value]))
}

function endOf(entries: readonly Entry[]): number {
  const last = entries.at(-1)
  return last === undefined ? 0 : last.base + (last.marker === undefined ? last.values.length : 1)
}

function pick<T>(values: readonly T[], random: SeededRandom): T {
  return values[random.below(values.length)]!
}
