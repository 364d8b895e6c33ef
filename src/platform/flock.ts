// flock(2) through the optional package fs-ext, if it is installed and was built for this Node. Windows is left out:
// there it locks the file's bytes against reading as well, and the next process could not see who holds it.
import { createRequire } from 'node:module'
import { isSystemError } from './system-error.ts'

export interface Flock {
  /** Takes the exclusive lock of an open file; false where the file system has none. */
  take(fd: number): boolean
  /** Whether somebody holds the file's exclusive lock; undefined where the file system can't tell. */
  isTaken(fd: number): boolean | undefined
}

let loaded: Flock | null | undefined

export function loadFlock(): Flock | null {
  loaded ??= load()
  return loaded
}

function load(): Flock | null {
  if (process.platform === 'win32') return null
  try {
    // The CommonJS build has no import.meta.
    const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)
    const { flockSync } = require('fs-ext') as { readonly flockSync?: unknown }
    return typeof flockSync === 'function' ? wrap(flockSync as (fd: number, flags: string) => void) : null
  } catch {
    return null // not installed, not built for this Node, or native code is not permitted
  }
}

function wrap(flockSync: (fd: number, flags: string) => void): Flock {
  // Askers share the lock for a moment, so that they never look like a holder to each other.
  const attempt = (fd: number, flags: 'exnb' | 'shnb'): string | undefined => {
    try {
      flockSync(fd, flags)
      return undefined
    } catch (error) {
      if (isSystemError(error) || (error instanceof Error && 'code' in error)) return String(error.code)
      throw error
    }
  }
  return {
    take: fd => attempt(fd, 'exnb') === undefined,
    isTaken(fd) {
      const refusal = attempt(fd, 'shnb')
      return refusal === undefined ? false : refusal === 'EAGAIN' || refusal === 'EWOULDBLOCK' ? true : undefined
    },
  }
}
