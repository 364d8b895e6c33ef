// Walks the records of one batch, uncompressed. Nothing is copied or made per record: next() sets the fields to where
// key, value and headers stand in `body`, and the caller takes what it needs.
//
//   record   varint length of what follows · int8 attributes (unused) · varlong timestamp delta · varint offset delta
//            varint key length (-1: null) · key · varint value length (-1: null) · value · varint header count · headers
//   header   varint name length · name in UTF-8 · varint value length (-1: null) · value
//
// Every length is checked against the bytes that remain before it is believed, and offsets must rise; what does not
// hold is a CorruptionError 'RECORD_MALFORMED'. Headers are only counted here: readHeaders parses and checks them.
// Hot: the benchmark 'scan' walks it.
import { CorruptionError } from '../base/errors.ts'
import { VarintReader } from './varint.ts'

/** Two lengths of one byte each. */
const MIN_HEADER_BYTES = 2

export class RecordCursor {
  offsetDelta = -1
  timestampDelta = 0
  keyStart = 0
  /** -1: null. */
  keyBytes = -1
  valueStart = 0
  /** -1: null. */
  valueBytes = -1
  headersStart = 0
  headerCount = 0
  /** Where the record ends and the next begins. */
  end = 0

  readonly body: Buffer
  readonly count: number
  readonly #reader: VarintReader
  #read = 0

  /** `count` is the batch's record count; body must end with the last of them. */
  constructor(body: Buffer, count: number) {
    this.body = body
    this.count = count
    this.#reader = new VarintReader(body, 0, body.length)
  }

  /** Moves to the next record; false when there is none. */
  next(): boolean {
    const reader = this.#reader
    if (this.#read === this.count) return this.#finish()
    reader.at = this.end
    reader.end = this.body.length
    const bytes = reader.varint()
    const end = reader.at + bytes
    if (bytes < 1 || end > this.body.length) throw malformed(this.end, `its length is ${bytes}, ${this.body.length - reader.at} bytes remain`)
    reader.at++
    reader.end = end
    this.timestampDelta = reader.varlong()
    const offsetDelta = reader.varint()
    if (offsetDelta <= this.offsetDelta) throw malformed(this.end, `its offset delta is ${offsetDelta} after ${this.offsetDelta}`)
    this.offsetDelta = offsetDelta
    this.keyBytes = lengthWithin(reader, 'key')
    this.keyStart = reader.at
    if (this.keyBytes > 0) reader.at += this.keyBytes
    this.valueBytes = lengthWithin(reader, 'value')
    this.valueStart = reader.at
    if (this.valueBytes > 0) reader.at += this.valueBytes
    const headers = reader.varint()
    const left = end - reader.at
    if (headers < 0 || headers * MIN_HEADER_BYTES > left || (headers === 0 && left !== 0)) throw malformed(this.end, `it counts ${headers} headers in its last ${left} bytes`)
    this.headerCount = headers
    this.headersStart = reader.at
    this.end = end
    this.#read++
    return true
  }

  #finish(): false {
    if (this.end !== this.body.length) throw malformed(this.end, `${this.body.length - this.end} bytes follow the last of ${this.count} records`)
    return false
  }
}

/** The headers of a record that a cursor stands on; values are views of body. Repeated names stay, in order. */
export function readHeaders(body: Buffer, start: number, count: number, end: number): [string, Buffer | null][] {
  const headers: [string, Buffer | null][] = []
  walkHeaders(body, start, count, end, (nameStart, nameBytes, valueStart, valueBytes) => {
    headers.push([body.toString('utf8', nameStart, nameStart + nameBytes), valueBytes < 0 ? null : body.subarray(valueStart, valueStart + valueBytes)])
  })
  return headers
}

/** Throws where readHeaders would, and makes nothing. */
export function checkHeaders(body: Buffer, start: number, count: number, end: number): void {
  walkHeaders(body, start, count, end, passOver)
}

const passOver = (): void => {}

function walkHeaders(body: Buffer, start: number, count: number, end: number, take: (nameStart: number, nameBytes: number, valueStart: number, valueBytes: number) => void): void {
  const reader = new VarintReader(body, start, end)
  for (let i = 0; i < count; i++) {
    const nameBytes = lengthWithin(reader, 'header name')
    if (nameBytes < 0) throw malformed(start, `the name of header ${i} is null`)
    const nameStart = reader.at
    reader.at += nameBytes
    const valueBytes = lengthWithin(reader, 'header value')
    take(nameStart, nameBytes, reader.at, valueBytes)
    if (valueBytes > 0) reader.at += valueBytes
  }
  if (reader.at !== end) throw malformed(start, `${end - reader.at} bytes follow its last header`)
}

/** The length of what comes next, -1 for null; the bytes are there. */
function lengthWithin(reader: VarintReader, what: string): number {
  const bytes = reader.varint()
  if (bytes < -1 || bytes > reader.end - reader.at) throw malformed(reader.at, `the length of its ${what} is ${bytes}, ${reader.end - reader.at} bytes remain`)
  return bytes
}

function malformed(at: number, what: string): CorruptionError {
  return new CorruptionError('RECORD_MALFORMED', `the record at byte ${at} of a batch's records is malformed: ${what}`, {
    hint: 'The batch was written that way, or damaged together with its checksum. Records of other batches can be read.',
    details: { at },
  })
}
