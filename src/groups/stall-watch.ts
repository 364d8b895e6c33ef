// Notices when a member makes no progress on a partition that has records: told once, until it has moved on.
// While nothing waits no timer is set, and while records come and go one for each 30 s.
import type { Clock } from '../platform/clock.ts'
import type { Lane } from './lane.ts'

/** Without progress for so long while records wait. */
const STALLED_MS = 30_000

/** Where a lane stood, with records waiting or not, and since when. */
interface Seen { readonly handled: number; readonly waited: boolean; readonly since: number; told: boolean }

export class StallWatch {
  readonly #clock: Clock
  readonly #lanes: () => Iterable<Lane>
  readonly #tell: (lane: Lane, sinceMs: number) => void
  readonly #seen = new WeakMap<Lane, Seen>()
  #timer: { cancel(): void } | undefined
  #cancels: (() => void)[] = []

  constructor(clock: Clock, lanes: () => Iterable<Lane>, tell: (lane: Lane, sinceMs: number) => void) {
    this.#clock = clock
    this.#lanes = lanes
    this.#tell = tell
  }

  get isWatching(): boolean { return this.#timer !== undefined }

  /** Lanes came, or one has moved on. */
  watch(): void {
    if (this.#timer !== undefined) return
    this.#stopListening()
    this.#look()
    this.#goOn()
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#stopListening()
  }

  /** Takes note of where each lane stands, and tells of those that stand there for too long. */
  #look(): void {
    const now = this.#clock.now()
    for (const lane of this.#lanes()) {
      const seen = this.#seen.get(lane)
      const waited = waits(lane)
      if (seen === undefined || !seen.waited || !waited || seen.handled !== lane.handled) {
        this.#seen.set(lane, { handled: lane.handled, waited, since: now, told: false })
      } else if (!seen.told && now - seen.since >= STALLED_MS) {
        seen.told = true
        this.#tell(lane, now - seen.since)
      }
    }
  }

  /** Looks again later where something waits and was not told; else when a record comes. */
  #goOn(): void {
    const lanes = [...this.#lanes()]
    if (lanes.some(lane => waits(lane) && this.#seen.get(lane)?.told === false)) {
      this.#timer = this.#clock.setTimeout(() => {
        this.#timer = undefined
        this.watch()
      }, STALLED_MS)
      return
    }
    for (const lane of lanes) if (!waits(lane) && lane.state === 'active') this.#cancels.push(lane.log.onMore(() => { this.watch() }))
  }

  #stopListening(): void {
    for (const cancel of this.#cancels.splice(0)) cancel()
  }
}

function waits(lane: Lane): boolean {
  return lane.state === 'active' && !lane.paused && lane.hasUnhandled
}
