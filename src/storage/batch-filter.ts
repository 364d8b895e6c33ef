// What compaction leaves of one batch: the newest record of each key, with its offset and timestamp. The batch keeps its
// base offset, last offset delta, epoch and producer. Records without a key stay. What an aborted transaction wrote goes.
//
// A tombstone stays until the batch's delete horizon, for readers that are behind: the first cleaning that meets it sets
// the horizon, as Kafka does, in the field of the base timestamp (attribute bit 6), and a later one drops it. So does a
// marker from the cleaning on that meets nothing of its transaction (cleaned-transactions.ts).
import { compressLater, inflateLater } from '../format/compression.ts'
import {
  ATTRIBUTES_AT, BASE_SEQUENCE_AT, BASE_TIMESTAMP_AT, CODECS, CODEC_MASK, CONTROL, DELETE_HORIZON, HEADER_BYTES, MAX_TIMESTAMP_AT, PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT, RECORD_COUNT_AT, TRANSACTIONAL, attributes, baseOffset, baseTimestamp, codecOf, hasDeleteHorizon, hasProducer, isControl, isLogAppendTime, lastOffsetDelta, leaderEpoch, maxTimestamp, recordCount,
  setBatchBytes, type Codec,
} from '../format/record-batch.ts'
import type { RecordTable } from '../format/record-table.ts'
import { writeInt32, writeInt64 } from '../format/integers.ts'
import { MAX_VARINT_BYTES, MAX_VARLONG_BYTES, varlongBytes, writeVarint, writeVarlong } from '../format/varint.ts'
import { stampBatch } from '../native/stamp.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { OffsetMap } from './offset-map.ts'

const INFLATED_LIMIT_BYTES = 64 * 1024 * 1024

export interface FilterOptions {
  readonly map: OffsetMap
  readonly transactions: CleanedTransactions
  /** The map knows of all records up to here; those behind it stay. */
  readonly cleanedTo: number
  /** Tombstones from here on stay: only below it is it certain that nothing older of their keys can come back. */
  readonly dirtyFrom: number
  readonly now: number
  readonly tombstoneRetentionMs: number
  /** False while the clock is not to be trusted: no tombstone goes, and no marker. */
  readonly dropsTombstones: boolean
  readonly codec: Codec
}

export class BatchFilter {
  readonly #options: FilterOptions
  #buffer = Buffer.allocUnsafeSlow(64 * 1024)
  #keeps = new Uint8Array(1024)
  /** The earliest delete horizon of a tombstone or marker that stayed. */
  nextHorizon = Infinity

  constructor(options: FilterOptions) {
    this.#options = options
  }

