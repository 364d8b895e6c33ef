// Producers that write keyed records to one partition on a simulated disk, in transactions and without, beside what is
// true of it: a list of all that was written and what became of it. Compaction, expiry and accidents change what is stored;
// what the list says of committed values, of producers and of the stable offset they must not change.
import assert from 'node:assert/strict'
import { BatchEncoder } from '../../../src/format/batch-encoder.ts'
import { baseOffset, batchBytes, isControl, recordCount } from '../../../src/format/record-batch.ts'
import { RecordCursor } from '../../../src/format/record-cursor.ts'
import { batchesOf } from '../../../src/log/chunk-batches.ts'
import type { SeededRandom } from '../../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../../src/platform/stepped-clock.ts'
import { bodyOf } from '../../../src/storage/batch-filter.ts'
import { cleanPartition, type Cleaning } from '../../../src/storage/cleaning.ts'
import { DiskRoom } from '../../../src/storage/disk-room.ts'
import { PartitionCursor } from '../../../src/storage/partition-cursor.ts'
import type { Isolation } from '../../../src/storage/partition-log.ts'
import type { RecoveryFacts } from '../../../src/storage/recovery.ts'
import { RetiredFiles } from '../../../src/storage/retired-files.ts'
import type { WritableOptions, WritablePartition } from '../../../src/storage/writable-partition.ts'
import { number } from '../../support/numbered-batches.ts'
import { DIRECTORY, newPartition, reopen } from '../../support/partitions.ts'

export const RETENTION_MS = 1000
export const DAY_MS = 24 * 60 * 60 * 1000
const KEYS = 12

export interface Keyed { readonly key: string; readonly value: string | null }

interface Written extends Keyed { readonly offset: number; state: 'open' | 'committed' | 'aborted' }

/** 'raises': its markers raise the epoch, as they do since Kafka's transaction version 2. */
type Kind = 'raises' | 'keeps' | 'idempotent' | 'none'

interface Last { readonly sequence: number; readonly offset: number }

export class Writer {
  readonly id: number
  readonly kind: Kind
  epoch = 0
  sequence = 0
  /** Of its epoch. */
  last: Last | undefined
  lastTimestamp: number | undefined
  open: Written[] | undefined

  constructor(id: number, kind: Kind) {
    this.id = id
    this.kind = kind
  }
}

export class KeyedTransactions {
  fs: SimulatedFileSystem
  partition!: WritablePartition
  now = 1_000_000
  readonly written: Written[] = []
  writers: Writer[] = [new Writer(1, 'raises'), new Writer(2, 'raises'), new Writer(3, 'keeps'), new Writer(4, 'idempotent'), new Writer(-1, 'none')]
  compactedBelow = 0
  /** Where it is opened the next time. */
  directory = DIRECTORY
  /** Stands still: what is retired goes with the next opening. */
  readonly #clock = new SteppedClock()
  #cleanedTo = 0
  #nextId = 10

  private constructor(fs: SimulatedFileSystem) {
    this.fs = fs
  }

