// flock(2) through the native part, else through the optional package fs-ext, if it is installed and was built for this
// Node: both take the same lock. Windows is left out: there fs-ext locks the file's bytes against reading as well, and
// the next process could not see who holds it.
import { createRequire } from 'node:module'
import { getSystemErrorName } from 'node:util'
import { nativePart } from '../native/load.ts'
import type { NativePart } from '../native/native-part.ts'
import { isSystemError } from './system-error.ts'

export interface Flock {
  /** Takes the exclusive lock of an open file; false where the file system has none. */
  take(fd: number): boolean
  /** Whether somebody holds the file's exclusive lock; undefined where the file system can't tell. */
  isTaken(fd: number): boolean | undefined
}

/** Never waits. undefined: it is ours now; else the name of the errno. */
type Attempt = (fd: number, exclusive: boolean) => string | undefined

let loaded: Flock | null | undefined

export function loadFlock(): Flock | null {
  if (loaded !== undefined) return loaded
  const attempt = process.platform === 'win32' ? undefined : nativePart === undefined ? fsExtFlock() : nativeFlock(nativePart)
  loaded = attempt === undefined ? null : flockBy(attempt)
  return loaded
}

function flockBy(attempt: Attempt): Flock {
  return {
    take: fd => attempt(fd, true) === undefined,
    // Askers share the lock for a moment, so that they never look like a holder to each other.
    isTaken(fd) {
      const refusal = attempt(fd, false)
      return refusal === undefined ? false : refusal === 'EAGAIN' || refusal === 'EWOULDBLOCK' ? true : undefined
    },
  }
}

function nativeFlock(native: NativePart): Attempt {
  return (fd, exclusive) => {
    const result = native.flock(fd, exclusive)
    return result === 0 ? undefined : getSystemErrorName(result)
  }
}

function fsExtFlock(): Attempt | undefined {
  try {
    // The CommonJS build has no import.meta.
    const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)
    const { flockSync } = require('fs-ext') as { readonly flockSync?: unknown }
    return typeof flockSync === 'function' ? attemptBy(flockSync as (fd: number, flags: string) => void) : undefined
  } catch {
    return undefined // not installed, not built for this Node, or native code is not permitted
  }
}

function attemptBy(flockSync: (fd: number, flags: string) => void): Attempt {
  return (fd, exclusive) => {
    try {
      flockSync(fd, exclusive ? 'exnb' : 'shnb')
      return undefined
    } catch (error) {
      if (isSystemError(error) || (error instanceof Error && 'code' in error)) return String(error.code)
      throw error
    }
  }
}
