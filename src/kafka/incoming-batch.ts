// A batch as a client sends it, checked before it is stored: what is let in here every reader can read, whole. It is stored
// as it came. Only a max timestamp that is not that of its records is set right, as Kafka does; the log computes the
// checksum anew anyway, since it is the one to say which offsets the batch gets.
//
//   CORRUPT_MESSAGE     the length can't be, or the checksum differs: damaged on the way, clients send it again
//   INVALID_RECORD      sound, and wrong: no single batch of format 2, header and records contradict each other, a record is
//                       malformed, a control batch, a producer id without its sequence, no key for a compacted topic
//   INVALID_TIMESTAMP   more than an hour ahead of the log's clock, before 1970, or said to be the log's own
//   MESSAGE_TOO_LARGE   larger than the topic's maxRecordBytes (max.message.bytes), or than 64 MiB once inflated
//   UNSUPPORTED_COMPRESSION_TYPE   no codec has that number, its library is absent, or the request's version is too old for it
//
// Differs from Kafka: timestamps below -1 are refused, and so is a delete horizon, which only compaction sets. What follows
// the batch is refused, if only half a batch. Which records were wrong is told of the first hundred.
//
// Bounded: of all connections together MAX_INFLATED batches are inflated at a time. Those that wait hold their requests,
// and a connection waits with its next request.
import { CorruptionError, LimitError } from '../base/errors.ts'
import { inflate, inflateLater, isCodecLoaded } from '../format/compression.ts'
import {
  CODECS, CODEC_MASK, HEADER_BYTES, LOG_APPEND_TIME, LOG_OVERHEAD, MAGIC, MAGIC_AT, attributes, baseOffset, baseSequence, baseTimestamp, batchBytes, batchFault, checksumFault,
  codecOf, hasDeleteHorizon, hasProducer, isControl, isLogAppendTime, isTransactional, lastOffsetDelta, magic, maxTimestamp, producerEpoch, recordCount, setAttributes, setMaxTimestamp, type Codec,
} from '../format/record-batch.ts'
import { LARGEST_AHEAD_MS } from '../log/record-codec.ts'
import { Slices } from '../platform/slices.ts'
import { IncomingRecords, NO_TIMESTAMP, type RecordError, type RecordRules } from './incoming-batch-records.ts'
import { KafkaError, type KafkaErrorName } from './kafka-errors.ts'
import { Places } from './places.ts'

/** What readers inflate at most (api.md). */
const INFLATED_LIMIT_BYTES = 64 * 1024 * 1024
/** Compressed batches below this size are inflated on this thread, unless more comes out than the next: a fraction of a millisecond each. */
const INFLATE_NOW_BYTES: Readonly<Record<Codec, number>> = { none: 0, gzip: 32 * 1024, snappy: 256 * 1024, lz4: 256 * 1024, zstd: 32 * 1024 }
const INFLATE_NOW_LIMIT_BYTES = 512 * 1024
/** At a time, each up to INFLATED_LIMIT_BYTES. libuv has four threads. */
const MAX_INFLATED = 4
/** More records than fit in here are walked in slices, with turns of the event loop between them. */
const WALK_NOW_BYTES = 1024 * 1024
const RECORDS_A_STEP = 1024

/** One for all doors: there is one pool of threads. */
const inflated = new Places(MAX_INFLATED)

export interface BatchRules extends RecordRules {
  readonly maxBytes: number
  readonly allowsZstd: boolean
}

/** Which records a batch was refused for. */
export class RecordsRefused extends KafkaError {
  static { this.prototype.name = 'RecordsRefused' }
  readonly recordErrors: readonly RecordError[]

  constructor(kafkaName: KafkaErrorName, message: string, recordErrors: readonly RecordError[]) {
    super(kafkaName, message)
    this.recordErrors = recordErrors
  }
}

/** `now`: the log's clock. */
export function timeRules(timestamps: 'create' | 'append', now: number): Pick<RecordRules, 'earliest' | 'latest'> {
  if (timestamps === 'append') return { earliest: Number.MIN_SAFE_INTEGER, latest: Number.MAX_SAFE_INTEGER }
  return { earliest: NO_TIMESTAMP, latest: now + LARGEST_AHEAD_MS }
}

/** Throws what is wrong with it, or rejects; a promise only where something has to be waited for. `records` is not used otherwise until then. */
export function checkBatch(records: Buffer, rules: BatchRules): Promise<void> | undefined {
  checkFrame(records, rules.maxBytes)
  checkHeader(records, rules)
  const codec = codecOf(records, 0)
  const stored = records.subarray(HEADER_BYTES)
  const body = codec === 'none' ? stored : inflateNow(codec, stored)
  if (body === undefined) return inflateAndCheck(records, codec, rules)
  if (body.length > WALK_NOW_BYTES) return checkLater(records, body, rules)
  const walk = begin(records, body, rules)
  asInvalid(() => { while (walk.walk(RECORDS_A_STEP)); })
  finish(records, walk)
  return undefined
}

/** The records have the log's time, whatever they said (LogAppendTime). */
export function setAppendTime(batch: Buffer, now: number): void {
  setAttributes(batch, 0, attributes(batch, 0) | LOG_APPEND_TIME)
  setMaxTimestamp(batch, 0, now)
}

