// Real files with mapped appends, for as long as SIGBUS is caught: where somebody else takes it over, files go on with plain
// writes when they next grow.
import { GUARD_OURS, type NativePart } from '../native/native-part.ts'
import { WindowLimit } from './append-window.ts'
import type { DescriptorCache, FileSlot } from './descriptor-cache.ts'
import { MappedFile } from './mapped-file.ts'
import { NodeFileSystem } from './node-file-system.ts'
import { NodeFile } from './node-file.ts'

export class MappedFileSystem extends NodeFileSystem {
  readonly #native: NativePart
  readonly #windows: WindowLimit

  /** The native part's guard is installed. */
  constructor(descriptors: DescriptorCache, reason: string, native: NativePart, windows = new WindowLimit()) {
    super(descriptors, reason)
    this.#native = native
    this.#windows = windows
  }

  override get kind(): 'file' | 'mapped' { return this.#isGuarded ? 'mapped' : 'file' }
  override get reason(): string { return this.#isGuarded ? super.reason : 'a handler for SIGBUS was installed after the log was opened' }

  get #isGuarded(): boolean { return this.#native.guardState() === GUARD_OURS }

  protected override fileOf(descriptors: DescriptorCache, slot: FileSlot): NodeFile {
    return slot.writable ? new MappedFile(descriptors, slot, this.#native, this.#windows) : new NodeFile(descriptors, slot)
  }
}
