// A real file by its name: what a File promises, through descriptors that are opened when they are needed
// (descriptor-cache.ts). mapped-file.ts builds on it.
import { fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, read, readSync, writeSync } from 'node:fs'
import { nativePart } from '../native/load.ts'
import { stampBatch } from '../native/stamp.ts'
import type { DescriptorCache, FileSlot } from './descriptor-cache.ts'
import type { BatchesRead, File } from './file-system.ts'
import { syncFile } from './sync.ts'
import { fileCut, fileDeleted, nativeError, syncFailure, systemFailure } from './system-error.ts'

const syncDataNow = process.platform === 'darwin' ? fsyncSync : fdatasyncSync

export class NodeFile implements File {
  readonly path: string
  protected readonly descriptors: DescriptorCache
  protected readonly slot: FileSlot
  /** Where this process's appends end: a file that is shorter was cut by somebody else. */
  protected appendedEnd = 0

  constructor(descriptors: DescriptorCache, slot: FileSlot) {
    this.path = slot.path
    this.descriptors = descriptors
    this.slot = slot
  }

  bytes(): number {
    const fd = this.descriptors.use(this.slot)
    try {
      return fstatSync(fd).size
    } catch (error) {
      throw systemFailure(error, 'stat', this.path)
    }
  }

  read(target: Uint8Array, position: number): number {
    const fd = this.descriptors.use(this.slot)
    let filled = 0
    try {
      while (filled < target.length) {
        const count = readSync(fd, target, filled, target.length - filled, position + filled)
        if (count === 0) break
        filled += count
      }
    } catch (error) {
      throw systemFailure(error, 'read', this.path)
    }
    return filled
  }

  async readLater(target: Uint8Array, position: number): Promise<number> {
    return this.descriptors.borrow(this.slot, async fd => {
      let filled = 0
      try {
        while (filled < target.length) {
          const count = await readOnce(fd, target, filled, position + filled)
          if (count === 0) break
          filled += count
        }
      } catch (error) {
        throw systemFailure(error, 'readLater', this.path)
      }
      return filled
    })
  }

  async readBatches(target: Uint8Array, position: number): Promise<BatchesRead> {
    if (nativePart === undefined) return { filled: await this.readLater(target, position), checked: 0 }
    const native = nativePart
    return this.descriptors.borrow(this.slot, async fd => {
      const read = await native.readBatches(fd, target, position)
      if (read.filled < 0) throw systemFailure(nativeError(read.filled, 'read', this.path), 'readBatches', this.path)
      return read
    })
  }

  readCached(target: Uint8Array, position: number): number {
    if (nativePart === undefined || this.slot.descriptor === undefined) return 0
    return nativePart.readCached(this.descriptors.use(this.slot), target, position)
  }

  write(source: Uint8Array, position: number): void {
    this.#writeAll(source, source.length, position)
  }

  append(batch: Buffer, bytes: number, position: number, baseOffset: number, leaderEpoch: number): void {
    stampBatch(batch, bytes, baseOffset, leaderEpoch)
    this.#writeAll(batch, bytes, position)
    this.appendedEnd = position + bytes
  }

  expectBytes(_bytes: number): void {}

  trim(_bytes: number): boolean {
    return false
  }

  truncate(bytes: number): void {
    const fd = this.descriptors.use(this.slot)
    this.slot.unsynced = true
    try {
      ftruncateSync(fd, bytes)
      this.appendedEnd = Math.min(this.appendedEnd, bytes)
    } catch (error) {
      throw systemFailure(error, 'truncate', this.path)
    }
  }

  async sync(): Promise<void> {
    return this.descriptors.borrow(this.slot, async fd => {
      this.slot.unsynced = false
      try {
        await syncFile(fd, this.path)
      } catch (error) {
        this.slot.unsynced = true
        throw syncFailure(error, 'sync', this.path)
      }
      this.checkWhole(fd, 'sync')
    })
  }

  syncNow(): void {
    const fd = this.descriptors.use(this.slot)
    try {
      syncDataNow(fd)
      this.slot.unsynced = false
    } catch (error) {
      throw syncFailure(error, 'syncNow', this.path)
    }
    this.checkWhole(fd, 'syncNow')
  }

  close(): void {
    this.descriptors.close(this.slot)
  }

  #writeAll(source: Uint8Array, bytes: number, position: number): void {
    const fd = this.descriptors.use(this.slot)
    this.slot.unsynced = true
    let written = 0
    try {
      while (written < bytes) written += writeSync(fd, source, written, bytes - written, position + written)
    } catch (error) {
      throw systemFailure(error, 'write', this.path)
    }
  }

  /** Whether somebody else has deleted the file, or cut it: what is on the device then, nobody finds again. */
  protected checkWhole(fd: number, operation: string): void {
    const { nlink, size } = fstatSync(fd)
    if (nlink === 0) throw fileDeleted(operation, this.path)
    if (size < this.appendedEnd) throw fileCut(operation, this.path, this.appendedEnd, size)
  }
}

function readOnce(fd: number, target: Uint8Array, filled: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, filled, target.length - filled, position, (error, count) => { if (error === null) resolve(count); else reject(error) })
  })
}
