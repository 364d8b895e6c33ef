// Whether the process that a lock file names still runs. A process id alone is not enough, since ids are used again:
// where the kernel tells when a process began (Linux), that must agree too.
import { readFileSync } from 'node:fs'
import { isSystemError } from './system-error.ts'

/** Ticks since boot at which a process began (field 22 of /proc/<pid>/stat); null where the system does not tell. */
export function processStart(pid: number | 'self'): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in brackets and may hold blanks and brackets of its own.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null // no /proc here, or the process has just gone: the caller asks for the process itself as well
  }
}

export function isRunning(pid: number, start: string | null): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // Not ours to signal means that it is there.
    if (!isSystemError(error) || error.code !== 'EPERM') return false
  }
  const startNow = processStart(pid)
  return start === null || startNow === null || start === startNow
}