  /**
   * Of each batch in the order of the log. The batch itself where all of it stays, undefined where nothing does; else what
   * stays, valid until the next call.
   */
  filter(batch: Buffer): Buffer | undefined | Promise<Buffer | undefined> {
    const isOfNoUse = this.#options.transactions.meet(batch)
    if (baseOffset(batch, 0) >= this.#options.cleanedTo) return batch
    if (isControl(batch, 0)) return isOfNoUse ? this.#filterMarker(batch) : batch
    if (isOfNoUse || recordCount(batch, 0) === 0) return this.#withoutRecords(batch)
    const body = bodyOf(batch)
    return body instanceof Promise ? body.then(inflated => this.#filter(batch, inflated)) : this.#filter(batch, body)
  }

  #filter(batch: Buffer, body: Buffer): Buffer | undefined | Promise<Buffer | undefined> {
    const count = recordCount(batch, 0)
    this.#options.map.take(body, count)
    if (isDense(batch) && this.#allAreSuperseded(batch, count)) return this.#withoutRecords(batch)
    const horizon = hasDeleteHorizon(batch, 0) ? baseTimestamp(batch, 0) : undefined
    const { kept, tombstones } = this.#decide(batch, horizon)
    if (kept === 0) return this.#withoutRecords(batch)
    const setsHorizon = tombstones > 0 && horizon === undefined
    const deleteAt = setsHorizon ? this.#options.now + this.#options.tombstoneRetentionMs : horizon
    if (tombstones > 0) this.nextHorizon = Math.min(this.nextHorizon, deleteAt!)
    if (kept === count && !setsHorizon) return batch
    return this.#rebuild(batch, body, kept, setsHorizon ? deleteAt : undefined)
  }

  /** One of whose transaction nothing is left. */
  #filterMarker(batch: Buffer): Buffer | undefined | Promise<Buffer | undefined> {
    const { map, now, tombstoneRetentionMs, dropsTombstones } = this.#options
    const count = recordCount(batch, 0)
    const isFirstTime = count > 0 && !hasDeleteHorizon(batch, 0)
    const horizon = isFirstTime ? now + tombstoneRetentionMs : baseTimestamp(batch, 0)
    if (count === 0 || (!isFirstTime && dropsTombstones && horizon <= now)) return this.#withoutRecords(batch)
    this.nextHorizon = Math.min(this.nextHorizon, horizon)
    if (!isFirstTime) return batch
    const body = batch.subarray(HEADER_BYTES)
    map.take(body, count)
    this.#keeps.fill(1, 0, count)
    return this.#rebuild(batch, body, count, horizon)
  }

  /** Undefined, or the header of a producer's last batch, with its time: by that the producer is forgotten one day. */
  #withoutRecords(batch: Buffer): Buffer | undefined {
    if (!this.#options.transactions.isLastOfProducer(batch)) return undefined
    if (recordCount(batch, 0) === 0) return batch
    const header = this.#reserve(HEADER_BYTES)
    batch.copy(header, 0, 0, HEADER_BYTES)
    return emptied(header)
  }

  #allAreSuperseded(batch: Buffer, count: number): boolean {
    const { map, cleanedTo } = this.#options
    const base = baseOffset(batch, 0)
    if (base + count > cleanedTo) return false
    for (let i = 0; i < count; i++) if (map.getAt(i) <= base + i) return false
    return true
  }

  #decide(batch: Buffer, horizon: number | undefined): { kept: number; tombstones: number } {
    const { map, cleanedTo, dirtyFrom, now, dropsTombstones } = this.#options
    const { records } = map
    const base = baseOffset(batch, 0)
    const count = recordCount(batch, 0)
    const isOver = dropsTombstones && horizon !== undefined && horizon <= now
    if (this.#keeps.length < count) this.#keeps = new Uint8Array(count)
    let kept = 0
    let tombstones = 0
    for (let i = 0; i < count; i++) {
      const offset = base + records.offsetDelta(i)
      const isTombstone = records.valueBytes(i) < 0 && records.keyBytes(i) >= 0
      const keeps = offset >= cleanedTo || (map.getAt(i) <= offset && !(isTombstone && isOver && offset < dirtyFrom))
      this.#keeps[i] = keeps ? 1 : 0
      if (!keeps) continue
      kept++
      if (isTombstone) tombstones++
    }
    return { kept, tombstones }
  }

  /** With a new horizon the timestamps are told from there. */
  #rebuild(batch: Buffer, body: Buffer, kept: number, horizon: number | undefined): Buffer | Promise<Buffer> {
    const isAppendTime = isLogAppendTime(batch, 0)
    const base = baseTimestamp(batch, 0)
    const shift = horizon === undefined || isAppendTime ? 0 : base - horizon
    const out = this.#reserve(HEADER_BYTES + body.length + (shift === 0 ? 0 : kept * (MAX_VARINT_BYTES + MAX_VARLONG_BYTES)))
    batch.copy(out, 0, 0, HEADER_BYTES)
    let end = HEADER_BYTES
    let newest = -1
    const { records } = this.#options.map
    for (let i = 0; i < records.count; i++) {
      if (this.#keeps[i] === 0) continue
      newest = Math.max(newest, base + records.timestampDelta(i))
      end = shift === 0 ? copyTo(out, end, body, records.start(i), records.end(i)) : writeShifted(out, end, body, records, i, shift)
    }
    writeInt64(out, BASE_TIMESTAMP_AT, horizon ?? base)
    writeInt64(out, MAX_TIMESTAMP_AT, isAppendTime ? maxTimestamp(batch, 0) : newest)
    writeInt32(out, RECORD_COUNT_AT, kept)
    setAttributes(out, attributes(batch, 0) & ~CODEC_MASK | (horizon === undefined ? 0 : DELETE_HORIZON))
    return this.#options.codec === 'none' || isControl(batch, 0) ? finish(out, end) : this.#compress(out, end, this.#options.codec)
  }

