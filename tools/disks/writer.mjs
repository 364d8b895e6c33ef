// The process that must live: writes and reads one topic at a time, and does what ../disks/rounds.mjs asks over the
// channel, one command after the other. Answers { error } with what ended the sends, or { wrong } with what it found.
//
// Whatever it throws that is no part of an answer ends it, and that is a finding too.
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CorruptionError, LimitError, MillraceError, OutOfRangeError, StorageError, open } from 'millrace'
import { Random } from '../torture/random.mjs'
import { SentRecords } from './sent-records.mjs'

/**
 * @typedef {{ name: string, code: string, message: string }} Failure
 * @typedef {{ baseOffset: number, bytes: number }} Touched  the segment that another process cut, and what it left of it
 * @typedef {{ error?: Failure | undefined, wrong?: string[], [fact: string]: unknown }} Answer
 */

const SEGMENT_BYTES = '1MiB'
/** Downwards: what has no room for a large record may have some for a small one. */
const FILL_BYTES = [60_000, 3_000, 10]
const MAX_SENDS = 20_000
const BATCH_HEADER_BYTES = 61
const READING_ERRORS = ['CorruptionError', 'StorageError', 'NotFoundError', 'LimitError', 'OutOfRangeError']

class Writer {
  #random = new Random(0)
  #sent = new SentRecords()
  /** @type {import('millrace').EventLog | undefined} */
  #log
  /** @type {import('millrace').Topic<string> | undefined} */
  #topic
  #topics = 0
  #stopping = false
  /** @type {string[]} */
  #wrong = []
  /** What was told to be gone, or uncertain, from an offset on. @type {import('./sent-records.mjs').Gap[]} */
  #ends = []
  #options = { directory: '', storage: /** @type {'mapped' | 'file'} */ ('file') }

