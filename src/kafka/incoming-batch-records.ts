// The records of a batch that a client has sent, uncompressed: whether each is whole, they count 0, 1, 2 …, and have the
// keys and times that the topic asks for. What is malformed throws, as the cursor does; keys and times are told for each
// record, since clients show which ones they were.
// Hot: every record that comes through the door is walked here once (the benchmark 'produce').
import { CorruptionError } from '../base/errors.ts'
import { RecordCursor, checkHeaders } from '../format/record-cursor.ts'

export interface RecordError {
  /** Of the record in its batch. */
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

export interface RecordRules {
  /** The topic is compacted. */
  readonly needsKeys: boolean
  /** Both inclusive. */
  readonly earliest: number
  readonly latest: number
}

/** What stands for the time of a record that has none. */
export const NO_TIMESTAMP = -1

/** So many records are named that a batch was refused for, at most. */
const MAX_RECORD_ERRORS = 100

export class IncomingRecords {
  /** Of those walked so far. */
  maxTimestamp = NO_TIMESTAMP
  readonly errors: RecordError[] = []
  hasWrongTime = false
  readonly #cursor: RecordCursor
  readonly #baseTimestamp: number
  readonly #rules: RecordRules
  #walked = 0

  /** `body` ends with the last of `count` records. */
  constructor(body: Buffer, count: number, baseTimestamp: number, rules: RecordRules) {
    this.#cursor = new RecordCursor(body, count)
    this.#baseTimestamp = baseTimestamp
    this.#rules = rules
  }

  /** Walks so many more; false when all were. */
  walk(count: number): boolean {
    const cursor = this.#cursor
    const baseTimestamp = this.#baseTimestamp
    const { needsKeys, earliest, latest } = this.#rules
    const end = this.#walked + count
    for (let index = this.#walked; index < end; index++) {
      if (!cursor.next()) return false
      if (cursor.offsetDelta !== index) throw outOfPlace(index, cursor.offsetDelta)
      if (cursor.headerCount > 0) checkHeaders(cursor.body, cursor.headersStart, cursor.headerCount, cursor.end)
      const timestamp = baseTimestamp + cursor.timestampDelta
      if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
      if (timestamp < earliest || timestamp > latest) this.#noteTime(index, timestamp)
      else if (needsKeys && cursor.keyBytes < 0) this.#note(index, 'the topic is compacted, and the record has no key')
    }
    this.#walked = end
    return true
  }

  #noteTime(index: number, timestamp: number): void {
    this.hasWrongTime = true
    this.#note(index, `its timestamp is ${timestamp}, expected is ${this.#rules.earliest} to ${this.#rules.latest}`)
  }

  #note(batchIndex: number, batchIndexErrorMessage: string): void {
    if (this.errors.length < MAX_RECORD_ERRORS) this.errors.push({ batchIndex, batchIndexErrorMessage })
  }
}

function outOfPlace(index: number, offsetDelta: number): CorruptionError {
  return new CorruptionError('RECORD_MALFORMED', `the offset delta of record ${index} is ${offsetDelta}`, { hint: 'A new batch counts its records 0, 1, 2 and so on.', details: { index, offsetDelta } })
}
