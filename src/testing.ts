// The public names of `millrace/testing`.
export type { ExpectedRecord } from './testing/expected-record.ts'
export type { MillraceMatchers } from './testing/matcher-types.ts'
export { matchers } from './testing/matchers.ts'
export { TestClock } from './testing/test-clock.ts'
export type { TestDisk } from './testing/test-disk.ts'
export { TestLog, testLog, type TestLogOptions } from './testing/test-log.ts'
export type { Fault, Operation } from './platform/faults.ts'
