// The simulated disk: a tree of files and directories as the operating system shows it, and beside each what the
// device is known to hold. It knows no calls, faults or promises: simulated-file-system.ts does; power-cut.ts draws
// what is left of this after a loss of power.
//   a file:        content = stored + changes in order, save for what a failed sync threw away
//   a directory:   names = storedNames + steps in order
// Without history the second half stays empty, and only the content is in memory.
import { GrowableBytes } from './growable-bytes.ts'
import { systemError, systemFailure } from './system-error.ts'

export type DiskNode = DiskFile | DiskDirectory

let nodesMade = 0

/** A write; or a cut, whose bytes are the zeros that a reader would find there if the file grew again. */
export interface FileChange {
  readonly position: number
  readonly bytes: Uint8Array
  /** The file's length after it. */
  readonly length: number
}

/** What a sync makes durable: the changes before `end`, and the length. */
export interface SyncMark {
  readonly end: number
  readonly length: number
}

export class DiskFile {
  readonly kind = 'file'
  readonly id = ++nodesMade
  /** Directories' entries that mean this file; with the last one its bytes go. */
  nameCount = 0
  content = new GrowableBytes()
  modifiedMs = 0
  stored = new GrowableBytes()
  changes: FileChange[] = []
  /** How many changes were taken off the front so far: a mark counts from the file's beginning. */
  settled = 0

  mark(): SyncMark {
    return { end: this.settled + this.changes.length, length: this.content.length }
  }

  /** Takes the changes before the mark off the list, for `stored` or for nothing. */
  settle(end: number): FileChange[] {
    if (end <= this.settled) return []
    const taken = this.changes.splice(0, end - this.settled)
    this.settled = end
    return taken
  }

  store({ end, length }: SyncMark): void {
    if (end < this.settled) return // a sync that began later has ended first
    for (const { position, bytes } of this.settle(end)) this.stored.write(bytes, position)
    this.stored.resize(length)
  }
}

/** One creation, removal or rename: kept or lost as a whole. A rename has a step for each of its two names. */
export interface NameChange {
  readonly node: DiskNode
  readonly isRename: boolean
  durable: boolean
}

export interface NameStep {
  readonly change: NameChange
  readonly name: string
  readonly effect: 'set' | 'delete'
}

export class DiskDirectory {
  readonly kind = 'directory'
  readonly id = ++nodesMade
  names = new Map<string, DiskNode>()
  /** Rises with each change of names, also while the clock stands still. */
  modifiedMs = 0
  storedNames = new Map<string, DiskNode>()
  steps: NameStep[] = []
  settled = 0

  mark(): number {
    return this.settled + this.steps.length
  }
}

export class SimulatedDisk {
  readonly history: boolean
  readonly root: DiskDirectory
  /** Bytes of all files. */
  usedBytes = 0
  /** Rises when any name begins to mean something else, so that a File may remember its node. */
  namesVersion = 0
  /** The renames that are not durable, oldest first. */
  #renames: NameChange[] = []

  constructor(history: boolean, root = new DiskDirectory(), renames: NameChange[] = []) {
    this.history = history
    this.root = root
    this.#renames = renames
    this.#countNames(root)
  }

  get renames(): readonly NameChange[] { return this.#renames }

  find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root
    for (const name of path.split('/')) {
      if (name === '') continue
      if (node?.kind !== 'directory') return undefined
      node = node.names.get(name)
    }
    return node
  }

  directory(path: string, operation: string): DiskDirectory {
    const node = this.find(path)
    if (node === undefined) refuse('ENOENT', operation, path)
    if (node.kind !== 'directory') refuse('ENOTDIR', operation, path)
    return node
  }

  file(path: string, operation: string): DiskFile {
    const node = this.find(path)
    if (node === undefined) refuse('ENOENT', operation, path)
    if (node.kind !== 'file') refuse('EISDIR', operation, path)
    return node
  }

  create(path: string, node: DiskNode, operation: string): void {
    const { directory, name } = this.#place(path, operation)
    if (directory.names.has(name)) refuse('EEXIST', operation, path)
    this.#step(directory, { change: { node, isRename: false, durable: false }, name, effect: 'set' })
  }

  remove(path: string, node: DiskNode, operation: string): void {
    const { directory, name } = this.#place(path, operation)
    if (node.kind === 'directory' && node.names.size > 0) refuse('ENOTEMPTY', operation, path)
    this.#step(directory, { change: { node, isRename: false, durable: false }, name, effect: 'delete' })
  }

