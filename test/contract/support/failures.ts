// What a call that is refused looks like to its caller.
import { expect } from 'vitest'
import { MillraceError } from '../../../src/index.ts'
import { stateOf, type OpenedLog } from './logs.ts'

/** What is expected of an error: its class, its code, and perhaps a part of its message or hint. */
export interface Expected {
  readonly name: string
  readonly code: string
  readonly message?: string | RegExp
  readonly hint?: string | RegExp
}

/** The typed error that a call throws or rejects with; every one says what to do. */
export async function failureOf(work: () => unknown): Promise<MillraceError> {
  const error = await thrownBy(work)
  if (!(error instanceof MillraceError)) throw new Error(`not a typed error: ${String(error)}`, { cause: error })
  expect(error.code).toMatch(/^[A-Z][A-Z_]+$/)
  expect(error.message).not.toBe('')
  expect(error.hint).not.toBe('')
  expect(error.name).toBe(error.constructor.name)
  return error
}

export async function thrownBy(work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('the call was not refused')
}

/** The call fails as expected, and log, settings and directory are what they were. */
export async function expectRefused(opened: OpenedLog, work: () => unknown, expected: Expected): Promise<MillraceError> {
  const before = stateOf(opened)
  const error = await failureOf(work)
  expectError(error, expected)
  expect(stateOf(opened)).toEqual(before)
  return error
}

export function expectError(error: MillraceError, { name, code, message, hint }: Expected): void {
  expect({ name: error.name, code: error.code }).toEqual({ name, code })
  for (const [found, part] of [[error.message, message], [error.hint, hint]] as const) {
    if (part instanceof RegExp) expect(found).toMatch(part)
    else if (part !== undefined) expect(found).toContain(part)
  }
}
