// One producer's batches for one partition. Records are encoded into the open batch as they come; it is written when
// it is full or when its producer says so. Batches enter the log in the order they were opened,
// though large ones are compressed off the main thread: written batches ← compressing, in a queue ← open batch.
//
//   every batch: open → (compressing →) ready → settled
//
// Hot (the benchmark 'send'): a record makes nothing here but its bytes, and a Part where another receipt begins.
import { LimitError, StorageError } from '../base/errors.ts'
import { BatchEncoder } from '../format/batch-encoder.ts'
import { compress, compressLater, isCodecLoaded } from '../format/compression.ts'
import { copyRecords } from '../format/copy-records.ts'
import type { Codec } from '../format/record-batch.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { EncodedRecord } from './record-codec.ts'
import type { Destination, Receipt, Sent } from './send-receipts.ts'

/** Bodies from this size on are compressed off the main thread. */
const COMPRESS_LATER_BYTES = 16 * 1024
/** Encoders kept for reuse by all producers of the process. */
const POOLED_ENCODERS = 16

/** Of a transaction: numbers the batches that it writes to a partition. */
export interface TransactionalProducer {
  readonly id: number
  readonly epoch: number
  /** Throws once the transaction has ended: a batch that came after its marker would begin another one. */
  checkOpen(): void
}

export interface BatchPolicy {
  readonly codec: () => Codec
  /** A batch is written before it grows beyond this; a single larger record is a batch of its own. */
  readonly batchBytes: number
  readonly durability: 'process' | 'power'
  /** LogAppendTime: the time for a batch, else undefined. */
  readonly appendTime: () => number | undefined
  readonly budget: ByteBudget
  readonly producer: TransactionalProducer | undefined
}

/** Neighbours in a batch that one receipt waits for: a single record, or records that follow each other in an array. */
interface Part {
  readonly receipt: Receipt
  /** Of the first of them, as the receipt counts. */
  readonly index: number
  count: number
}

interface Batch {
  encoder: BatchEncoder
  parts: Part[]
  state: 'open' | 'compressing' | 'ready' | 'settled'
  compressed: { codec: Codec; body: Uint8Array } | undefined
  /** Why it can't be written: told when its turn comes. */
  failure: { readonly error: unknown } | undefined
  budgeted: number
  /** A thread may still read the encoder's buffer: it is not used again. */
  lent: boolean
  readonly onSettled: (() => void)[]
}

const pool: BatchEncoder[] = []

export class BatchAccumulator {
  readonly #partition: WritablePartition
  readonly #destination: Destination
  readonly #policy: BatchPolicy
  readonly #queue: Batch[] = []
  /** Acknowledgements that wait for the device. */
  readonly #syncs = new Set<Promise<void>>()
  #open: Batch | undefined
  #opened = 0
  /** Of the next record, as a producer's. */
  #sequence = 0

  constructor(partition: WritablePartition, destination: Destination, policy: BatchPolicy) {
    this.#partition = partition
    this.#destination = destination
    this.#policy = policy
  }

