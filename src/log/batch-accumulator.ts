// One producer's batches for one partition. Records are encoded into the open batch as they come; it is written when
// it is full or when its producer says so. Batches enter the log in the order they were opened,
// though large ones are compressed off the main thread: written batches ← compressing, in a queue ← open batch.
//
//   every batch: open → (compressing →) ready → settled
import { LimitError, StorageError } from '../base/errors.ts'
import { BatchEncoder, recordBytes } from '../format/batch-encoder.ts'
import { compress, compressLater, isCodecLoaded } from '../format/compression.ts'
import type { Codec } from '../format/record-batch.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { EncodedRecord } from './record-codec.ts'

/** Bodies from this size on are compressed off the main thread. */
const COMPRESS_LATER_BYTES = 16 * 1024
/** Encoders kept for reuse by all producers of the process. */
const POOLED_ENCODERS = 16

/** Whoever waits for a record: told once, when it is as durable as was asked for, or has failed. */
export interface Receipt {
  stored(index: number, partition: number, offset: number, timestamp: number): void
  failed(index: number, error: unknown): void
}

export interface BatchPolicy {
  readonly codec: () => Codec
  /** A batch is written before it grows beyond this; a single larger record is a batch of its own. */
  readonly batchBytes: number
  readonly durability: 'process' | 'power'
  /** LogAppendTime: the time for a batch, else undefined. */
  readonly appendTime: () => number | undefined
  readonly budget: ByteBudget
}

interface Batch {
  readonly encoder: BatchEncoder
  readonly receipts: Receipt[]
  readonly indexes: number[]
  readonly timestamps: number[]
  state: 'open' | 'compressing' | 'ready' | 'settled'
  compressed: { codec: Codec; body: Uint8Array } | undefined
  budgeted: number
  /** A thread may still read the encoder's buffer: it is not used again. */
  lent: boolean
}

const pool: BatchEncoder[] = []

export class BatchAccumulator {
  readonly #partition: WritablePartition
  readonly #policy: BatchPolicy
  readonly #index: number
  readonly #queue: Batch[] = []
  /** Acknowledgements that wait for the device. */
  readonly #syncs = new Set<Promise<void>>()
  #open: Batch | undefined
  #opened = 0
  #drained: (() => void)[] = []

  constructor(partition: WritablePartition, index: number, policy: BatchPolicy) {
    this.#partition = partition
    this.#index = index
    this.#policy = policy
  }

