// The stretch of a file that appends go into: mapped memory that moves on as the file grows, and the next stretch,
// which is made ready off the main thread. Knows its file by the descriptor of each call alone.
//
//   start ≤ what is appended next ≤ end; both 0: nothing is mapped
//   allocatedEnd ≥ end: how far the file may reach beyond what was appended
//
// A step is 64 KiB for a file's first stretch and doubles up to 4 MiB: a topic with one record costs one small step, and
// a busy one is prepared for once every few milliseconds. No room is made beyond the length that a file is expected to
// get. All that is mapped in a process is bounded (WindowLimit).
import type { NativePart } from '../native/native-part.ts'

const FIRST_STEP_BYTES = 64 * 1024
const LARGEST_STEP_BYTES = 4 * 1024 * 1024
/** What the main thread makes ready itself, when the next stretch was not begun in time: 0.1 ms. */
const LARGEST_STEP_NOW_BYTES = 256 * 1024
/** The next stretch is begun when so much of this one is used. */
const PREPARE_FROM = 0.5
/** Batches from this size on are not appended here (mapped-file.ts). */
export const LARGE_BATCH_BYTES = 8 * 1024
const MAX_WINDOWS = 512
const REFUSALS_A_LOOK = 16

interface Stretch { readonly id: number; readonly start: number; readonly end: number }

export class AppendWindow {
  start = 0
  end = 0
  allocatedEnd = 0
  expectedEnd = Infinity
  /** Since the limit looked last. */
  used = false
  readonly #native: NativePart
  readonly #limit: WindowLimit
  #id = 0
  #step = FIRST_STEP_BYTES
  #prepareFrom = Infinity
  #ahead: Stretch | undefined

  constructor(native: NativePart, limit: WindowLimit) {
    this.#native = native
    this.#limit = limit
  }

  /** 0, or a negative errno where a page could not be had. [position, position + bytes) lies in the window. */
  append(batch: Buffer, bytes: number, position: number, baseOffset: number, leaderEpoch: number): number {
    this.used = true
    return this.#native.append(this.#id, position, batch, bytes, baseOffset, leaderEpoch)
  }

  /** The same for reading out of it. */
  read(target: Uint8Array, position: number): number {
    return this.#native.read(this.#id, position, target, target.length)
  }

  /** Whether so much of it is used that the next stretch is to be prepared. */
  isRunningOut(appendedEnd: number): boolean {
    return appendedEnd > this.#prepareFrom
  }

  /** Whether there is a place for it among the windows of the process. */
  get isAdmitted(): boolean { return this.#limit.admits(this) }

  covers(position: number, bytes: number): boolean {
    return position >= this.start && position + bytes <= this.end
  }

  /** Moves on to cover the range: 0, or a negative errno; then nothing is mapped, and the file may be longer than it was. */
  moveTo(fd: number, position: number, bytes: number): number {
    const ahead = this.#collect(true)
    this.#unmap()
    if (ahead !== undefined && position >= ahead.start && position + bytes <= ahead.end) {
      this.#use(ahead)
      return 0
    }
    if (ahead !== undefined) this.#native.close(ahead.id)
    const start = pageBefore(position, this.#pageBytes)
    const end = this.#endOf(position + bytes, Math.min(this.#step, LARGEST_STEP_NOW_BYTES))
    this.allocatedEnd = Math.max(this.allocatedEnd, end)
    const id = this.#native.grow(fd, start, end - start)
    if (id < 0) return id
    this.#use({ id, start, end })
    return 0
  }

  /** Overlaps this stretch by a batch, so that one that this has no room for lies in the next as a whole. */
  prepare(fd: number, appended: number): void {
    this.#prepareFrom = Infinity
    this.#step = Math.min(2 * this.#step, LARGEST_STEP_BYTES)
    const start = pageBefore(Math.max(appended, this.end - LARGE_BATCH_BYTES), this.#pageBytes)
    const end = this.#endOf(this.end, this.#step)
    if (end === this.end) return
    const id = this.#native.prepare(fd, start, end - start)
    if (id < 0) return // too many at once, no descriptor or memory: moveTo makes do with less, and is heard
    this.allocatedEnd = Math.max(this.allocatedEnd, end)
    this.#ahead = { id, start, end }
  }

  /** Nothing is mapped or prepared afterwards. The file stays as long as it is. */
  release(): void {
    this.#collect(false)
    this.#unmap()
  }

  get #pageBytes(): number { return this.#native.constants.pageBytes }

  /** A step behind what is needed, or where the file is expected to end. */
  #endOf(needed: number, step: number): number {
    const wanted = Math.min(pageBefore(needed + step, this.#pageBytes), pageAfter(this.expectedEnd, this.#pageBytes))
    return Math.max(wanted, pageAfter(needed, this.#pageBytes))
  }

  #use(stretch: Stretch): void {
    this.#id = stretch.id
    this.start = stretch.start
    this.end = stretch.end
    this.#prepareFrom = stretch.start + (stretch.end - stretch.start) * PREPARE_FROM
    this.#limit.opened(this)
  }

  /** Ends the preparation. Where it failed, moveTo meets the same failure. */
  #collect(wanted: boolean): Stretch | undefined {
    const ahead = this.#ahead
    if (ahead === undefined) return undefined
    this.#ahead = undefined
    const id = this.#native.collect(ahead.id, wanted)
    return id > 0 ? { ...ahead, id } : undefined
  }

  #unmap(): void {
    if (this.end === 0) return
    this.#native.close(this.#id)
    this.start = this.end = 0
    this.#prepareFrom = Infinity
    this.#limit.closed(this)
  }
}

/**
 * The windows of a process. Where there are too many, newcomers are turned away, and every sixteenth of them has one window
 * looked at: if it was not used since its last turn, it gives its place up. Where all are in use, taking turns would cost
 * each append a new mapping.
 */
export class WindowLimit {
  readonly #limit: number
  readonly #open = new Set<AppendWindow>()
  #refusals = 0

  constructor(limit = MAX_WINDOWS) {
    this.#limit = limit
  }

  get openCount(): number { return this.#open.size }

  /** Whether there is a place for the window. */
  admits(window: AppendWindow): boolean {
    if (this.#open.size < this.#limit || this.#open.has(window)) return true
    if (++this.#refusals % REFUSALS_A_LOOK !== 0) return false
    const [oldest] = this.#open
    if (!oldest!.used) {
      oldest!.release()
      return true
    }
    oldest!.used = false
    this.opened(oldest!)
    return false
  }

  opened(window: AppendWindow): void {
    this.#open.delete(window)
    this.#open.add(window)
  }

  closed(window: AppendWindow): void {
    this.#open.delete(window)
  }
}

function pageAfter(position: number, pageBytes: number): number {
  return Math.ceil(position / pageBytes) * pageBytes
}

function pageBefore(position: number, pageBytes: number): number {
  return position - position % pageBytes
}
