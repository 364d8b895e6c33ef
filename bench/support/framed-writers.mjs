// The hand-written rivals that answer: with a promise for each record, with a promise once the device has it, and with a
// reader that waits for the next. Frames are those of framed-file.mjs.
import { closeSync, fdatasync, openSync, readSync, writeSync } from 'node:fs'
import { frame, frameBytes, framedPath, pairAt, parse } from './framed-file.mjs'

const BUFFER_BYTES = 64 * 1024

/** @typedef {import('./framed-file.mjs').Pair} Pair */

/** Records of one tick share a write; each append resolves after it. */
export class TickWriter {
  /** @param {string} directory */
  constructor(directory) {
    this.fd = openSync(framedPath(directory), 'w')
    this.buffer = Buffer.allocUnsafe(BUFFER_BYTES)
    this.end = 0
    /** @type {(() => void)[]} */
    this.waiting = []
  }

  /** @param {Pair} record @returns {Promise<void>} */
  append(record) {
    if (this.end + frameBytes(record) > this.buffer.length) this.flush()
    if (this.waiting.length === 0) queueMicrotask(() => { this.flush() })
    this.end = frame(this.buffer, this.end, record)
    return new Promise(resolve => { this.waiting.push(resolve) })
  }

  flush() {
    writeSync(this.fd, this.buffer, 0, this.end)
    this.end = 0
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  close() {
    closeSync(this.fd)
  }
}

/** Group commit: what comes while a sync runs is written at once and shares the next one. */
export class SyncedWriter {
  /** @param {string} directory */
  constructor(directory) {
    this.fd = openSync(framedPath(directory), 'w')
    this.buffer = Buffer.allocUnsafe(BUFFER_BYTES)
    /** @type {{ record: Pair, resolve: () => void, reject: (error: Error) => void }[]} */
    this.waiting = []
    this.isSyncing = false
  }

  /** @param {Pair} record @returns {Promise<void>} */
  append(record) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ record, resolve, reject })
      if (this.waiting.length === 1 && !this.isSyncing) queueMicrotask(() => { this.commit() })
    })
  }

  commit() {
    const group = this.waiting.splice(0)
    if (group.length === 0) return
    let end = 0
    for (const { record } of group) end = frame(this.buffer, end, record)
    writeSync(this.fd, this.buffer, 0, end)
    this.isSyncing = true
    fdatasync(this.fd, error => {
      this.isSyncing = false
      for (const { resolve, reject } of group) error === null ? resolve() : reject(error)
      queueMicrotask(() => { this.commit() })
    })
  }

  close() {
    closeSync(this.fd)
  }
}

/** A write for each record, and one reader that waits for the next: it is called, and reads the file. */
export class FollowedFile {
  /** @param {string} directory */
  constructor(directory) {
    this.fd = openSync(framedPath(directory), 'w+')
    this.buffer = Buffer.allocUnsafe(BUFFER_BYTES)
    this.read = 0
    this.written = 0
    this.wake = () => {}
  }

  /** @param {Pair} record */
  append(record) {
    this.written += writeSync(this.fd, this.buffer, 0, frame(this.buffer, 0, record), this.written)
    this.wake()
  }

  /** @returns {AsyncGenerator<Pair>} never ends by itself */
  async *follow() {
    for (;;) {
      while (this.read === this.written) await new Promise(resolve => { this.wake = () => { resolve(undefined) } })
      const found = /** @type {Pair[]} */ ([])
      const bytes = readSync(this.fd, this.buffer, 0, this.buffer.length, this.read)
      this.read += parse(this.buffer, bytes, (buffer, start, end) => { found.push(pairAt(buffer, start, end)) })
      yield* found
    }
  }

  close() {
    closeSync(this.fd)
  }
}
