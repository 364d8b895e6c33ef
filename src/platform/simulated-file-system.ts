// A disk in memory: every `memory:` log lives on one, and tests let it fail. The fault model in words:
//
// - Calls are counted. crashAfter(n) makes the n-th call from now and all later ones throw SimulatedCrash; work that
//   was under way then has no effect and its promises reject. What is left is asked for at any time, crashed or not:
//   survivorOfKill() is all that the operating system had, locks gone; survivorOfPowerCut(seed) is one draw of what
//   the device may hold (power-cut.ts), under another boot id.
// - Durable is what a sync covered that resolved: the file's bytes and length as of its call, the directory's names.
// - failNext() makes single calls fail. A write may leave a prefix behind. A sync that fails is lost the way real disks
//   lose it: some units of the unsynced bytes may have reached the device, the rest never will, and yet they are
//   read back from memory and the next sync reports success.
// - capacityBytes is a full disk: a write fills what is left and then fails; removing and truncating make room.
// - corrupt() flips bits in memory and on the device.
// - With a seed, all work off the main thread ends in an order drawn from it, a job for each turn of the event loop.
//
// Not modelled: synced bytes that are lost or misplaced (use corrupt), clocks, a second process.
import { assert } from '../base/assert.ts'
import { ConflictError } from '../base/errors.ts'
import { checkFault, type Call, type Fault, type Operation } from './faults.ts'
import { join, type DirectoryLock, type File, type FileStat, type FileSystem, type Jobs } from './file-system.ts'
import { LOCK_FILE, formatHolder, formatLegacy, parseLockText, type Legacy } from './lock-file.ts'
import { cutPower } from './power-cut.ts'
import { SeededRandom } from './seeded-random.ts'
import { DiskDirectory, DiskFile, SimulatedDisk, refuse } from './simulated-disk.ts'
import { SimulatedFile } from './simulated-file.ts'
import { SimulatedMachine, type SimulationOptions } from './simulated-machine.ts'
import { cannotLink, systemError } from './system-error.ts'

export class SimulatedFileSystem implements FileSystem {
  readonly kind = 'memory'
  readonly reason = 'everything is in memory'
  readonly bootId: string
  readonly jobs: Jobs
  readonly #options: SimulationOptions
  readonly #boot: number
  readonly #disk: SimulatedDisk
  readonly #machine: SimulatedMachine
  readonly #locked = new Set<string>()