  /** @param {{ directory: string, storage: 'mapped' | 'file' }} options @returns {Promise<Answer>} */
  async open(options) {
    this.#options = options
    const log = this.#log = await open(options.directory, { storage: options.storage })
    log.on('recovered', ({ topic, endOffset }) => { if (topic === this.#topic?.name) this.#ends.push({ from: endOffset, to: Infinity, error: 'cut when the log was opened' }) })
    log.on('error', ({ error }) => { if (!READING_ERRORS.includes(error.name)) this.#wrong.push(`told in the background: ${error.name} ${error.message}`) })
    return { storage: log.stats().storage }
  }

  /** A new, empty topic in place of the one before. @param {{ seed: number }} options @returns {Promise<Answer>} */
  async begin({ seed }) {
    this.#random = new Random(seed)
    this.#sent = new SentRecords()
    this.#ends = []
    this.#stopping = false
    const before = this.#topic
    this.#topic = await this.#opened.topic(`t${this.#topics++}`, { value: 'string', segmentBytes: SEGMENT_BYTES })
    if (before !== undefined) await this.#opened.deleteTopic(before.name)
    return { directory: join(this.#options.directory, `${this.#topic.name}-0`) }
  }

  /** @param {{ records: number, bytes: number }} options @returns {Promise<Answer>} */
  async send({ records, bytes }) {
    for (const end = this.#sent.count + records; this.#sent.count < end;) {
      const error = await this.#sendSome(1 + this.#random.below(bytes))
      if (error !== undefined) return { error: this.#judge(error) }
    }
    return {}
  }

  /** Until nothing fits any more. @returns {Promise<Answer>} */
  async fill() {
    let failure
    for (const bytes of FILL_BYTES) {
      let error
      for (let sends = 0; error === undefined && sends < MAX_SENDS; sends++) error = await this.#sendSome(bytes)
      if (error === undefined) return { wrong: [`${MAX_SENDS} sends of ${bytes} bytes and no error`] }
      failure = this.#judge(error)
      if (!(error instanceof LimitError)) break
    }
    return { error: failure }
  }

  /**
   * Sends and reads side by side; says so after some records, and goes on until stop() and some records more.
   * @param {{ before: number, after: number, bytes: number }} options @returns {Promise<Answer>}
   */
  async sendAndRead({ before, after, bytes }) {
    let error
    let done = false
    const reading = this.#readAbout(() => done)
    for (let left = after, ready = false; error === undefined && left > 0;) {
      error = await this.#sendSome(1 + this.#random.below(bytes))
      await nextTurn()
      if (!ready && (error !== undefined || this.#sent.count >= before)) {
        ready = true
        process.send?.({ ready: this.#partition.segments().at(-1)?.bytes ?? 0 })
      }
      if (this.#stopping) left--
    }
    while (!this.#stopping) await nextTurn()
    done = true
    await reading
    return error === undefined ? {} : { error: this.#judge(error) }
  }

  stop() {
    this.#stopping = true
  }

  /**
   * Reads everything and compares. While a partition has failed, nothing above its synced offset is served.
   * @param {{ touched?: Touched, failed?: boolean }} options @returns {Promise<Answer>}
   */
  async check({ touched, failed = false }) {
    const { found, gaps } = await this.#readAll()
    const excused = touched !== undefined || failed
    const wrong = this.#sent.compare(found, excused ? gaps : [], touched === undefined || failed ? 0 : this.#untouchedEnd(touched))
    if (!excused) wrong.push(...gaps.map(({ from, to, error }) => `offsets ${from} to ${to} can't be read: ${error}`))
    return { wrong: [...wrong, ...this.#wrong.splice(0)], acknowledged: this.#sent.acknowledged }
  }

  /** Once the disk is well again. @returns {Promise<Answer>} */
  async heal() {
    try {
      await this.#partition.recover()
      return {}
    } catch (error) {
      return { error: describe(error) }
    }
  }

  /** @returns {Promise<Answer>} */
  async reopen() {
    const name = this.#topic?.name ?? ''
    await this.#opened.close().catch(error => { this.#judge(error) })
    await this.open(this.#options)
    this.#topic = await this.#opened.topic(name, { value: 'string' })
    return {}
  }

  // ---------------------------------------------------------------- sending

  /** In one of the ways there are. @param {number} bytes @returns {Promise<unknown>} what it failed with */
  async #sendSome(bytes) {
    const topic = this.#used
    switch (this.#random.weighted({ one: 4, sync: 4, burst: 2, array: 2, power: 1 })) {
      case 'one': return await this.#sendOne(bytes, value => topic.send({ value }), 'refused')
      case 'sync': return await this.#sendOne(bytes, value => topic.producer().sendSync({ value }), 'refused')
      case 'power': return await this.#sendOne(bytes, value => topic.producer({ durability: 'power' }).send({ value }), 'unknown')
      case 'burst': return (await Promise.all(Array.from({ length: 1 + this.#random.below(4) }, () => this.#sendOne(bytes, value => topic.send({ value }), 'refused')))).find(error => error !== undefined)
      case 'array': return await this.#sendArray(bytes, 1 + this.#random.below(4))
    }
  }

  /**
   * @param {number} bytes @param {(value: string) => import('millrace').Sent | Promise<import('millrace').Sent>} send
   * @param {'refused' | 'unknown'} whenLimited  'power' may have been refused its sync, when the record was written
   * @returns {Promise<unknown>}
   */
  async #sendOne(bytes, send, whenLimited) {
    const { number, value } = this.#sent.next(bytes)
    try {
      const { offset } = await send(value)
      this.#sent.settle(number, 'acknowledged', offset)
      return undefined
    } catch (error) {
      this.#sent.settle(number, error instanceof LimitError ? whenLimited : 'unknown')
      return error
    }
  }

  /** @param {number} bytes @param {number} count @returns {Promise<unknown>} */
  async #sendArray(bytes, count) {
    const all = Array.from({ length: count }, () => this.#sent.next(bytes))
    try {
      const receipts = await this.#used.send(all.map(({ value }) => ({ value })))
      for (const [i, { number }] of all.entries()) this.#sent.settle(number, 'acknowledged', receipts[i]?.offset)
      return undefined
    } catch (error) {
      const stored = error instanceof MillraceError ? Number(error.details['sent'] ?? 0) : 0
      for (const [i, { number }] of all.entries()) this.#sent.settle(number, i < stored ? 'acknowledged' : error instanceof LimitError ? 'refused' : 'unknown')
      return error
    }
  }

  /** A send may end with these two and no others. @param {unknown} error */
  #judge(error) {
    if (!(error instanceof LimitError) && !(error instanceof StorageError)) this.#wrong.push(`sending ended with ${error instanceof Error ? error.stack : String(error)}`)
    this.#noteFailure(error)
    return describe(error)
  }

  // ---------------------------------------------------------------- reading

  /** Short reads from anywhere, while others write the file. @param {() => boolean} isDone */
  async #readAbout(isDone) {
    while (!isDone()) {
      const { start, end } = this.#partition.offsets()
      try {
        let left = 50
        for await (const { offset, value } of this.#used.read({ from: { offset: start + this.#random.below(end - start + 1) } })) {
          if (this.#sent.numberOf(value) === undefined) this.#wrong.push(`beside the sends: what is at offset ${offset} was not sent`)
          if (--left === 0) break
        }
      } catch (error) {
        this.#judgeReading(error)
      }
      await nextTurn()
    }
  }

  /** From the first record that was ever sent, and on behind each error. */
  async #readAll() {
    const { start, end } = this.#partition.offsets()
    const found = /** @type {import('./sent-records.mjs').FoundRecord[]} */ ([])
    const gaps = [...this.#ends]
    for (let next = 0; next < end || next < start;) {
      try {
        for await (const { offset, value } of this.#used.read({ from: { offset: next }, to: { offset: end } })) {
          found.push({ offset, value })
          next = offset + 1
        }
        break
      } catch (error) {
        this.#judgeReading(error)
        const from = next
        next = error instanceof OutOfRangeError ? start : error instanceof CorruptionError ? Math.max(from + 1, Number(error.details['nextOffset'] ?? error.details['to'])) : end
        gaps.push({ from, to: next, error: describe(error).message })
      }
    }
    return { found, gaps }
  }

  /** @param {unknown} error */
  #judgeReading(error) {
    this.#noteFailure(error)
    if (!(error instanceof MillraceError) || !READING_ERRORS.includes(error.name)) this.#wrong.push(`reading ended with ${error instanceof Error ? error.stack : String(error)}`)
  }

  /** Of a failed partition, which says from where on records are uncertain. @param {unknown} error */
  #noteFailure(error) {
    if (error instanceof StorageError) this.#ends.push({ from: Number(error.details['syncedOffset'] ?? 0), to: Infinity, error: error.message })
  }

  /** The offset behind the last batch that lies whole in what was left of the segment. @param {Touched} touched */
  #untouchedEnd({ baseOffset, bytes }) {
    if (bytes < BATCH_HEADER_BYTES) return baseOffset
    const fd = openSync(join(this.#options.directory, `${this.#used.name}-0`, `${String(baseOffset).padStart(20, '0')}.log`), 'r')
    const header = Buffer.alloc(BATCH_HEADER_BYTES)
    let end = baseOffset
    for (let at = 0; at + BATCH_HEADER_BYTES <= bytes;) {
      readSync(fd, header, 0, BATCH_HEADER_BYTES, at)
      const batchBytes = 12 + header.readInt32BE(8)
      if (batchBytes < BATCH_HEADER_BYTES || at + batchBytes > bytes) break
      end = Number(header.readBigInt64BE(0)) + header.readInt32BE(23) + 1
      at += batchBytes
    }
    closeSync(fd)
    return end
  }

  get #opened() { return defined(this.#log) }
  get #used() { return defined(this.#topic) }
  get #partition() { return defined(this.#used.partitions[0]) }
}

/** @param {unknown} error @returns {Failure} */
function describe(error) {
  return error instanceof MillraceError ? { name: error.name, code: error.code, message: error.message } : { name: 'Error', code: '', message: String(error) }
}

/** @template T @param {T | undefined} value @returns {T} */
function defined(value) {
  if (value === undefined) throw new Error('a command came too early')
  return value
}

const writer = new Writer()
process.on('disconnect', () => { process.exit(1) })
process.on('message', async (/** @type {[command: 'open' | 'begin' | 'send' | 'fill' | 'sendAndRead' | 'stop' | 'check' | 'heal' | 'reopen', options: any]} */ [command, options]) => {
  if (command === 'stop') return writer.stop()
  process.send?.({ answer: await writer[command](options) })
})
