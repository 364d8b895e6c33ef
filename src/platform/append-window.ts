// The stretch of a file that appends go into: mapped memory that moves on as the file grows, and the next stretch,
// which is made ready off the main thread. Knows its file by the descriptor of each call alone.
//
//   start ≤ what is appended next ≤ end; both 0: nothing is mapped
//   allocatedEnd ≥ end: how far the file may reach beyond what was appended
//
// A step is 64 KiB for a file's first stretch and doubles up to 4 MiB: a topic with one record costs one small step, and
// a busy one is prepared for once every few milliseconds. All that is mapped in a process is bounded (WindowLimit).
import type { NativePart } from '../native/native-part.ts'

const FIRST_STEP_BYTES = 64 * 1024
const LARGEST_STEP_BYTES = 4 * 1024 * 1024
/** What the main thread makes ready itself, when the next stretch was not begun in time: 0.1 ms. */
const LARGEST_STEP_NOW_BYTES = 256 * 1024
/** The next stretch is begun when so much of this one is used. */
const PREPARE_FROM = 0.5
const MAX_WINDOWS = 512

interface Stretch { readonly id: number; readonly start: number; readonly end: number }

export class AppendWindow {
  start = 0
  end = 0
  allocatedEnd = 0
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
  append(fd: () => number, batch: Buffer, bytes: number, position: number, baseOffset: number, leaderEpoch: number): number {
    const failure = this.#native.append(this.#id, position, batch, bytes, baseOffset, leaderEpoch)
    if (failure === 0 && position + bytes > this.#prepareFrom) this.#prepare(fd(), position + bytes)
    return failure
  }

  /** The same for reading out of it. */
  read(target: Uint8Array, position: number): number {
    return this.#native.read(this.#id, position, target, target.length)
  }

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
    const end = pageBefore(position + bytes + Math.min(this.#step, LARGEST_STEP_NOW_BYTES), this.#pageBytes)
    this.allocatedEnd = Math.max(this.allocatedEnd, end)
    const id = this.#native.grow(fd, start, end - start)
    if (id < 0) return id
    this.#use({ id, start, end })
    return 0
  }

  /** Nothing is mapped or prepared afterwards. The file stays as long as it is. */
  release(): void {
    this.#collect(false)
    this.#unmap()
  }

  get #pageBytes(): number { return this.#native.constants.pageBytes }

  #use(stretch: Stretch): void {
    this.#id = stretch.id
    this.start = stretch.start
    this.end = stretch.end
    this.#prepareFrom = stretch.start + (stretch.end - stretch.start) * PREPARE_FROM
    this.#limit.opened(this)
  }

  /** Begins where the last append ended, so that a batch that this stretch has no room for lies in the next as a whole. */
  #prepare(fd: number, appended: number): void {
    this.#prepareFrom = Infinity
    this.#step = Math.min(2 * this.#step, LARGEST_STEP_BYTES)
    const start = pageBefore(appended, this.#pageBytes)
    const end = this.end + this.#step
    const id = this.#native.prepare(fd, start, end - start)
    if (id < 0) return // too many at once, no descriptor or memory: moveTo makes do with less, and is heard
    this.allocatedEnd = Math.max(this.allocatedEnd, end)
    this.#ahead = { id, start, end }
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

/** The windows of a process: where there are too many, the one that moved on the longest ago is given up. */
export class WindowLimit {
  readonly #limit: number
  readonly #open = new Set<AppendWindow>()

  constructor(limit = MAX_WINDOWS) {
    this.#limit = limit
  }

  get openCount(): number { return this.#open.size }

  opened(window: AppendWindow): void {
    this.#open.delete(window)
    this.#open.add(window)
    if (this.#open.size <= this.#limit) return
    const [oldest] = this.#open
    oldest!.release()
  }

  closed(window: AppendWindow): void {
    this.#open.delete(window)
  }
}

function pageBefore(position: number, pageBytes: number): number {
  return position - position % pageBytes
}
