// Batches as clients send them, right ones and such as no client of Kafka's would make.
import { BatchEncoder } from '../../../src/format/batch-encoder.ts'
import { compressLater } from '../../../src/format/compression.ts'
import { BASE_SEQUENCE_AT, CRC_AT, HEADER_BYTES, PRODUCER_EPOCH_AT, PRODUCER_ID_AT, attributes, setAttributes, setBatchBytes, CODECS, type Codec } from '../../../src/format/record-batch.ts'
import { writeInt64 } from '../../../src/format/integers.ts'
import { CHECKED_FROM } from '../../../src/native/batch-layout.ts'
import { crc32c } from '../../../src/native/crc32c.ts'

export interface SentRecord {
  readonly key?: string | null
  readonly value?: string | Buffer | null
  readonly timestamp?: number
  readonly headers?: readonly (readonly [string, string | null])[]
}

export interface Numbering { readonly id: number; readonly epoch?: number; readonly sequence: number }

export function batchOf(...records: readonly (string | SentRecord)[]): Buffer {
  const encoder = new BatchEncoder()
  for (const record of records) {
    const { key = null, value = null, timestamp = 1000, headers = [] } = typeof record === 'string' ? { value: record } : record
    encoder.append(timestamp, bytesOf(key), bytesOf(value), headers.map(([name, text]) => [Buffer.from(name), bytesOf(text)]))
  }
  return checked(Buffer.from(encoder.seal({})))
}

/** The same batch with its records compressed, even if that makes them longer. */
export async function compressed(batch: Buffer, codec: Codec): Promise<Buffer> {
  return withBody(batch, await compressLater(codec, batch.subarray(HEADER_BYTES)), codec)
}

/** The batch's header over other bytes. */
export function withBody(batch: Buffer, body: Buffer, codec: Codec = 'none'): Buffer {
  const made = Buffer.concat([batch.subarray(0, HEADER_BYTES), body])
  setAttributes(made, 0, attributes(batch, 0) & ~7 | CODECS.indexOf(codec))
  setBatchBytes(made, 0, made.length)
  return checked(made)
}

export function numbered(batch: Buffer, { id, epoch = 0, sequence }: Numbering): Buffer {
  writeInt64(batch, PRODUCER_ID_AT, id)
  batch.writeInt16BE(epoch, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(sequence, BASE_SEQUENCE_AT)
  return checked(batch)
}

/** With its checksum right, whatever else it is. */
export function checked(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, CHECKED_FROM, batch.length), CRC_AT)
  return batch
}

function bytesOf(text: string | Buffer | null): Buffer | null {
  return text === null ? null : Buffer.from(text)
}
