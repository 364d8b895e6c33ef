// The simulated disk of a test log, as tests hold it: what goes wrong with it. A fault that could never come about is
// refused, since it would let a test pass.
import { constants } from 'node:os'
import { UsageError } from '../base/errors.ts'
import { instanceOf, integer, oneOf, optionTable, readGiven } from '../base/options.ts'
import { OPERATIONS, type Fault, type Operation } from '../platform/faults.ts'
import type { SimulatedFileSystem } from '../platform/simulated-file-system.ts'

export interface TestDisk {
  /** 0 to Infinity; writes beyond it fail with "disk full". */
  capacityBytes: number
  readonly usedBytes: number
  /** The next matching calls fail: `failNext('write', { error: 'ENOSPC', after: 3 })`, `failNext('sync', { error: 'EIO' })`. With `writtenBytes` a write is torn. */
  failNext(operation: Operation, fault: Fault): void
  /** Flips bits of one stored byte. */
  corrupt(path: string, position: number, xor: number): void
  /** Names in a directory: the log stands in '/log'. */
  list(directory: string): string[]
}

const FAULT_OPTIONS = optionTable({
  error: { default: undefined, read: oneOf(Object.keys(constants.errno)) },
  path: { default: undefined, read: instanceOf(RegExp) },
  after: { default: undefined, read: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) },
  times: { default: undefined, read: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) },
  writtenBytes: { default: undefined, read: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) },
})

export function testDiskOf(disk: SimulatedFileSystem): TestDisk {
  return {
    get capacityBytes() { return disk.capacityBytes },
    set capacityBytes(bytes) { disk.capacityBytes = bytes },
    get usedBytes() { return disk.usedBytes },
    failNext: (operation, fault) => {
      oneOf(OPERATIONS)(operation, 'failNext: the operation')
      const read = readGiven(fault, FAULT_OPTIONS, `failNext '${operation}'`)
      if (read.error === undefined) throw new UsageError('OPTION_INVALID', `failNext '${operation}': option 'error' is missing`, { hint: "say what the system answers: failNext('write', { error: 'ENOSPC' })" })
      disk.failNext(operation, fault)
    },
    corrupt: (path, position, xor) => { disk.corrupt(path, position, xor) },
    list: directory => disk.list(directory),
  }
}
