// One writing process for a directory, by its `.lock` file. The content of the file decides (lock-file.ts): a holder
// that is alive keeps it. Alive is told by an flock on the holder's file where both sides have it (kind 'flock': it
// ends with the process, whatever its id), else by boot id, process id and start time.
//
// Whoever follows a dead or released holder x claims that under the name `.lock.after-<x>`, by renaming a directory
// that has its own holder file in it: exactly one can, because a directory with something in it is never replaced.
// The holder is the end of the chain: .lock = x, .lock.after-x = y, .lock.after-y = z. The winner then moves its
// file to `.lock`, which ends the chain; longer chains are only seen after crashes.
//   an id is used once, and `.lock` never goes back to an earlier holder; a live holder is never followed
// So who finds itself at the end of the chain after claiming is the only one: another who had followed x before it
// would still be in the way, or would have moved `.lock` away from x.
//
// Limits: without flock a holder in another container of the same machine counts as dead (its process ids mean
// nothing here), and the lock of a worker thread that was terminated stays held until its process ends.
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs'
import { assert } from '../base/assert.ts'
import { ConflictError } from '../base/errors.ts'
import { CREATE_FLAGS, READ_FLAGS, WRITE_FLAGS } from './descriptor-cache.ts'
import { join, type DirectoryLock } from './file-system.ts'
import { loadFlock, type Flock } from './flock.ts'
import { FREE, LARGEST_LOCK_FILE_BYTES, LOCK_FILE, NOBODY, formatHolder, formatLegacy, parseLockText, type Holder, type LockText } from './lock-file.ts'
import { isRunning, processStart } from './running-process.ts'
import { isSystemError, systemFailure } from './system-error.ts'

/** Every further try means that another process got ahead: it is the holder by then, or died on the way. */
const MAX_TRIES = 100
const HOLDER_FILE = 'holder'
const onWindows = process.platform === 'win32'

/** The last holder of the chain, and where its file is. */
interface ChainEnd {
  /** The claim's directory; undefined for `.lock` itself. */
  readonly claim: string | undefined
  readonly text: LockText
  readonly alive: boolean
}

export function lockDirectory(directory: string, boot: string | null, flock: Flock | null = loadFlock()): DirectoryLock {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const last = findHolder(directory, boot, flock)
    if (last.alive) throw lockedBy(directory, last.text.holder)
    const lock = follow(directory, last, boot, flock)
    if (lock !== undefined) return lock
  }
  throw lockedBy(directory, undefined)
}

/** Walks the chain to its end. */
function findHolder(directory: string, boot: string | null, flock: Flock | null): ChainEnd {
  let end: ChainEnd = { claim: undefined, ...look(join(directory, LOCK_FILE), boot, flock) ?? { text: NOBODY, alive: false } }
  for (;;) {
    const claim = claimAfter(end)
    const found = look(join(directory, claim, HOLDER_FILE), boot, flock)
    if (found === undefined) return end
    end = { claim, ...found }
  }
}

/** A holder file that makes no sense was torn by a power cut: it is followed under the name of its place. */
function claimAfter({ claim, text }: ChainEnd): string {
  return text.holder === undefined ? `${claim ?? LOCK_FILE}.after-nobody` : `${LOCK_FILE}.after-${text.holder.id}`
}

function look(path: string, boot: string | null, flock: Flock | null): Omit<ChainEnd, 'claim'> | undefined {
  const fd = openIfPresent(path)
  if (fd === undefined) return undefined
  try {
    const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, LARGEST_LOCK_FILE_BYTES))
    const text = parseLockText(bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0)))
    return { text, alive: text.held && text.holder !== undefined && isAlive(text.holder, fd, boot, flock) }
  } finally {
    closeSync(fd)
  }
}

function isAlive(holder: Holder, fd: number, boot: string | null, flock: Flock | null): boolean {
  const taken = holder.kind === 'flock' ? flock?.isTaken(fd) : undefined
  if (taken !== undefined) return taken
  const otherBoot = holder.boot !== null && boot !== null && holder.boot !== boot
  return !otherBoot && isRunning(holder.pid, holder.start)
}