  rename(from: string, to: string): void {
    const node = this.find(from)
    if (node === undefined) refuse('ENOENT', 'rename', from)
    const source = this.#place(from, 'rename')
    const target = this.#place(to, 'rename')
    const replaced = target.directory.names.get(target.name)
    if (replaced === node) return
    if (replaced !== undefined && replaced.kind !== node.kind) refuse(node.kind === 'file' ? 'EISDIR' : 'ENOTDIR', 'rename', to)
    if (replaced?.kind === 'directory' && replaced.names.size > 0) refuse('ENOTEMPTY', 'rename', to)
    const change = { node, isRename: true, durable: false }
    if (this.history) this.#renames.push(change)
    this.#step(target.directory, { change, name: target.name, effect: 'set' })
    this.#step(source.directory, { change, name: source.name, effect: 'delete' })
  }

  write(file: DiskFile, source: Uint8Array, position: number): void {
    const before = file.content.length
    file.content.write(source, position)
    this.usedBytes += file.content.length - before
    if (this.history) file.changes.push({ position, bytes: new Uint8Array(source), length: file.content.length })
  }

  truncate(file: DiskFile, length: number): void {
    const before = file.content.length
    file.content.resize(length)
    this.usedBytes += length - before
    if (this.history) file.changes.push({ position: Math.min(before, length), bytes: new Uint8Array(Math.abs(before - length)), length })
  }

  /** Makes the directory's changes of names durable up to the mark. */
  storeNames(directory: DiskDirectory, mark: number): void {
    for (const { change } of directory.steps.slice(0, Math.max(0, mark - directory.settled))) {
      change.durable = true
      // A node can't have been moved on before it was moved here.
      if (change.isRename) for (const earlier of this.#renames.slice(0, this.#renames.indexOf(change))) earlier.durable ||= earlier.node === change.node
    }
    this.#renames = this.#renames.filter(change => !change.durable)
    while (directory.steps[0]?.change.durable === true) {
      applyStep(directory.storedNames, directory.steps[0])
      directory.steps.shift()
      directory.settled++
    }
  }

  /** The same, byte for byte and name for name, with nothing shared. */
  copy(): SimulatedDisk {
    const nodes = new Map<DiskNode, DiskNode>()
    const changes = new Map<NameChange, NameChange>()
    const copyChange = (change: NameChange): NameChange => remembered(changes, change, () => ({ ...change, node: copyNode(change.node) }))
    const copyNames = (names: ReadonlyMap<string, DiskNode>): Map<string, DiskNode> => new Map(Array.from(names, ([name, node]) => [name, copyNode(node)]))
    const copyNode = (node: DiskNode): DiskNode => {
      const known = nodes.get(node)
      if (known !== undefined) return known
      if (node.kind === 'file') {
        const { content, stored, changes: unsynced, settled, modifiedMs } = node
        const file = Object.assign(new DiskFile(), { content: content.copy(), stored: stored.copy(), changes: [...unsynced], settled, modifiedMs })
        nodes.set(node, file)
        return file
      }
      const directory = new DiskDirectory()
      nodes.set(node, directory)
      const steps = node.steps.map(step => ({ ...step, change: copyChange(step.change) }))
      return Object.assign(directory, { names: copyNames(node.names), storedNames: copyNames(node.storedNames), steps, settled: node.settled, modifiedMs: node.modifiedMs })
    }
    return new SimulatedDisk(this.history, copyNode(this.root) as DiskDirectory, this.#renames.map(copyChange))
  }

  #step(directory: DiskDirectory, step: NameStep): void {
    const before = directory.names.get(step.name)
    applyStep(directory.names, step)
    this.#named(directory.names.get(step.name), 1)
    this.#named(before, -1)
    if (this.history) directory.steps.push(step)
    directory.modifiedMs++
    this.namesVersion++
  }

  #countNames(directory: DiskDirectory): void {
    for (const node of directory.names.values()) {
      this.#named(node, 1)
      if (node.kind === 'directory') this.#countNames(node)
    }
  }

  /** The first name brings a file's bytes to the disk, the last one takes them away. */
  #named(node: DiskNode | undefined, change: 1 | -1): void {
    if (node?.kind !== 'file') return
    const had = node.nameCount > 0
    node.nameCount += change
    const has = node.nameCount > 0
    if (had !== has) this.usedBytes += has ? node.content.length : -node.content.length
  }

  #place(path: string, operation: string): { readonly directory: DiskDirectory; readonly name: string } {
    const end = path.lastIndexOf('/')
    return { directory: this.directory(path.slice(0, Math.max(0, end)), operation), name: path.slice(end + 1) }
  }
}

export function applyStep(names: Map<string, DiskNode>, { change, name, effect }: NameStep): void {
  if (effect === 'set') names.set(name, change.node)
  else if (names.get(name) === change.node) names.delete(name)
}

export function refuse(errno: string, operation: string, path: string): never {
  throw systemFailure(systemError(errno, operation, path), operation, path)
}

function remembered<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  const value = known.get(key) ?? make()
  known.set(key, value)
  return value
}
