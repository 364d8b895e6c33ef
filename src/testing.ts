// The public names of `millrace/testing`.
export { TestClock } from './testing/test-clock.ts'
export { TestLog, testLog, type TestDisk, type TestLogOptions } from './testing/test-log.ts'
export type { Fault, Operation } from './platform/faults.ts'