  static async start(fs = new SimulatedFileSystem()): Promise<KeyedTransactions> {
    const keyed = new KeyedTransactions(fs)
    keyed.partition = await newPartition(fs, keyed.#options())
    return keyed
  }

  append(writer: Writer, records: readonly Keyed[]): void {
    const base = this.partition.append(this.batch(writer, records))
    const isTransactional = writer.kind === 'raises' || writer.kind === 'keeps'
    const written = records.map((record, i): Written => ({ ...record, offset: base + i, state: isTransactional ? 'open' : 'committed' }))
    this.written.push(...written)
    if (writer.kind === 'none') return
    writer.sequence += records.length
    writer.last = { sequence: writer.sequence - 1, offset: base + records.length - 1 }
    writer.lastTimestamp = this.now
    if (isTransactional) writer.open = [...writer.open ?? [], ...written]
  }

  batch({ id, kind, epoch, sequence }: Writer, records: readonly Keyed[]): Buffer {
    const encoder = new BatchEncoder()
    for (const { key, value } of records) encoder.append(this.now, Buffer.from(key), value === null ? null : Buffer.from(value), [])
    const batch = Buffer.from(encoder.seal({}))
    return kind === 'none' ? batch : number(batch, { id, epoch, sequence, transactional: kind !== 'idempotent' })
  }

  end(writer: Writer, type: 'commit' | 'abort'): void {
    if (writer.kind === 'raises') Object.assign(writer, { epoch: writer.epoch + 1, sequence: 0, last: undefined })
    this.partition.endTransaction({ producerId: writer.id, producerEpoch: writer.epoch }, { type, coordinatorEpoch: 0 }, this.now)
    for (const record of writer.open ?? []) record.state = type === 'commit' ? 'committed' : 'aborted'
    writer.open = undefined
    writer.lastTimestamp = this.now
  }

  endAll(): void {
    for (const writer of this.writers) if (writer.open !== undefined) this.end(writer, 'commit')
  }

  roll(): void {
    this.partition.roll()
  }

  /** Everything that may be cleaned is. */
  async clean({ segmentBytes = 1024, mapBytes }: { segmentBytes?: number; mapBytes?: number | undefined } = {}): Promise<Cleaning | undefined> {
    const settings = { segmentBytes, minDirtyRatio: 0.5, compactionLagMinMs: 0, compactionLagMaxMs: Infinity, tombstoneRetentionMs: RETENTION_MS, codec: 'none' } as const
    return await cleanPartition(this.partition, settings, {
      now: this.now, onDemand: true, dropsTombstones: true, holds: () => true, seeds: () => Buffer.alloc(16, 7), pauses: { due: () => false, pause: async () => {} }, elsewhere: () => undefined,
      ...(mapBytes === undefined ? {} : { mapBytes }),
    })
  }

  /** Each that is forgotten goes on under another id. */
  expire(): void {
    const before = this.now - DAY_MS
    this.partition.expireProducers(before)
    this.writers = this.writers.map(writer => writer.open === undefined && (writer.lastTimestamp ?? Infinity) < before ? new Writer(this.#nextId++, writer.kind) : writer)
  }

  async reopen(facts: Partial<RecoveryFacts> = {}, fs = this.fs): Promise<void> {
    this.fs = fs
    const { partition, report } = await reopen(fs, { recoveryPoint: 0, ...facts }, this.#options())
    assert.deepEqual(report.damage, [])
    this.partition = partition
  }

  /** What was known of producers has to be read from the batches that are left. */
  async reopenWithoutSnapshots(): Promise<void> {
    await this.partition.sync()
    this.fs = this.fs.survivorOfPowerCut(1)
    for (const name of this.fs.list(this.directory)) if (/\.(snapshot|txnindex)$/.test(name)) this.fs.remove(`${this.directory}/${name}`)
    await this.reopen({ trust: 'device' })
  }

  get stableOffset(): number {
    return Math.min(this.partition.endOffset, ...this.writers.flatMap(({ open }) => open === undefined ? [] : [open[0]!.offset]))
  }

  /** Up to where a cleaning goes. */
  get cleanableEnd(): number {
    return this.partition.segments.slice(0, -1).findLast(({ endOffset }) => endOffset <= this.stableOffset)?.endOffset ?? 0
  }

  /** What does not depend on how much was compacted. */
  async compare(): Promise<void> {
    const { stableOffset } = this
    assert.equal(this.partition.stableOffset, stableOffset)
    const committed = this.written.filter(({ state, offset }) => state === 'committed' && offset < stableOffset)
    const found = await this.read('read_committed')
    const byOffset = new Map(committed.map(({ offset, key, value }) => [offset, { offset, key, value }]))
    for (const record of found) assert.deepEqual(record, byOffset.get(record.offset), 'a record that was not committed')
    assert.deepEqual(valuesOf(found), valuesOf(committed))
    const undecided = (await this.read('read_uncommitted')).filter(({ offset }) => offset >= stableOffset)
    assert.deepEqual(undecided, this.written.filter(({ offset }) => offset >= stableOffset).map(({ offset, key, value }) => ({ offset, key, value })))
    this.#compareProducers()
  }

  /** Of what was cleaned up to an offset, in one go. */
  async compareCompacted(upTo: number): Promise<void> {
    const newest = new Map(this.written.filter(({ state, offset }) => state === 'committed' && offset < upTo).map(record => [record.key, record]))
    const expected = [...newest.values()].sort((a, b) => a.offset - b.offset).map(({ offset, key, value }) => ({ offset, key, value }))
    const stored = (await this.read('read_uncommitted')).filter(({ offset }) => offset < upTo)
    const tombstones = new Set(stored.filter(({ value }) => value === null).map(({ offset }) => offset))
    assert.deepEqual(stored, expected.filter(({ value, offset }) => value !== null || tombstones.has(offset)))
  }

  /** Duplicates, gaps and old epochs are known for what they are. */
  compareRefusals(): void {
    for (const writer of this.writers) {
      if (writer.kind === 'none' || writer.lastTimestamp === undefined) continue
      const records = [{ key: 'k', value: 'refused' }]
      const send = (over: Partial<Writer>) => () => this.partition.append(this.batch({ ...writer, ...over } as Writer, records))
      assert.throws(send({ sequence: writer.sequence + 1 }), { code: 'SEQUENCE_OUT_OF_ORDER' })
      if (writer.epoch > 0) assert.throws(send({ epoch: writer.epoch - 1, sequence: 0 }), { code: 'PRODUCER_FENCED' })
    }
  }

  async read(isolation: Isolation): Promise<(Keyed & { offset: number })[]> {
    const found: (Keyed & { offset: number })[] = []
    const cursor = new PartitionCursor(this.partition, this.partition.startOffset, isolation)
    for (let chunk = await cursor.next(1000); chunk !== undefined; chunk = await cursor.next(1000)) for (const batch of batchesOf(chunk)) found.push(...await recordsOf(batch))
    return found
  }

  /** Of each batch: where it stands, and whether it is a marker, an empty header, or neither. */
  async batches(): Promise<{ offset: number; kind: 'records' | 'marker' | 'header' }[]> {
    const found: { offset: number; kind: 'records' | 'marker' | 'header' }[] = []
    const cursor = new PartitionCursor(this.partition, this.partition.startOffset, 'read_uncommitted')
    for (let chunk = await cursor.next(1000); chunk !== undefined; chunk = await cursor.next(1000)) {
      for (let at = 0; at < chunk.bytes.length; at += batchBytes(chunk.bytes, at)) {
        found.push({ offset: baseOffset(chunk.bytes, at), kind: recordCount(chunk.bytes, at) === 0 ? 'header' : isControl(chunk.bytes, at) ? 'marker' : 'records' })
      }
    }
    return found
  }

  /** `steps` of a random history; a step may be an accident that loses nothing. */
  async run(random: SeededRandom, steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const draw = random.below(100)
      const writer = this.writers[random.below(this.writers.length)]!
      if (draw < 50) this.append(writer, Array.from({ length: 1 + random.below(4) }, () => drawRecord(random)))
      else if (draw < 72) { if (writer.open !== undefined) this.end(writer, random.chance(0.5) ? 'abort' : 'commit') }
      else if (draw < 78) this.roll()
      else if (draw < 86) await this.#cleanAndCompare(random)
      else if (draw < 92) this.now += [1, RETENTION_MS - 1, RETENTION_MS, DAY_MS / 2][random.below(4)]!
      else if (draw < 94) this.expire()
      else if (draw < 96) await this.reopen({ trust: 'page-cache' }, this.fs.survivorOfKill())
      else if (draw < 98) await this.reopenWithoutSnapshots()
      else await this.partition.close().then(() => this.reopen({ trust: 'clean', recoveryPoint: this.partition.endOffset }))
      await this.compare()
    }
  }

  async #cleanAndCompare(random: SeededRandom): Promise<void> {
    const upTo = this.cleanableEnd
    await this.clean({ segmentBytes: [300, 1024, 100_000][random.below(3)]!, mapBytes: random.chance(0.3) ? 24 * 5 : undefined })
    await this.compareCompacted(upTo)
  }

  /** What was forgotten may be known again of a log that was read anew. */
  #compareProducers(): void {
    const expected = this.writers.filter(({ lastTimestamp }) => lastTimestamp !== undefined).map(({ id, epoch, last, lastTimestamp, open }) => ({
      producerId: id, producerEpoch: epoch, lastSequence: last?.sequence ?? -1, lastOffset: last?.offset ?? -1, timestamp: lastTimestamp, currentTransactionFirstOffset: open?.[0]!.offset,
    }))
    const ids = new Set(expected.map(({ producerId }) => producerId))
    const found = (this.partition.knownProducers ?? []).filter(({ producerId }) => ids.has(producerId))
    assert.deepEqual(found.map(({ offsetDelta: _, coordinatorEpoch: __, ...known }) => known).sort((a, b) => a.producerId - b.producerId), expected.sort((a, b) => a.producerId - b.producerId))
  }

  #options(): Partial<WritableOptions> {
    const room = new DiskRoom(this.fs, '/log', { clock: this.#clock })
    return {
      directory: this.directory,
      room: room.partition('t-0', { isInternal: false }),
      retired: new RetiredFiles(this.fs, this.#clock, error => { throw error }, room),
      onTrouble: () => {},
      segmentBytes: () => 1024,
      compactedBelow: () => this.compactedBelow,
      cleaning: {
        cleanedTo: () => this.#cleanedTo,
        saveCleanedTo: async offset => { this.#cleanedTo = offset },
        saveCompactedBelow: async offset => { this.compactedBelow = Math.max(this.compactedBelow, offset) },
      },
    }
  }
}

function drawRecord(random: SeededRandom): Keyed {
  return { key: `key ${random.below(KEYS)}`, value: random.chance(0.15) ? null : `${random.below(1_000_000)}`.padEnd(random.below(100), '.') }
}

/** What a reader knows in the end, without keys that were deleted. */
function valuesOf(records: readonly (Keyed & { offset: number })[]): Record<string, string> {
  const values = new Map<string, string>()
  for (const { key, value, offset } of records) {
    if (value === null) values.delete(key)
    else values.set(key, `${offset}: ${value}`)
  }
  return Object.fromEntries([...values].sort(([a], [b]) => a < b ? -1 : 1))
}

async function recordsOf(batch: Buffer): Promise<(Keyed & { offset: number })[]> {
  const body = await bodyOf(batch)
  const found: (Keyed & { offset: number })[] = []
  const cursor = new RecordCursor(body, recordCount(batch, 0))
  while (cursor.next()) {
    const text = (start: number, bytes: number): string | null => bytes < 0 ? null : body.toString('utf8', start, start + bytes)
    found.push({ offset: baseOffset(batch, 0) + cursor.offsetDelta, key: text(cursor.keyStart, cursor.keyBytes)!, value: text(cursor.valueStart, cursor.valueBytes) })
  }
  return found
}
