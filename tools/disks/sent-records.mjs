// What was sent to one partition and what came of it, and the comparison with what can be read. A value tells its
// number and is as long as it was drawn, so each is told apart and a torn one shows.
//
//   acknowledged   must be there once, in the order of the sends; or an error has told that its offset can't be read
//   refused        by a LimitError: must not be there
//   of unknown outcome, whatever else a send ended with: may be there
//
// `sure` is an offset below which nobody has touched the files: no error excuses a record that is missing there.

/**
 * @typedef {{ bytes: number, state: 'under way' | 'acknowledged' | 'refused' | 'unknown', offset?: number | undefined }} SentRecord
 * @typedef {{ offset: number, value: unknown }} FoundRecord
 * @typedef {{ from: number, to: number, error: string }} Gap  offsets that an error has told can't be read
 */

const MAX_TOLD = 5

export class SentRecords {
  /** By number. @type {SentRecord[]} */
  #records = []

  get count() { return this.#records.length }
  get acknowledged() { return this.#records.filter(({ state }) => state === 'acknowledged').length }

  /** @param {number} bytes */
  next(bytes) {
    const number = this.#records.push({ bytes, state: 'under way' }) - 1
    return { number, value: valueOf(number, bytes) }
  }

  /** @param {number} number @param {SentRecord['state']} state @param {number} [offset] */
  settle(number, state, offset) {
    const record = this.#records[number]
    if (record === undefined) throw new Error(`record ${number} was not sent`)
    record.state = state
    record.offset = offset
  }

  /** The number of a value that was sent, if it is whole. @param {unknown} value */
  numberOf(value) {
    const number = typeof value === 'string' ? Number.parseInt(value, 10) : -1
    const record = this.#records[number]
    return record !== undefined && value === valueOf(number, record.bytes) ? number : undefined
  }

  /** @param {readonly FoundRecord[]} found @param {readonly Gap[]} gaps @param {number} sure @returns {string[]} what is wrong */
  compare(found, gaps, sure) {
    const wrong = /** @type {string[]} */ ([])
    const offsets = this.#offsetsOf(found, wrong)
    let before = -1
    for (const [number, { state, offset: told }] of this.#records.entries()) {
      const offset = offsets.get(number)
      const name = `record ${number}${told === undefined ? '' : ` (offset ${told})`}`
      if (offset === undefined) {
        const isTold = gaps.some(({ from, to }) => told === undefined || told >= from && told < to)
        const excused = isTold && (told ?? Infinity) >= sure
        if (state === 'acknowledged' && !excused) wrong.push(`${name} was acknowledged and is not there${isTold ? `, though its bytes were left alone: ${gaps.map(({ error }) => error).join('; ')}` : ', and no error tells it'}`)
        continue
      }
      if (state === 'refused') wrong.push(`${name} was refused for want of room and is at offset ${offset}`)
      if (told !== undefined && told !== offset) wrong.push(`${name} is at offset ${offset}`)
      if (offset < before) wrong.push(`${name} is at offset ${offset}, before an earlier one`)
      before = offset
    }
    return wrong.length <= MAX_TOLD ? wrong : [...wrong.slice(0, MAX_TOLD), `… ${wrong.length - MAX_TOLD} more`]
  }

  /** @param {readonly FoundRecord[]} found @param {string[]} wrong */
  #offsetsOf(found, wrong) {
    const offsets = /** @type {Map<number, number>} */ (new Map())
    for (const { offset, value } of found) {
      const number = this.numberOf(value)
      if (number === undefined) wrong.push(`what is at offset ${offset} was not sent`)
      else if (offsets.has(number)) wrong.push(`record ${number} is at offset ${offsets.get(number)} and at ${offset}`)
      else offsets.set(number, offset)
    }
    return offsets
  }
}

/** @param {number} number @param {number} bytes */
function valueOf(number, bytes) {
  return `${number} `.repeat(1 + bytes / 2).slice(0, Math.max(bytes, String(number).length + 1))
}