  /** The number of the batch that the next record enters: a record without a key stays here while it is the same. */
  get nextBatch(): number { return this.#open === undefined ? this.#opened + 1 : this.#opened }

  add(record: EncodedRecord, receipt: Receipt, index: number): void {
    this.#partition.checkWritable()
    const bytes = recordBytes(record.key, record.value, record.headers)
    if (this.#open !== undefined && this.#open.encoder.bytes + bytes > this.#policy.batchBytes) this.write()
    const batch = this.#open ??= this.#begin()
    batch.encoder.append(record.timestamp, record.key, record.value, record.headers)
    batch.receipts.push(receipt)
    batch.indexes.push(index)
    batch.timestamps.push(record.timestamp)
    batch.budgeted += bytes
    this.#policy.budget.take(bytes)
  }

  /** Writes all before it, then the record, on this thread. */
  addNow(record: EncodedRecord): { offset: number; timestamp: number } {
    this.#partition.checkWritable()
    this.writeNow()
    const batch = this.#begin()
    try {
      batch.encoder.append(record.timestamp, record.key, record.value, record.headers)
      const appendTime = this.#policy.appendTime()
      const codec = this.#policy.codec()
      const compressed = codec === 'none' ? undefined : { codec, body: compress(codec, batch.encoder.body()) }
      return { offset: this.#partition.append(batch.encoder.seal({ compressed, appendTime })), timestamp: appendTime ?? record.timestamp }
    } finally {
      this.#release(batch)
    }
  }

  /** Closes the open batch. It is in the log when this returns, unless it is compressed off the main thread. */
  write(): void {
    const batch = this.#open
    if (batch === undefined) return
    const bytes = batch.encoder.bytes
    const codec = this.#policy.codec()
    if (codec === 'none' || (bytes < COMPRESS_LATER_BYTES && this.#queue.length === 0 && isCodecLoaded(codec))) this.#close(batch)
    else this.#closeLater(batch)
  }

  /** Everything taken so far into the log, on this thread. What a thread is compressing goes in as it is. */
  writeNow(): void {
    for (const batch of this.#queue) if (batch.state === 'compressing') batch.state = 'ready'
    this.#writeReady()
    if (this.#open !== undefined) this.#close(this.#open)
  }

  /** Resolves once everything taken before the call has been acknowledged or has failed. */
  async settled(): Promise<void> {
    if (this.#queue.length > 0) await new Promise<void>(resolve => { this.#drained.push(resolve) })
    await Promise.all(this.#syncs)
  }

  #begin(): Batch {
    this.#opened++
    return { encoder: pool.pop() ?? new BatchEncoder(), receipts: [], indexes: [], timestamps: [], state: 'open', compressed: undefined, budgeted: 0, lent: false }
  }

  #close(batch: Batch): void {
    this.#open = undefined
    const codec = this.#policy.codec()
    try {
      if (codec !== 'none') batch.compressed = { codec, body: compress(codec, batch.encoder.body()) }
    } catch (error) {
      this.#fail(batch, error)
      return
    }
    batch.state = 'ready'
    this.#queue.push(batch)
    this.#writeReady()
  }

  #closeLater(batch: Batch): void {
    this.#open = undefined
    const codec = this.#policy.codec()
    batch.state = 'compressing'
    batch.lent = true
    this.#queue.push(batch)
    compressLater(codec, batch.encoder.body()).then(
      body => { this.#compressed(batch, { codec, body }) },
      (error: unknown) => { this.#refused(batch, error) },
    )
  }

  #compressed(batch: Batch, compressed: { codec: Codec; body: Uint8Array }): void {
    if (batch.state !== 'compressing') return
    batch.lent = false
    batch.compressed = compressed
    batch.state = 'ready'
    this.#writeReady()
  }

  #refused(batch: Batch, error: unknown): void {
    if (batch.state !== 'compressing') return
    batch.lent = false
    this.#queue.splice(this.#queue.indexOf(batch), 1)
    this.#fail(batch, error)
    this.#writeReady()
  }

  /** Batches at the head of the queue that are ready, in order. */
  #writeReady(): void {
    while (this.#queue[0]?.state === 'ready') this.#append(this.#queue.shift()!)
    if (this.#queue.length > 0) return
    const drained = this.#drained
    this.#drained = []
    for (const resolve of drained) resolve()
  }

  #append(batch: Batch): void {
    let base: number
    const appendTime = this.#policy.appendTime()
    try {
      base = this.#partition.append(batch.encoder.seal({ compressed: batch.compressed, appendTime }))
    } catch (error) {
      this.#fail(batch, error)
      return
    }
    this.#release(batch)
    if (this.#policy.durability === 'process') {
      this.#acknowledge(batch, base, appendTime)
      return
    }
    const sync = this.#partition.sync().then(() => { this.#acknowledge(batch, base, appendTime) }, (error: unknown) => { refuse(batch, error instanceof LimitError ? this.#notSynced(error) : error) })
    this.#syncs.add(sync)
    void sync.then(() => this.#syncs.delete(sync))
  }

  #acknowledge(batch: Batch, base: number, appendTime: number | undefined): void {
    const { receipts, indexes, timestamps } = batch
    for (let i = 0; i < receipts.length; i++) receipts[i]!.stored(indexes[i]!, this.#index, base + i, appendTime ?? timestamps[i]!)
  }

  /** A LimitError would say that nothing has changed. */
  #notSynced(cause: LimitError): StorageError {
    return new StorageError('NOT_SYNCED', `${this.#partition.label}: records were written, and their sync could not be tried: ${cause.message}`, {
      hint: 'they are in the log and are synced with what comes next; sending them again stores them twice', details: { partition: this.#partition.label }, cause,
    })
  }

  #fail(batch: Batch, error: unknown): void {
    this.#release(batch)
    refuse(batch, error)
  }

  #release(batch: Batch): void {
    batch.state = 'settled'
    this.#policy.budget.give(batch.budgeted)
    if (batch.lent) return
    batch.encoder.reset()
    if (pool.length < POOLED_ENCODERS) pool.push(batch.encoder)
  }
}

function refuse(batch: Batch, error: unknown): void {
  for (let i = 0; i < batch.receipts.length; i++) batch.receipts[i]!.failed(batch.indexes[i]!, error)
}

/** Too large for the topic: refused before it reaches a batch. */
export function checkRecordBytes(record: EncodedRecord, maxRecordBytes: number, topic: string): void {
  const bytes = recordBytes(record.key, record.value, record.headers)
  if (bytes <= maxRecordBytes) return
  throw new LimitError('RECORD_TOO_LARGE', `topic '${topic}': a record of about ${bytes} bytes is larger than maxRecordBytes, ${maxRecordBytes}`, {
    hint: 'store large values elsewhere and send where they are, or alter the topic', details: { topic, bytes, maxRecordBytes },
  })
}
