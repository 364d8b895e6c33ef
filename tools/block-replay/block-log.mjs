// What logging-disk.c wrote down, and the disk that a power cut leaves of it.
//
// The model: a device has everything that it was given before the last flush. Of what it was given later, any part may
// be there, in blocks of 4 KiB that are written whole or not at all, whatever the order. Not modelled: blocks torn in
// the middle, and a device that lies about its flushes.
import { closeSync, copyFileSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { Random } from '../torture/random.mjs'

/**
 * @typedef {{ kind: 'write' | 'flush' | 'zero', position: number, bytes: number, dataAt: number }} BlockEntry  dataAt: in the log
 * @typedef {{ entries: number, keeps: number, seed: number }} Cut
 *   after so many entries; keeps: the share of the blocks written after the last flush that are there, which ones by the seed
 */

const HEADER_BYTES = 24
const KINDS = /** @type {const} */ ([undefined, 'write', 'flush', 'zero'])
const BLOCK_BYTES = 4096

export class BlockLog {
  #fd
  /** @type {readonly BlockEntry[]} */
  entries

  /** @param {string} path */
  constructor(path) {
    this.#fd = openSync(path, 'r')
    this.entries = readEntries(this.#fd)
  }

  /** How long the log was when it held this many entries. @param {number} count */
  bytesAt(count) {
    const last = this.entries[count - 1]
    return last === undefined ? 0 : last.dataAt + (last.kind === 'write' ? last.bytes : 0)
  }

  /** Of so many entries, those that the last flush covers. @param {number} count */
  flushedOf(count) {
    return this.entries.slice(0, count).findLastIndex(({ kind }) => kind === 'flush') + 1
  }

  /**
   * Puts the entries [from, to) on an image; of each block, where `keeps` says so.
   * @param {number} image  a descriptor @param {number} from @param {number} to @param {() => boolean} keeps
   */
  apply(image, from, to, keeps) {
    for (const { kind, position, bytes, dataAt } of this.entries.slice(from, to)) {
      if (kind === 'flush') continue
      const data = Buffer.alloc(bytes)
      if (kind === 'write') readSync(this.#fd, data, 0, bytes, dataAt)
      for (let at = 0; at < bytes; at += BLOCK_BYTES) if (keeps()) writeSync(image, data, at, Math.min(BLOCK_BYTES, bytes - at), position + at)
    }
  }

  close() {
    closeSync(this.#fd)
  }
}

/** Images of one disk, each cut later than the one before: what is flushed is put on only once. */
export class Images {
  #log
  #durablePath
  #durable
  #applied = 0

  /** @param {BlockLog} log @param {string} base  the disk before the first entry; it is changed */
  constructor(log, base) {
    this.#log = log
    this.#durablePath = base
    this.#durable = openSync(base, 'r+')
  }

  /** The disk that the cut leaves. @param {string} path @param {Cut} cut */
  make(path, { entries, keeps, seed }) {
    const random = new Random(seed)
    const flushed = this.#log.flushedOf(entries)
    if (flushed < this.#applied) throw new Error('images are made in the order of their cuts')
    this.#log.apply(this.#durable, this.#applied, flushed, () => true)
    this.#applied = flushed
    copyFileSync(this.#durablePath, path, constants.COPYFILE_FICLONE)
    const image = openSync(path, 'r+')
    this.#log.apply(image, flushed, entries, () => random.chance(keeps))
    closeSync(image)
  }

  close() {
    closeSync(this.#durable)
  }
}

/** @param {number} fd @returns {BlockEntry[]} */
function readEntries(fd) {
  const entries = []
  const header = Buffer.alloc(HEADER_BYTES)
  const end = fstatSync(fd).size
  for (let at = 0; at + HEADER_BYTES <= end;) {
    readSync(fd, header, 0, HEADER_BYTES, at)
    const kind = KINDS[header.readUInt32LE(0)]
    if (kind === undefined) throw new Error(`the block log has no entry at ${at}`)
    const entry = { kind, position: Number(header.readBigUInt64LE(8)), bytes: Number(header.readBigUInt64LE(16)), dataAt: at + HEADER_BYTES }
    entries.push(entry)
    at = entry.dataAt + (kind === 'write' ? entry.bytes : 0)
  }
  return entries
}
