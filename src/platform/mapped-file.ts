// A real file whose small appends are copied into mapped memory, which costs a tenth of a system call; all else is as in
// node-file.ts. A page that can't be had makes the append a plain write, which succeeds or has the errno to tell.
//
// A large batch is written plainly, unless it lies in what is mapped: new pages cost more than the one system call (the
// benchmark 'send'). Where large and small ones alternate, all are: a window pays only for small ones in a row. So are
// those of a file that is synced every few appends: each sync write-protects the pages, and the fault that the next
// store takes costs more than a write (the benchmark 'power').
//
// Unmapped before it is closed, cut or renamed; a file that nobody holds any more is unmapped when it is collected.
import { GUARD_OURS, type NativePart } from '../native/native-part.ts'
import { AppendWindow, LARGE_BATCH_BYTES, type WindowLimit } from './append-window.ts'
import type { DescriptorCache, FileSlot } from './descriptor-cache.ts'
import { NodeFile } from './node-file.ts'

/** A file that ends sooner is not worth making room for: that and giving it back cost more than plain writes. */
const SMALLEST_BYTES = 1024 * 1024

/** Files with fewer appends from one sync to the next are synced often. */
const APPENDS_A_SYNC = 16

const forgotten = new FinalizationRegistry<AppendWindow>(window => { window.release() })

export class MappedFile extends NodeFile {
  readonly #native: NativePart
  readonly #window: AppendWindow
  #isAfterLarge = false
  #appendsSinceSync = 0
  #appendsBeforeSync = Infinity

  constructor(descriptors: DescriptorCache, slot: FileSlot, native: NativePart, limit: WindowLimit) {
    super(descriptors, slot)
    this.#native = native
    this.#window = new AppendWindow(native, limit)
    forgotten.register(this, this.#window)
  }

  override append(batch: Buffer, bytes: number, position: number, baseOffset: number, leaderEpoch: number): void {
    const isSyncedOften = ++this.#appendsSinceSync < APPENDS_A_SYNC && this.#appendsBeforeSync < APPENDS_A_SYNC
    if (!isSyncedOften && (this.#window.covers(position, bytes) || this.#moveTo(position, bytes))) {
      this.slot.unsynced = true
      if (this.#window.append(batch, bytes, position, baseOffset, leaderEpoch) === 0) {
        this.appendedEnd = position + bytes
        if (bytes < LARGE_BATCH_BYTES && this.#window.isRunningOut(this.appendedEnd)) this.#prepare()
        return
      }
      this.#window.release() // a full disk under a snapshot, or somebody has cut the file: then a write would leave a hole
      this.checkWhole(this.descriptors.use(this.slot), 'append to')
    }
    super.append(batch, bytes, position, baseOffset, leaderEpoch)
  }

  override read(target: Uint8Array, position: number): number {
    if (target.length > 0 && this.#window.covers(position, target.length) && this.#window.read(target, position) === 0) return target.length
    return super.read(target, position)
  }

  override expectBytes(bytes: number): void {
    this.#window.expectedEnd = bytes
  }

  override trim(bytes: number): boolean {
    this.#window.release()
    if (this.#window.allocatedEnd <= bytes) return false
    this.truncate(bytes)
    return true
  }

  override truncate(bytes: number): void {
    this.#window.release()
    super.truncate(bytes)
    this.#window.allocatedEnd = 0
  }

  override async sync(): Promise<void> {
    this.#appendsBeforeSync = this.#appendsSinceSync
    this.#appendsSinceSync = 0
    await super.sync()
  }

  override close(): void {
    this.#window.release()
    super.close()
  }

  /** No descriptor for it is no failure of the append: moving on makes do without. */
  #prepare(): void {
    const { descriptor } = this.slot
    if (descriptor !== undefined) this.#window.prepare(descriptor.fd, this.appendedEnd)
  }

  /** False where it does not pay, there is no room to be had, or nobody to catch the signal: then a plain write is tried. */
  #moveTo(position: number, bytes: number): boolean {
    const isAfterLarge = this.#isAfterLarge
    this.#isAfterLarge = bytes >= LARGE_BATCH_BYTES
    if (isAfterLarge || this.#isAfterLarge || this.#window.expectedEnd < SMALLEST_BYTES || !this.#window.isAdmitted) return false
    if (this.#native.guardState() !== GUARD_OURS) {
      this.#window.release()
      return false
    }
    const fd = this.descriptors.use(this.slot)
    this.appendedEnd = Math.max(this.appendedEnd, position)
    this.checkWhole(fd, 'append to')
    if (this.#window.moveTo(fd, position, bytes) === 0) return true
    this.truncate(position) // what a failed allocation has taken
    return false
  }
}
