// What a victim was told, kept outside the log: one JSON array a line, appended with a plain write, so that it
// survives the kill. (A pipe would not do: it fills up, and then the victim dies of EAGAIN instead.)
// The last line may be torn by the kill; without its line break it does not count.
//
//   ['alive']                                             the script runs, the log is not open yet
//   ['found', [{ topic, partitions: [[start, end], …] }]] after opening: what the log says it holds
//   ['cut']                                               opening cut a torn tail
//   ['begin', change]  ['end', topic]                     around each creation, deletion, growth and truncation
//   ['large']                                             before some large records
//   ['ack', topic, lane, number, partition, offset]       a record's send was acknowledged; the last two are null
//                                                         where a broken victim acknowledged before it knew them
//   ['at', bytes]                                         how long the log of a recorded disk is, before each write
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/**
 * @typedef {{ kind: 'make', topic: string, incarnation: string, partitions: number }} Make
 * @typedef {{ kind: 'drop', topic: string }} Drop
 * @typedef {{ kind: 'grow', topic: string, partitions: number }} Grow
 * @typedef {{ kind: 'trim', topic: string, partition: number, offset: number }} Trim
 * @typedef {Make | Drop | Grow | Trim} Change  one at a time for each topic
 *
 * @typedef {{ topic: string, partitions: [start: number, end: number][] }} Found
 * @typedef {['ack', topic: string, lane: string, number: number, partition: number | null, offset: number | null]} Ack
 * @typedef {['alive'] | ['found', Found[]] | ['begin', Change] | ['end', topic: string] | ['large'] | ['cut'] | ['at', bytes: number] | Ack} Entry
 */

const READ_BYTES = 1024 * 1024

/** @template [E=Entry] */
export class JournalWriter {
  #fd
  #stamp

  /** @param {string} path @param {() => E} [stamp]  an entry before those of each write */
  constructor(path, stamp) {
    this.#fd = openSync(path, 'a')
    this.#stamp = stamp
  }

  /** @param {readonly E[]} entries */
  write(...entries) {
    const stamped = this.#stamp === undefined ? entries : [this.#stamp(), ...entries]
    writeSync(this.#fd, stamped.map(entry => `${JSON.stringify(entry)}\n`).join(''))
  }
}

/** Reads a journal while it grows. @template [E=Entry] */
export class JournalReader {
  #fd
  #position = 0
  /** What follows the last line break. */
  #rest = Buffer.alloc(0)
  #bytes = Buffer.alloc(READ_BYTES)

  /** @param {string} path */
  constructor(path) {
    this.#fd = openSync(path, 'r')
  }

  /** The entries that are new since the last call. @returns {E[]} */
  next() {
    const entries = /** @type {E[]} */ ([])
    for (;;) {
      const filled = readSync(this.#fd, this.#bytes, 0, READ_BYTES, this.#position)
      if (filled === 0) return entries
      this.#position += filled
      const text = Buffer.concat([this.#rest, this.#bytes.subarray(0, filled)])
      const end = text.lastIndexOf(0x0a) + 1
      this.#rest = Buffer.from(text.subarray(end))
      for (const line of text.toString('utf8', 0, end).split('\n')) if (line !== '') entries.push(JSON.parse(line))
    }
  }

  close() {
    closeSync(this.#fd)
  }
}
