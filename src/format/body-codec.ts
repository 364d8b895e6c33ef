// What one compression codec does for compression.ts, and the two ways in which inflating can fail. A body is the
// records area of a batch. Implementations know the limit before they inflate, or hold it while they do: no input
// makes them allocate more than the limit and a small constant.
import { CorruptionError, LimitError } from '../base/errors.ts'

export interface BodyCodec {
  compress(body: Uint8Array): Buffer
  /** Off the main thread where the library can; `body` must not change until it settles. */
  compressLater(body: Uint8Array): Promise<Buffer>
  /** Errors of the library may pass: compression.ts types them. */
  inflate(body: Uint8Array, limitBytes: number): Buffer
  inflateLater(body: Uint8Array, limitBytes: number): Promise<Buffer>
}

export function tooLarge(limitBytes: number): LimitError {
  return new LimitError('INFLATED_TOO_LARGE', `a batch of records inflates to more than ${limitBytes} bytes`, {
    hint: 'Its writer made a batch beyond what this log reads at once. Let it write smaller batches.',
    details: { limitBytes },
  })
}

export function malformed(codec: string, what: string, cause?: unknown): CorruptionError {
  return new CorruptionError('COMPRESSED_MALFORMED', `the records of a batch are no ${codec}: ${what}`, {
    hint: 'The batch was written that way, or damaged together with its checksum. Other batches can be read.',
    details: { codec },
    cause,
  })
}

/** The same bytes, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