/** Claims to be the one after `last`; undefined when somebody else got ahead. */
function follow(directory: string, last: ChainEnd, boot: string | null, flock: Flock | null): DirectoryLock | undefined {
  const id = randomUUID()
  const fresh = join(directory, `${LOCK_FILE}.new-${id}`)
  const claim = join(directory, claimAfter(last))
  let fd: number | undefined
  let claimed = false
  try {
    mkdirSync(fresh, 0o700)
    fd = openSync(join(fresh, HOLDER_FILE), CREATE_FLAGS, 0o600)
    const kind = flock?.take(fd) === true ? 'flock' : 'exclusive'
    const identity = formatHolder({ id, pid: process.pid, start: processStart('self'), boot, kind })
    writeText(fd, identity + formatLegacy(last.text), 0)
    if (onWindows) {
      closeSync(fd) // a directory with an open file in it can't be renamed there
      fd = undefined
    }
    renameSync(fresh, claim)
    claimed = true
    if (findHolder(directory, boot, null).text.holder?.id === id) {
      fd ??= openSync(join(claim, HOLDER_FILE), WRITE_FLAGS)
      settle(directory, claim)
      const lock = new HeldLock(fd, directory, Buffer.byteLength(identity), boot, last.text)
      fd = undefined
      return lock
    }
    rmSync(claim, { recursive: true, force: true })
    return undefined
  } catch (error) {
    if (claimed) rmSync(claim, { recursive: true, force: true })
    if (gotAhead(error) && existsSync(directory)) return undefined
    throw systemFailure(error, 'lock', directory)
  } finally {
    if (fd !== undefined) closeSync(fd)
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** Moves the winner's file to `.lock` and clears away what earlier tries left, also those of processes that lost. */
function settle(directory: string, claim: string): void {
  try {
    renameSync(join(claim, HOLDER_FILE), join(directory, LOCK_FILE))
    for (const name of readdirSync(directory)) {
      if (name.startsWith(`${LOCK_FILE}.`)) rmSync(join(directory, name), { recursive: true, force: true })
    }
  } catch (error) {
    // The claim holds as it stands, and the next holder tidies up. Windows, say, replaces no file that somebody reads.
    if (!isSystemError(error)) throw error
  }
}

class HeldLock implements DirectoryLock {
  readonly earlierNote: string
  readonly earlierBootId: string | null
  readonly #fd: number
  readonly #path: string
  readonly #start: number
  readonly #boot: string | null
  #dataBoot: string | null
  #released = false

  constructor(fd: number, directory: string, start: number, boot: string | null, earlier: LockText) {
    this.#fd = fd
    this.#path = join(directory, LOCK_FILE)
    this.#start = start
    this.#boot = boot
    this.#dataBoot = earlier.dataBoot
    this.earlierBootId = earlier.dataBoot
    this.earlierNote = earlier.note
  }

  write(note: string, { claimBoot }: { claimBoot: boolean }): void {
    assert(!this.#released, 'a released lock is written to')
    if (claimBoot) this.#dataBoot = this.#boot
    const text = formatLegacy({ dataBoot: this.#dataBoot, note })
    try {
      writeText(this.#fd, text, this.#start)
      ftruncateSync(this.#fd, this.#start + Buffer.byteLength(text))
    } catch (error) {
      throw systemFailure(error, 'write', this.#path)
    }
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    try {
      writeSync(this.#fd, FREE, 0, FREE.length, 0)
    } catch (error) {
      throw systemFailure(error, 'write', this.#path)
    } finally {
      closeSync(this.#fd)
    }
  }
}

function lockedBy(directory: string, holder: Holder | undefined): ConflictError {
  const own = holder?.pid === process.pid && (holder.start === null || holder.start === processStart('self'))
  const who = holder === undefined ? 'another process that is opening it now' : own ? 'this process' : `process ${holder.pid}`
  return new ConflictError('LOCKED', `${directory} is already open for writing by ${who}`, {
    hint: own ? 'share the one that is open, or close it first' : 'one process writes to a directory: close it there first, or open it here with readOnly: true',
    details: { path: join(directory, LOCK_FILE), ...holder === undefined ? {} : { pid: holder.pid, kind: holder.kind } },
    retriable: true,
  })
}

/** Our own files went away under us, or the claim was there first. */
function gotAhead(error: unknown): boolean {
  return isSystemError(error) && ['ENOENT', 'ENOTEMPTY', 'EEXIST', ...onWindows ? ['EPERM', 'EACCES'] : []].includes(error.code)
}

function openIfPresent(path: string): number | undefined {
  try {
    return openSync(path, READ_FLAGS)
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined
    throw error
  }
}

function writeText(fd: number, text: string, position: number): void {
  const bytes = Buffer.from(text)
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written, bytes.length - written, position + written)
}
