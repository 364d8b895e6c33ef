// A log over a simulated disk whose coordinator is in the test's hands: what housekeeping asks of groups is asked here.
import { onTestFinished } from 'vitest'
import type { Coordinator } from '../../../src/groups/coordinator.ts'
import type { EventLog as Log, OpenOptions } from '../../../src/index.ts'
import { LocalLog } from '../../../src/log/local-log.ts'
import { readOpenOptions } from '../../../src/log/open-options.ts'
import { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../../src/platform/stepped-clock.ts'
import type { Coordinators } from '../../../src/surface/consumer-group.ts'
import { EventLog, coordinate } from '../../../src/surface/event-log.ts'
import { TestClock } from '../../../src/testing.ts'

export const DAY_MS = 86_400_000
export const DIRECTORY = '/log'

export class SimulatedGroups {
  readonly disk: SimulatedFileSystem
  readonly clock: TestClock
  readonly log: Log
  readonly coordinator: Coordinator
  readonly local: LocalLog
  readonly #options: OpenOptions

  private constructor(disk: SimulatedFileSystem, clock: TestClock, local: LocalLog, coordinators: Coordinators, options: OpenOptions) {
    this.disk = disk
    this.clock = clock
    this.local = local
    this.coordinator = coordinators.groups
    this.#options = options
    this.log = new EventLog(local, coordinators)
    onTestFinished(async () => { await this.log.close().catch(() => undefined) })
  }

  static async open({ seed = 1, ...options }: OpenOptions & { seed?: number } = {}): Promise<SimulatedGroups> {
    const held: { disk?: SimulatedFileSystem } = {}
    const clock = new TestClock(new SteppedClock({ busy: () => held.disk?.pendingJobs ?? 0 }))
    held.disk = new SimulatedFileSystem({ seed, clock })
    return await SimulatedGroups.on(held.disk, clock, options)
  }

  static async on(disk: SimulatedFileSystem, clock: TestClock, options: OpenOptions): Promise<SimulatedGroups> {
    const local = await LocalLog.open(disk, DIRECTORY, 'memory:', readOpenOptions({ ...options, clock }))
    return new SimulatedGroups(disk, clock, local, await coordinate(local), options)
  }

  /** Deletes what nobody has needed for so many days. */
  expire(days: number): Promise<number> {
    return this.coordinator.expireGroups(this.clock.now() - days * DAY_MS)
  }

  async days(count: number): Promise<void> {
    await this.clock.advance(`${count}d`)
  }

  ids(): string[] {
    return this.log.groups().map(({ id }) => id)
  }

  /** As kill -9, and a start of the process. */
  async crash(): Promise<SimulatedGroups> {
    return await this.#restart(this.disk.survivorOfKill())
  }

  async powerCut(seed: number): Promise<SimulatedGroups> {
    return await this.#restart(this.disk.survivorOfPowerCut(seed))
  }

  async reopen(): Promise<SimulatedGroups> {
    await this.log.close()
    return await SimulatedGroups.on(this.disk, this.clock, this.#options)
  }

  async #restart(survivor: SimulatedFileSystem): Promise<SimulatedGroups> {
    const crashed = this.local.abandon()
    this.coordinator.abandon(crashed)
    this.disk.goDown(crashed)
    return await SimulatedGroups.on(survivor, this.clock, this.#options)
  }
}