  constructor(options: SimulationOptions = {}, disk = new SimulatedDisk(options.history ?? true), boot = 1) {
    this.#options = options
    this.#boot = boot
    this.bootId = `simulated-boot-${boot}`
    this.#disk = disk
    this.#machine = new SimulatedMachine(disk, options)
    this.jobs = { run: work => this.#machine.later('job', '', work), thread: () => undefined }
  }

  // ------------------------------------------------------------ the simulation

  /** Calls so far. */
  get calls(): number { return this.#machine.faults.calls }
  get crashed(): boolean { return this.#machine.faults.crashed }
  get usedBytes(): number { return this.#disk.usedBytes }
  /** Work off the main thread that has not ended. */
  get pendingJobs(): number { return this.#machine.pendingJobs }
  get capacityBytes(): number { return this.#machine.capacityBytes }
  set capacityBytes(bytes: number) { this.#machine.capacityBytes = bytes }

  /** Begins to write down calls; the list that is returned grows. */
  trace(): readonly Call[] { return this.#machine.faults.trace() }
  crashAfter(calls: number): void { this.#machine.faults.crashAfter(calls) }
  failNext(operation: Operation, fault: Fault): void {
    checkFault(operation, fault)
    this.#machine.faults.fail(operation, fault)
  }

  /** What is under way is not acknowledged any more, it ends with the reason. */
  goDown(reason: Error): void { this.#machine.down = reason }

  survivorOfKill(): SimulatedFileSystem {
    return new SimulatedFileSystem({ ...this.#options, capacityBytes: this.capacityBytes }, this.#disk.copy(), this.#boot)
  }

  survivorOfPowerCut(seed: number): SimulatedFileSystem {
    assert(this.#disk.history, 'a power cut is simulated with history: true')
    return new SimulatedFileSystem({ ...this.#options, capacityBytes: this.capacityBytes }, cutPower(this.#disk, new SeededRandom(seed)), this.#boot + 1)
  }

  /** Flips the bits of one byte, in memory and on the device. */
  corrupt(path: string, position: number, xor: number): void {
    const { content, stored } = this.#disk.file(path, 'corrupt')
    assert(position < content.length, `${path} has no byte at ${position}`)
    for (const bytes of [content, stored]) {
      if (position < bytes.length) bytes.write(bytes.slice(position, position + 1).map(old => old ^ xor), position)
    }
  }

  // ------------------------------------------------------------ the contract

  stat(path: string): FileStat | undefined {
    this.#machine.call('stat', path)
    const node = this.#disk.find(path)
    return node === undefined ? undefined : { kind: node.kind, bytes: node.kind === 'file' ? node.content.length : 0, modifiedMs: node.modifiedMs, id: node.id, device: 0 }
  }

  realPath(path: string): string {
    return path // it has no links
  }

  list(directory: string): string[] {
    this.#machine.call('list', directory)
    return [...this.#disk.directory(directory, 'list').names.keys()].sort()
  }

  makeDirectory(path: string, { sync } = { sync: true }): void {
    this.#machine.call('makeDirectory', path)
    let made = ''
    for (const name of path.split('/').filter(part => part !== '')) {
      const parent = this.#disk.directory(made, 'makeDirectory')
      made = `${made}/${name}`
      if (parent.names.has(name)) continue
      this.#disk.create(made, Object.assign(new DiskDirectory(), { modifiedMs: this.#machine.clock.now() }), 'makeDirectory')
      if (sync) this.#disk.storeNames(parent, parent.mark())
    }
    this.#disk.directory(path, 'makeDirectory')
  }

  removeDirectory(path: string): void {
    this.#machine.call('removeDirectory', path)
    if (this.#disk.find(path) !== undefined) this.#disk.remove(path, this.#disk.directory(path, 'removeDirectory'), 'removeDirectory')
  }

  remove(path: string): void {
    this.#machine.call('remove', path)
    if (this.#disk.find(path) !== undefined) this.#disk.remove(path, this.#disk.file(path, 'remove'), 'remove')
  }

  removeLater(path: string): Promise<void> {
    return this.#machine.later('remove', path, () => {
      if (this.#disk.find(path) !== undefined) this.#disk.remove(path, this.#disk.file(path, 'remove'), 'remove')
    })
  }

  rename(from: string, to: string): void {
    this.#machine.call('rename', from)
    this.#disk.rename(from, to)
  }

  link(from: string, to: string): boolean {
    const fault = this.#machine.faults.enter('link', to)
    if (fault !== undefined && cannotLink(systemError(fault.error, 'link', to))) return false
    if (fault !== undefined) refuse(fault.error, 'link', to)
    this.#disk.create(to, this.#disk.file(from, 'link'), 'link')
    return true
  }

  open(path: string, mode: 'create' | 'write' | 'read'): File {
    this.#machine.call('open', path)
    if (mode === 'create') this.#disk.create(path, Object.assign(new DiskFile(), { modifiedMs: this.#machine.clock.now() }), 'open')
    return new SimulatedFile(this.#machine, path, this.#disk.file(path, 'open'), mode !== 'read')
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#machine.syncDirectory(this.#disk.directory(path, 'syncDirectory'), path)
  }

  syncDirectoryNow(path: string): void {
    this.#machine.syncDirectoryNow(this.#disk.directory(path, 'syncDirectoryNow'), path)
  }

  lock(directory: string): DirectoryLock {
    this.#machine.call('lock', directory)
    const path = join(directory, LOCK_FILE)
    if (this.#locked.has(path)) {
      throw new ConflictError('LOCKED', `${directory} is already open for writing by this process`, {
        hint: 'share the one that is open, or close it first', details: { path, pid: process.pid }, retriable: true,
      })
    }
    const file = this.#lockFile(path)
    const earlier = parseLockText(Buffer.from(file.content.slice(0, file.content.length)).toString())
    const store = (legacy: Legacy): void => {
      const text = Buffer.from(HOLDER + formatLegacy(legacy))
      this.#machine.write(file, path, text, 0)
      this.#disk.truncate(file, text.length)
    }
    store(earlier)
    this.#locked.add(path)
    return this.#heldLock(path, earlier, store)
  }

  #heldLock(path: string, earlier: Legacy, store: (legacy: Legacy) => void): DirectoryLock {
    let { dataBoot } = earlier
    return {
      earlierNote: earlier.note,
      earlierBootId: earlier.dataBoot,
      write: (note, { claimBoot }) => {
        if (claimBoot) dataBoot = this.bootId
        store({ dataBoot, note })
      },
      release: () => {
        this.#machine.call('release', path)
        this.#locked.delete(path)
      },
    }
  }

  #lockFile(path: string): DiskFile {
    const node = this.#disk.find(path)
    if (node !== undefined) return this.#disk.file(path, 'lock')
    const file = new DiskFile()
    this.#disk.create(path, file, 'lock')
    return file
  }
}

/** Locks end with the simulated process, so the file only hands on what the next holder must know. */
const HOLDER = formatHolder({ id: '0', pid: process.pid, start: null, boot: null, kind: 'exclusive' })
