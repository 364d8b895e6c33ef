import type { Fault, Operation } from '../platform/faults.ts'

/** The simulated disk of a test log: what goes wrong with it. */
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
