// Real files with mapped appends.
import type { NativePart } from '../native/native-part.ts'
import { WindowLimit } from './append-window.ts'
import type { DescriptorCache, FileSlot } from './descriptor-cache.ts'
import { MappedFile } from './mapped-file.ts'
import { NodeFileSystem } from './node-file-system.ts'
import { NodeFile } from './node-file.ts'

export class MappedFileSystem extends NodeFileSystem {
  override readonly kind = 'mapped'
  readonly #native: NativePart
  readonly #windows: WindowLimit

  /** The native part's guard is installed. */
  constructor(descriptors: DescriptorCache, reason: string, native: NativePart, windows = new WindowLimit()) {
    super(descriptors, reason)
    this.#native = native
    this.#windows = windows
  }

  protected override fileOf(descriptors: DescriptorCache, slot: FileSlot): NodeFile {
    return slot.writable ? new MappedFile(descriptors, slot, this.#native, this.#windows) : new NodeFile(descriptors, slot)
  }
}
