// A File of the simulated disk. It remembers the node behind its name for as long as no name on the disk changes.
import { assert } from '../base/assert.ts'
import { LimitError } from '../base/errors.ts'
import { LOG_OVERHEAD } from '../native/batch-layout.ts'
import { stampBatch } from '../native/stamp.ts'
import type { BatchesRead, File } from './file-system.ts'
import { refuse, type DiskFile } from './simulated-disk.ts'
import type { SimulatedMachine } from './simulated-machine.ts'

export class SimulatedFile implements File {
  readonly path: string
  readonly #machine: SimulatedMachine
  readonly #writable: boolean
  #node: DiskFile
  #namesVersion: number
  #roomEnd = 0

  constructor(machine: SimulatedMachine, path: string, node: DiskFile, writable: boolean) {
    this.path = path
    this.#machine = machine
    this.#writable = writable
    this.#node = node
    this.#namesVersion = machine.disk.namesVersion
  }

  bytes(): number {
    this.#machine.call('bytes', this.path)
    return this.#file('stat').content.length
  }

  read(target: Uint8Array, position: number): number {
    this.#machine.call('read', this.path)
    return this.#file('read').content.read(target, position)
  }

  readLater(target: Uint8Array, position: number): Promise<number> {
    return this.#machine.later('readLater', this.path, () => this.#file('read').content.read(target, position))
  }

  async readBatches(target: Uint8Array, position: number): Promise<BatchesRead> {
    return { filled: await this.readLater(target, position), checked: 0 }
  }

  /** All of it is in memory; but then nothing would end in a seeded order. */
  readCached(): number {
    return 0
  }

  write(source: Uint8Array, position: number): void {
    const file = this.#file('write')
    if (!this.#writable) refuse('EBADF', 'write', this.path)
    assert(position <= file.content.length, `a write to ${this.path} at ${position} leaves a hole after ${file.content.length} bytes`)
    this.#machine.write(file, this.path, source, position)
  }

  append(batch: Buffer, bytes: number, position: number, baseOffset: number, leaderEpoch: number): void {
    stampBatch(batch, bytes, baseOffset, leaderEpoch)
    if (this.#machine.roomBytes === 0 || !this.#makeRoom(position, position + bytes)) {
      this.write(batch.subarray(0, bytes), position)
      return
    }
    this.write(batch.subarray(LOG_OVERHEAD, bytes), position + LOG_OVERHEAD)
    this.write(batch.subarray(0, LOG_OVERHEAD), position)
  }

  expectBytes(_bytes: number): void {}

  trim(bytes: number): boolean {
    if (this.#roomEnd <= bytes) return false
    this.truncate(bytes)
    return true
  }

  /** False where there is none to be had: what was taken of it is given back. */
  #makeRoom(position: number, end: number): boolean {
    const { roomBytes } = this.#machine
    const from = this.#file('write').content.length
    if (end <= from) return true
    this.#roomEnd = Math.ceil(end / roomBytes) * roomBytes
    try {
      this.write(new Uint8Array(this.#roomEnd - from), from)
      return true
    } catch (error) {
      if (!(error instanceof LimitError)) throw error
      this.truncate(position)
      return false
    }
  }

  truncate(bytes: number): void {
    const file = this.#file('truncate')
    if (!this.#writable) refuse('EINVAL', 'truncate', this.path)
    this.#machine.truncate(file, this.path, bytes)
    this.#roomEnd = 0
  }

  async sync(): Promise<void> {
    await this.#machine.syncFile(this.#file('sync'), this.path)
  }

  syncNow(): void {
    this.#machine.syncFileNow(this.#file('sync'), this.path)
  }

  /** Of a process that has crashed the operating system closes everything: that is no call. */
  close(): void {
    if (!this.#machine.faults.crashed) this.#machine.call('close', this.path)
  }

  #file(operation: string): DiskFile {
    const { disk } = this.#machine
    if (this.#namesVersion !== disk.namesVersion) {
      this.#node = disk.file(this.path, operation)
      this.#namesVersion = disk.namesVersion
    }
    return this.#node
  }
}
