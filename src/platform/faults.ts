// Counts the calls to a simulated file system, writes them down when asked, and lets chosen ones fail: the n-th call
// and all after it (a crash), or the next of a kind (a system error). What a failure does to the disk is not its affair.

import { constants } from 'node:os'
import { UsageError } from '../base/errors.ts'
import { instanceOf, integer, number, oneOf, optionTable, readGiven } from '../base/options.ts'

export const OPERATIONS = [
  'stat', 'list', 'makeDirectory', 'removeDirectory', 'remove', 'rename', 'link', 'open', 'syncDirectory', 'syncDirectoryNow', 'lock', 'release',
  'bytes', 'read', 'readLater', 'write', 'truncate', 'sync', 'syncNow', 'close', 'job',
] as const
export type Operation = typeof OPERATIONS[number]

export interface Call { readonly operation: Operation; readonly path: string }

export interface Fault {
  /** The system's name for it: 'ENOSPC', 'EIO', 'EMFILE', 'EDQUOT', … */
  readonly error: string
  readonly path?: RegExp
  /** So many matching calls are let through first. */
  readonly after?: number
  readonly times?: number
  /** Of a write: so many bytes are written before it fails. */
  readonly writtenBytes?: number
}

const FAULT_OPTIONS = optionTable({
  error: { default: undefined, read: oneOf(Object.keys(constants.errno)) },
  path: { default: undefined, read: instanceOf(RegExp) },
  after: { default: undefined, read: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) },
  times: { default: undefined, read: number({ min: 1, max: Infinity }) },
  writtenBytes: { default: undefined, read: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) },
})

/** A fault that could never come about is refused: it would let a test pass. */
export function checkFault(operation: unknown, fault: unknown): void {
  oneOf(OPERATIONS)(operation, 'failNext: the operation')
  const { error } = readGiven(fault, FAULT_OPTIONS, `failNext '${String(operation)}'`)
  if (error === undefined) throw new UsageError('OPTION_INVALID', `failNext '${String(operation)}': option 'error' is missing`, { hint: "say what the system answers: failNext('write', { error: 'ENOSPC' })" })
}

/** The process is gone: nothing done from here on has an effect. */
export class SimulatedCrash extends Error {
  constructor() {
    super('the simulated process has crashed')
    this.name = 'SimulatedCrash'
  }
}

interface PlannedFault { readonly operation: Operation; readonly fault: Fault; skip: number; left: number }

export class Faults {
  calls = 0
  crashed = false
  readonly #onCrash: () => void
  #planned: PlannedFault[] = []
  #crashAt = Infinity
  #trace: Call[] | undefined
  /** Nothing is planned, traced or over: all that a call costs is its count. */
  #quiet = true

  constructor(onCrash: () => void) {
    this.#onCrash = onCrash
  }

  /** The fault that this call has to suffer. Throws when the process has crashed. */
  enter(operation: Operation, path: string): Fault | undefined {
    this.calls++
    return this.#quiet ? undefined : this.#look(operation, path)
  }

  crashAfter(calls: number): void {
    this.#crashAt = this.calls + calls
    this.#quiet = false
  }

  fail(operation: Operation, fault: Fault): void {
    this.#planned.push({ operation, fault, skip: fault.after ?? 0, left: fault.times ?? 1 })
    this.#quiet = false
  }

  trace(): readonly Call[] {
    this.#quiet = false
    return this.#trace ??= []
  }

  #look(operation: Operation, path: string): Fault | undefined {
    if (this.calls >= this.#crashAt) {
      if (!this.crashed) {
        this.crashed = true
        this.#onCrash()
      }
      throw new SimulatedCrash()
    }
    this.#trace?.push({ operation, path })
    const planned = this.#planned.find(({ operation: wanted, fault }) => wanted === operation && (fault.path?.test(path) ?? true))
    if (planned === undefined || planned.skip-- > 0) return undefined
    if (--planned.left === 0) this.#planned = this.#planned.filter(other => other !== planned)
    return planned.fault
  }
}