  get partition(): WritablePartition { return this.#partition }
  /** A transaction has written to it. */
  get hasNumbered(): boolean { return this.#sequence > 0 }
  get hasOpenBatch(): boolean { return this.#open !== undefined }

  /** The number of the batch that the next record enters: a record without a key stays here while it is the same. */
  get nextBatch(): number { return this.#open === undefined ? this.#opened + 1 : this.#opened }

  /** `bytes`: the record's recordBytes. */
  add(record: EncodedRecord, bytes: number, receipt: Receipt, index: number): void {
    this.#partition.checkWritable()
    if (this.#open !== undefined && this.#open.encoder.bytes + bytes > this.#policy.batchBytes) this.write()
    const batch = this.#open ??= this.#begin()
    batch.encoder.append(record.timestamp, record.key, record.value, record.headers)
    const part = batch.parts.at(-1)
    if (part !== undefined && part.receipt === receipt && part.index + part.count === index) part.count++
    else batch.parts.push({ receipt, index, count: 1 })
    batch.budgeted += bytes
    this.#policy.budget.take(bytes)
  }

  /** Writes all before it, then the record, on this thread. */
  addNow(record: EncodedRecord): Sent {
    this.#partition.checkWritable()
    this.writeNow()
    this.#opened++
    const encoder = takeEncoder()
    try {
      encoder.append(record.timestamp, record.key, record.value, record.headers)
      const appendTime = this.#policy.appendTime()
      const codec = this.#policy.codec()
      const compressed = codec === 'none' ? undefined : { codec, body: compress(codec, encoder.body()) }
      const bytes = encoder.sealInPlace({ compressed, appendTime })
      const offset = this.#partition.append(encoder.buffer, bytes)
      return { topic: this.#destination.topic, partition: this.#destination.partition, offset, timestamp: appendTime ?? record.timestamp }
    } finally {
      giveBack(encoder)
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

  /** Resolves once everything taken before the call has been acknowledged or has failed, whatever comes after it. */
  async settled(): Promise<void> {
    const last = this.#queue.at(-1)
    if (last !== undefined) await new Promise<void>(resolve => { last.onSettled.push(resolve) })
    await Promise.all(this.#syncs)
  }

  #begin(): Batch {
    this.#opened++
    return { encoder: takeEncoder(), parts: [], state: 'open', compressed: undefined, failure: undefined, budgeted: 0, lent: false, onSettled: [] }
  }

  #close(batch: Batch): void {
    this.#open = undefined
    const codec = this.#policy.codec()
    try {
      if (codec !== 'none') batch.compressed = { codec, body: compress(codec, batch.encoder.body()) }
    } catch (error) {
      batch.failure = { error }
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
      body => { this.#compressed(batch, { codec, body }, undefined) },
      (error: unknown) => { this.#compressed(batch, undefined, { error }) },
    )
  }

  /** The thread has ended. What was written meanwhile by writeNow() stays as it is. */
  #compressed(batch: Batch, compressed: Batch['compressed'], failure: Batch['failure']): void {
    if (batch.state !== 'compressing') return
    batch.lent = false
    batch.compressed = compressed
    batch.failure = failure
    batch.state = 'ready'
    this.#writeReady()
  }

  /** Batches at the head of the queue that are ready, in order. */
  #writeReady(): void {
    while (this.#queue[0]?.state === 'ready') this.#append(this.#queue.shift()!)
  }

  #append(batch: Batch): void {
    if (batch.parts.some(isGivenUp)) leaveOutGivenUp(batch)
    if (batch.parts.length === 0) {
      this.#release(batch)
      return
    }
    let base: number
    const appendTime = this.#policy.appendTime()
    try {
      if (batch.failure !== undefined) throw batch.failure.error
      base = this.#appendSealed(batch, appendTime)
    } catch (error) {
      this.#release(batch)
      refuse(batch, error)
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

  #appendSealed({ encoder, compressed }: Batch, appendTime: number | undefined): number {
    const { producer } = this.#policy
    if (producer === undefined) return this.#partition.append(encoder.buffer, encoder.sealInPlace({ compressed, appendTime }))
    producer.checkOpen()
    const base = this.#partition.append(encoder.buffer, encoder.sealInPlace({ compressed, appendTime, producer: { id: producer.id, epoch: producer.epoch, sequence: this.#sequence } }))
    this.#sequence += encoder.count
    return base
  }

  #acknowledge(batch: Batch, base: number, appendTime: number | undefined): void {
    let offset = base
    for (const { receipt, index, count } of batch.parts) {
      receipt.stored(index, count, this.#destination, offset, appendTime)
      offset += count
    }
  }

  /** A LimitError would say that nothing has changed. */
  #notSynced(cause: LimitError): StorageError {
    return new StorageError('NOT_SYNCED', `${this.#partition.label}: records were written, and their sync could not be tried: ${cause.message}`, {
      hint: 'they are in the log and are synced with what comes next; sending them again stores them twice', details: { partition: this.#partition.label }, cause,
    })
  }

  #release(batch: Batch): void {
    batch.state = 'settled'
    this.#policy.budget.give(batch.budgeted)
    if (!batch.lent) giveBack(batch.encoder)
    for (const resolve of batch.onSettled) resolve()
  }
}

function isGivenUp({ receipt, index }: Part): boolean {
  return receipt.failureBefore(index) !== undefined
}

/** Takes out the records of arrays of which an earlier one has failed. Records of others stay, uncompressed. */
function leaveOutGivenUp(batch: Batch): void {
  const keeps = batch.parts.flatMap(part => Array<boolean>(part.count).fill(!isGivenUp(part)))
  const kept = takeEncoder()
  copyRecords(batch.encoder, kept, index => keeps[index]!)
  if (!batch.lent) giveBack(batch.encoder)
  batch.encoder = kept
  batch.lent = false
  batch.compressed = undefined
  const { parts } = batch
  batch.parts = parts.filter(part => !isGivenUp(part))
  for (const { receipt, index, count } of parts.filter(isGivenUp)) receipt.failed(index, count, receipt.failureBefore(index)!.error)
}

function refuse(batch: Batch, error: unknown): void {
  for (const { receipt, index, count } of batch.parts) receipt.failed(index, count, error)
}

function takeEncoder(): BatchEncoder {
  return pool.pop() ?? new BatchEncoder()
}

function giveBack(encoder: BatchEncoder): void {
  encoder.reset()
  if (pool.length < POOLED_ENCODERS) pool.push(encoder)
}
