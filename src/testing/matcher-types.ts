// Where the types of test runners learn of the matchers. Nothing here needs one of them to be installed: a namespace
// that nobody else declares is empty but for ours, and in a .d.ts a module that can't be found is ignored.
//
//   vitest                     every method of Chai.Assertion is one of its expect()
//   jest with @types/jest      jest.Matchers
//   jest with @jest/globals    Matchers of the package expect
import type { ExpectedRecord } from './expected-record.ts'
import type { TopicLike } from '../log/topic-like.ts'

/** What expect() can do with a topic, a partition or a group once `expect.extend(matchers)` was called. */
export interface MillraceMatchers {
  /** Some stored record of the topic or partition has the given fields; each is compared as toEqual does. */
  toHaveRecord(expected: ExpectedRecord): Promise<void>
  /**
   * Such records are stored, one for each that is given, and those of one partition stand in this order. Others may
   * stand between them. Between partitions there is no order: which record came first is not known there.
   */
  toHaveRecordsInOrder(expected: readonly ExpectedRecord[]): Promise<void>
  /** So many records of all its topics, or of one, are not committed by the group yet. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a topic of any values
  toHaveLag(records: number, topic?: string | TopicLike<any, any>): Promise<void>
}

declare global {
  namespace Chai {
    interface Assertion extends MillraceMatchers {}
  }
  namespace jest {
    interface Matchers<R, T = {}> extends MillraceMatchers {}
  }
}

// @ts-ignore -- what bundles the declarations does not look for it, and need not
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends MillraceMatchers {}
}