/** One batch of format 2, whole and undamaged. */
function checkFrame(records: Buffer, maxBytes: number): void {
  if (records.length <= MAGIC_AT) throw invalid(`${records.length} bytes are no batch`)
  if (magic(records, 0) !== MAGIC) throw invalid(`the batch is of format ${magic(records, 0)}, only ${MAGIC} is taken`)
  const bytes = batchBytes(records, 0)
  if (bytes < HEADER_BYTES) throw new KafkaError('CORRUPT_MESSAGE', `the batch's length field says ${bytes - LOG_OVERHEAD}`)
  if (bytes > records.length) throw invalid(`the batch is ${bytes} bytes long, and ${records.length} came`)
  if (bytes < records.length) throw invalid('exactly one batch is taken for a partition')
  if (bytes > maxBytes) throw new KafkaError('MESSAGE_TOO_LARGE', `the batch is ${bytes} bytes long, the topic takes ${maxBytes}`)
  const fault = checksumFault(records, 0)
  if (fault !== undefined) throw new KafkaError('CORRUPT_MESSAGE', fault)
}

function checkHeader(batch: Buffer, { allowsZstd }: BatchRules): void {
  const count = recordCount(batch, 0)
  const codec = CODECS[attributes(batch, 0) & CODEC_MASK]
  if (codec === undefined) throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', `codec ${attributes(batch, 0) & CODEC_MASK} is unknown`)
  if (codec === 'zstd' && !allowsZstd) throw new KafkaError('UNSUPPORTED_COMPRESSION_TYPE', 'zstd is taken from version 7 of the request on')
  if (isLogAppendTime(batch, 0)) throw new KafkaError('INVALID_TIMESTAMP', 'only the log itself says that a time is the log\'s')
  if (baseOffset(batch, 0) !== 0) throw invalid(`the base offset is ${baseOffset(batch, 0)}, a new batch has 0`)
  if (count < 1) throw invalid(`the batch counts ${count} records`)
  if (lastOffsetDelta(batch, 0) !== count - 1) throw invalid(`the last offset delta is ${lastOffsetDelta(batch, 0)} with ${count} records`)
  if (isControl(batch, 0)) throw invalid('control batches are the log\'s own')
  if (hasDeleteHorizon(batch, 0)) throw invalid('a delete horizon is set by compaction alone')
  if (hasProducer(batch, 0)) {
    if (baseSequence(batch, 0) < 0 || producerEpoch(batch, 0) < 0) throw invalid(`a producer id with epoch ${producerEpoch(batch, 0)} and sequence ${baseSequence(batch, 0)}`)
  } else if (isTransactional(batch, 0)) throw invalid('a transactional batch without a producer id')
  const fault = batchFault(batch, 0, batch.length, batch.length)
  if (fault !== undefined) throw invalid(fault)
}

/** undefined: that is to be done elsewhere. */
function inflateNow(codec: Codec, stored: Buffer): Buffer | undefined {
  if (stored.length >= INFLATE_NOW_BYTES[codec] || !isCodecLoaded(codec)) return undefined
  try {
    return inflate(codec, stored, INFLATE_NOW_LIMIT_BYTES)
  } catch (error) {
    if (error instanceof LimitError) return undefined
    throw asKafkaError(error)
  }
}

async function inflateAndCheck(batch: Buffer, codec: Codec, rules: BatchRules): Promise<void> {
  await inflated.take()
  try {
    const body = await inflateLater(codec, batch.subarray(HEADER_BYTES), INFLATED_LIMIT_BYTES).catch((error: unknown) => { throw asKafkaError(error) })
    await checkLater(batch, body, rules)
  } finally {
    inflated.give()
  }
}

async function checkLater(batch: Buffer, body: Buffer, rules: BatchRules): Promise<void> {
  const walk = begin(batch, body, rules)
  for (const slices = new Slices(); asInvalid(() => walk.walk(RECORDS_A_STEP));) if (slices.due()) await slices.pause()
  finish(batch, walk)
}

function begin(batch: Buffer, body: Buffer, rules: BatchRules): IncomingRecords {
  return new IncomingRecords(body, recordCount(batch, 0), baseTimestamp(batch, 0), rules)
}

function finish(batch: Buffer, { errors, hasWrongTime, maxTimestamp: newest }: IncomingRecords): void {
  if (errors.length > 0) throw new RecordsRefused(hasWrongTime ? 'INVALID_TIMESTAMP' : 'INVALID_RECORD', `record ${errors[0]!.batchIndex}: ${errors[0]!.batchIndexErrorMessage}`, errors)
  if (newest !== maxTimestamp(batch, 0)) setMaxTimestamp(batch, 0, newest)
}

function asInvalid<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asKafkaError(error)
  }
}

/** Sound by its checksum: to send it again is of no use. */
function asKafkaError(error: unknown): unknown {
  return error instanceof CorruptionError ? invalid(error.message) : error
}

function invalid(message: string): KafkaError {
  return new KafkaError('INVALID_RECORD', message)
}
