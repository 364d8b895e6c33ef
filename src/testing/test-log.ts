// A log in memory whose time, disk and order of background work the test decides. The code is the one that runs on
// files; only the machine below it is simulated (platform/simulated-file-system.ts tells what it can do).
import { integer, optionTable, readOptions, size, type OptionsOf } from '../base/options.ts'
import type { Size } from '../base/units.ts'
import { LocalLog } from '../log/local-log.ts'
import { OPEN_OPTIONS, type OpenOptions } from '../log/open-options.ts'
import { SeededRandom } from '../platform/seeded-random.ts'
import { SimulatedFileSystem } from '../platform/simulated-file-system.ts'
import { SteppedClock } from '../platform/stepped-clock.ts'
import type { Coordinators } from '../surface/consumer-group.ts'
import { EventLog, MEMORY_DIRECTORY, coordinate } from '../surface/event-log.ts'
import { TestClock } from './test-clock.ts'
import type { TestDisk } from './test-disk.ts'

export interface TestLogOptions extends Omit<OpenOptions, 'clock' | 'readOnly' | 'storage' | 'create'> {
  /** Decides the order in which background work ends, and what a power cut takes. The same seed repeats a run. */
  seed?: number
  /** Milliseconds since 1970 at which the clock starts; the default is the same in every run. */
  startTime?: number
  /** How large the disk is; without it there is always room. */
  diskBytes?: Size
}

const LARGEST_SEED = 2 ** 32 - 1

const { clock, readOnly, storage, create, ...SHARED_OPTIONS } = OPEN_OPTIONS

const TEST_OPTIONS = optionTable({
  ...SHARED_OPTIONS,
  seed: { default: 1, read: integer({ min: 0, max: LARGEST_SEED }) },
  startTime: { default: undefined, read: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) },
  diskBytes: { default: Infinity, read: size({ min: 0 }) },
})

const POWER_CUT_OPTIONS = optionTable({ seed: { default: undefined, read: integer({ min: 0, max: LARGEST_SEED }) } })

export async function testLog(options?: TestLogOptions): Promise<TestLog> {
  const settings = readOptions(options, TEST_OPTIONS, 'testLog')
  let disk: SimulatedFileSystem | undefined
  const stepped = new SteppedClock({ busy: () => disk?.pendingJobs ?? 0, ...(settings.startTime === undefined ? {} : { startMs: settings.startTime }) })
  const random = new SeededRandom(settings.seed)
  const machine: Machine = { clock: new TestClock(stepped), settings, use: next => { disk = next }, random: () => random.fraction() }
  return await TestLog.start(machine, new SimulatedFileSystem({ seed: settings.seed, capacityBytes: settings.diskBytes, clock: machine.clock }))
}

interface Machine {
  readonly clock: TestClock
  readonly settings: OptionsOf<typeof TEST_OPTIONS>
  readonly use: (disk: SimulatedFileSystem) => void
  /** For what is left to chance: the jitter of retries. */
  readonly random: () => number
}

export class TestLog extends EventLog {
  readonly #machine: Machine
  readonly #log: LocalLog
  readonly #coordinators: Coordinators
  readonly #disk: SimulatedFileSystem
  #cuts = 0

  private constructor(machine: Machine, log: LocalLog, coordinators: Coordinators, disk: SimulatedFileSystem) {
    super(log, coordinators)
    this.#coordinators = coordinators
    this.#machine = machine
    this.#log = log
    this.#disk = disk
  }

  /** @internal */
  static async start(machine: Machine, disk: SimulatedFileSystem): Promise<TestLog> {
    machine.use(disk)
    const settings = { ...machine.settings, clock: machine.clock, readOnly: false, storage: 'auto', create: true } as const
    const log = await LocalLog.open(disk, MEMORY_DIRECTORY, 'memory:', settings)
    return new TestLog(machine, log, await coordinate(log, machine.random), disk)
  }

  get clock(): TestClock { return this.#machine.clock }

  get disk(): TestDisk { return this.#disk }

  /** As kill -9 and a start of the process: this log is dead, the one that is returned has all that the operating system had. */
  async crash(): Promise<TestLog> {
    return await this.#restart(this.#disk.survivorOfKill())
  }

  /** As a power cut and a start of the machine: what was not synced may be gone, whole, in part or out of order. */
  async powerCut(options: { seed?: number } = {}): Promise<TestLog> {
    const { seed } = readOptions(options, POWER_CUT_OPTIONS, 'powerCut')
    return await this.#restart(this.#disk.survivorOfPowerCut(seed ?? this.#machine.settings.seed + this.#cuts++))
  }

  async #restart(survivor: SimulatedFileSystem): Promise<TestLog> {
    void this.endDoors()
    const crashed = this.#log.abandon()
    this.#coordinators.groups.abandon(crashed)
    this.#coordinators.transactions.abandon(crashed)
    this.#disk.goDown(crashed)
    const next = await TestLog.start(this.#machine, survivor)
    next.#cuts = this.#cuts
    return next
  }
}
