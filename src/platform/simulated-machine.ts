// What the simulated file system and its files share: the disk, the faults that calls suffer, and how work that is
// off the main thread comes to its end.
import { systemClock, type Clock } from './clock.ts'
import { Faults, SimulatedCrash, type Fault, type Operation } from './faults.ts'
import { SeededJobs, directJobs } from './jobs.ts'
import { mixChanges } from './power-cut.ts'
import { SeededRandom } from './seeded-random.ts'
import { refuse, type DiskDirectory, type DiskFile, type SimulatedDisk } from './simulated-disk.ts'
import { syncFailure, systemError } from './system-error.ts'

export interface SimulationOptions {
  /** The order of work off the main thread; without one it is done at once. */
  readonly seed?: number
  /** Whether to remember what a power cut would lose; without it only the content is kept. */
  readonly history?: boolean
  readonly capacityBytes?: number
  /** As mapped files do: appends make room ahead in steps of so many bytes, and write a batch's first 12 bytes last. 0: plain writes. */
  readonly roomBytes?: number
  readonly clock?: Clock
}

export class SimulatedMachine {
  readonly disk: SimulatedDisk
  readonly faults: Faults
  readonly clock: Clock
  readonly roomBytes: number
  capacityBytes: number
  /** Why the machine is down: a sync that was under way then tells nobody that it succeeded. */
  down: Error | undefined
  readonly #random: SeededRandom
  readonly #seeded: SeededJobs | undefined

  constructor(disk: SimulatedDisk, { seed, roomBytes = 0, capacityBytes = Infinity, clock = systemClock }: SimulationOptions) {
    this.disk = disk
    this.roomBytes = roomBytes
    this.clock = clock
    this.capacityBytes = capacityBytes
    this.#random = new SeededRandom(seed ?? 0)
    this.#seeded = seed === undefined ? undefined : new SeededJobs(this.#random)
    this.faults = new Faults(() => this.#seeded?.abandon(new SimulatedCrash()))
  }

  get pendingJobs(): number { return this.#seeded?.pending ?? 0 }

  /** Counts a call, and throws what is planned for it. */
  call(operation: Operation, path: string): void {
    const fault = this.faults.enter(operation, path)
    if (fault !== undefined) refuse(fault.error, operation, path)
  }

  async later<T>(operation: Operation, path: string, work: () => T | Promise<T>): Promise<T> {
    this.call(operation, path)
    return (this.#seeded ?? directJobs).run(work)
  }

  /** A file system that is full takes what still fits; a planned fault takes what it says. */
  write(file: DiskFile, path: string, source: Uint8Array, position: number): void {
    const fault = this.faults.enter('write', path)
    const growth = Math.max(0, position + source.length - file.content.length)
    const lacking = growth === 0 ? 0 : this.disk.usedBytes + growth - this.capacityBytes
    file.modifiedMs = this.clock.now()
    if (fault === undefined && lacking <= 0) {
      this.disk.write(file, source, position)
      return
    }
    const written = fault === undefined ? source.length - Math.min(lacking, growth) : fault.writtenBytes ?? 0
    if (written > 0) this.disk.write(file, source.subarray(0, written), position)
    refuse(fault?.error ?? 'ENOSPC', 'write', path)
  }

  truncate(file: DiskFile, path: string, bytes: number): void {
    this.call('truncate', path)
    if (this.disk.usedBytes + bytes - file.content.length > this.capacityBytes) refuse('ENOSPC', 'truncate', path)
    file.modifiedMs = this.clock.now()
    this.disk.truncate(file, bytes)
  }

  syncFile(file: DiskFile, path: string): Promise<void> {
    const mark = file.mark()
    return this.#syncLater('sync', path, () => { file.store(mark) }, () => { this.#lose(file, mark.end) })
  }

  syncFileNow(file: DiskFile, path: string): void {
    const mark = file.mark()
    this.#sync('syncNow', path, this.faults.enter('syncNow', path), () => { file.store(mark) }, () => { this.#lose(file, mark.end) })
  }

  syncDirectory(directory: DiskDirectory, path: string): Promise<void> {
    const mark = directory.mark()
    return this.#syncLater('syncDirectory', path, () => { this.disk.storeNames(directory, mark) }, () => undefined)
  }

  syncDirectoryNow(directory: DiskDirectory, path: string): void {
    const mark = directory.mark()
    this.#sync('syncDirectoryNow', path, this.faults.enter('syncDirectoryNow', path), () => { this.disk.storeNames(directory, mark) }, () => undefined)
  }

  async #syncLater(operation: Operation, path: string, store: () => void, lose: () => void): Promise<void> {
    const fault = this.faults.enter(operation, path)
    await (this.#seeded ?? directJobs).run(() => { this.#sync(operation, path, fault, store, lose) })
  }

  #sync(operation: Operation, path: string, fault: Fault | undefined, store: () => void, lose: () => void): void {
    if (this.down !== undefined) throw this.down
    if (fault === undefined) {
      store()
      return
    }
    // For want of a descriptor the sync is not even tried.
    if (fault.error === 'EMFILE' || fault.error === 'ENFILE') refuse(fault.error, operation, path)
    lose()
    throw syncFailure(systemError(fault.error, operation, path), operation, path)
  }

  /** The pages count as clean from now on, whatever the device made of them. */
  #lose(file: DiskFile, end: number): void {
    mixChanges(file.stored, file.settle(end), this.#random)
  }
}
