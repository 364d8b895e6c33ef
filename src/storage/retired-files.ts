// Segments that a partition has given up: renamed `.deleted` at once, removed a while later, for whoever still reads
// them by another descriptor. Owned by the log, for all its partitions; what a crash leaves goes at the next opening.
import type { MillraceError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { join, type FileSystem } from '../platform/file-system.ts'
import { BACKGROUND_MS, Slices } from '../platform/slices.ts'
import type { DiskRoom } from './disk-room.ts'
import { segmentFile, type SegmentSuffix } from './segment-files.ts'
import type { Segment } from './segment.ts'

/** Kafka's file.delete.delay.ms. */
const DELAY_MS = 60_000
const SUFFIXES: readonly SegmentSuffix[] = ['.log', '.index', '.timeindex', '.txnindex']

interface Retired { readonly paths: readonly string[]; readonly bytes: number; readonly at: number }

export class RetiredFiles {
  readonly #fs: FileSystem
  readonly #clock: Clock
  readonly #onTrouble: (error: MillraceError) => void
  readonly #room: DiskRoom
  #files: Retired[] = []
  #timer: { cancel(): void } | undefined
  #removing: Promise<void> | undefined

  constructor(fs: FileSystem, clock: Clock, onTrouble: (error: MillraceError) => void, room: DiskRoom) {
    this.#fs = fs
    this.#clock = clock
    this.#onTrouble = onTrouble
    this.#room = room
    room.makeRoom = () => this.#removeOldest()
  }

  /** Bytes of logs that still take room. */
  get bytes(): number { return this.#files.reduce((sum, { bytes }) => sum + bytes, 0) }

  /** All of them, whatever fails; then throws what did. Ends where the partition is given up meanwhile. */
  async retireAll(segments: readonly Segment[], isGivenUp: () => boolean): Promise<void> {
    const slices = new Slices(BACKGROUND_MS)
    const failures: unknown[] = []
    for (const segment of segments) {
      if (isGivenUp()) return
      try {
        this.retire(segment)
      } catch (error) {
        failures.push(error)
      }
      if (slices.due()) await slices.pause()
    }
    if (this.#room.isShort) await this.removeAll()
    if (failures.length > 0) throw failures[0] as MillraceError
  }

  /** The log goes first: an index alone is thrown away at the next opening. */
  retire(segment: Segment): void {
    segment.removed = true
    segment.file.close()
    this.#add(segment, SUFFIXES.flatMap(suffix => this.#setAside(segment, suffix)))
  }

  /**
   * The log alone, which another is about to replace under its name: it gets a second one, or the rename would have to
   * give back on the spot what it has in memory. Where files have but one name, that is what happens.
   */
  retireLog(segment: Segment): void {
    const retired = join(segment.directory, segmentFile(segment.baseOffset, '.log', 'deleted'))
    this.#fs.remove(retired)
    if (this.#fs.link(segment.file.path, retired)) this.#add(segment, [retired])
  }

  /** Undoes retireLog. */
  takeBack(segment: Segment): void {
    const retired = join(segment.directory, segmentFile(segment.baseOffset, '.log', 'deleted'))
    const files = this.#files.filter(({ paths }) => paths[0] !== retired)
    if (files.length < this.#files.length) this.#room.add(-segment.bytes)
    this.#files = files
    this.#fs.remove(retired)
  }

  /** Its new name, if it is there. */
  #setAside(segment: Segment, suffix: SegmentSuffix): string[] {
    const path = join(segment.directory, segmentFile(segment.baseOffset, suffix))
    if (this.#fs.stat(path) === undefined) return []
    const retired = join(segment.directory, segmentFile(segment.baseOffset, suffix, 'deleted'))
    this.#fs.rename(path, retired)
    return [retired]
  }

  #add({ bytes }: Segment, paths: readonly string[]): void {
    this.#files.push({ paths, bytes, at: this.#clock.now() + DELAY_MS })
    this.#room.add(bytes)
    this.#schedule()
  }

  /** Whatever still waits: there is no more room, or the log is closed. */
  async removeAll(): Promise<void> {
    await this.#removing
    await this.#remove(Infinity)
  }

  /** The process pretends to have died. */
  abandon(): void {
    this.#timer?.cancel()
    this.#files = []
  }

  #schedule(): void {
    const first = this.#files[0]
    if (first === undefined || this.#timer !== undefined) return
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined
      this.#removing = this.#remove(this.#clock.now()).finally(() => { this.#schedule() })
    }, first.at - this.#clock.now())
  }

  async #remove(until: number): Promise<void> {
    while (this.#files.length > 0 && this.#files[0]!.at <= until) {
      const { paths, bytes } = this.#files.shift()!
      this.#room.add(-bytes)
      const results = await Promise.allSettled(paths.map(path => this.#fs.removeLater(path)))
      for (const result of results) if (result.status === 'rejected') this.#onTrouble(result.reason as MillraceError)
    }
    this.#room.restore()
    if (this.#files.length > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** On the spot: somebody waits for the room. */
  #removeOldest(): boolean {
    const oldest = this.#files.shift()
    if (oldest === undefined) return false
    this.#room.add(-oldest.bytes)
    try {
      for (const path of oldest.paths) this.#fs.remove(path)
    } catch (error) {
      this.#onTrouble(error as MillraceError)
    }
    return true
  }
}