  async #compress(out: Buffer, end: number, codec: Codec): Promise<Buffer> {
    const compressed = await compressLater(codec, out.subarray(HEADER_BYTES, end))
    if (compressed.length >= end - HEADER_BYTES) return finish(out, end)
    compressed.copy(out, HEADER_BYTES)
    setAttributes(out, attributes(out, 0) | CODECS.indexOf(codec))
    return finish(out, HEADER_BYTES + compressed.length)
  }

  #reserve(bytes: number): Buffer {
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#buffer.length))
    return this.#buffer
  }
}

/**
 * Makes the header of a batch one that tells nothing but that its offsets were given. It has no time: Kafka looks for a
 * timestamp in the first segment that claims one as late, and nowhere else. Nor a producer: it would begin a transaction.
 */
export function bareHeader(header: Buffer): Buffer {
  writeInt64(header, MAX_TIMESTAMP_AT, -1)
  writeInt64(header, PRODUCER_ID_AT, -1)
  header.writeInt16BE(-1, PRODUCER_EPOCH_AT)
  writeInt32(header, BASE_SEQUENCE_AT, -1)
  setAttributes(header, attributes(header, 0) & ~TRANSACTIONAL & ~CONTROL)
  return emptied(header)
}

/** Whether it is one that bareHeader() would leave as it is. */
export function isBareHeader(batch: Buffer): boolean {
  return recordCount(batch, 0) === 0 && !hasProducer(batch, 0)
}

/** Makes the header of a batch that of one whose records are gone. */
function emptied(header: Buffer): Buffer {
  writeInt32(header, RECORD_COUNT_AT, 0)
  writeInt64(header, BASE_TIMESTAMP_AT, -1)
  setAttributes(header, attributes(header, 0) & ~CODEC_MASK & ~DELETE_HORIZON)
  return finish(header, HEADER_BYTES)
}

/** The records of a batch, uncompressed. */
export function bodyOf(batch: Buffer): Buffer | Promise<Buffer> {
  const codec = codecOf(batch, 0)
  const stored = batch.subarray(HEADER_BYTES)
  return codec === 'none' ? stored : inflateLater(codec, stored, INFLATED_LIMIT_BYTES)
}

/** Its records have the offsets from the first to the last, each. */
function isDense(batch: Buffer): boolean {
  return recordCount(batch, 0) === lastOffsetDelta(batch, 0) + 1
}

function writeShifted(out: Buffer, at: number, body: Buffer, records: RecordTable, index: number, shift: number): number {
  const delta = records.timestampDelta(index) + shift
  const tailStart = records.tailStart(index)
  let end = writeVarint(out, at, 1 + varlongBytes(delta) + records.end(index) - tailStart)
  out[end++] = 0
  end = writeVarlong(out, end, delta)
  return copyTo(out, end, body, tailStart, records.end(index))
}

function copyTo(out: Buffer, at: number, body: Buffer, start: number, end: number): number {
  return at + body.copy(out, at, start, end)
}

function setAttributes(batch: Buffer, value: number): void {
  batch[ATTRIBUTES_AT] = value >> 8
  batch[ATTRIBUTES_AT + 1] = value & 0xff
}

function finish(batch: Buffer, bytes: number): Buffer {
  setBatchBytes(batch, 0, bytes)
  stampBatch(batch, bytes, baseOffset(batch, 0), leaderEpoch(batch, 0))
  return batch.subarray(0, bytes)
}
