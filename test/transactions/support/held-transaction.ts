// Transactions that a test holds open, what is read meanwhile, and errors that must say what to do.
import { expect } from 'vitest'
import { MillraceError, type Topic, type Transaction } from '../../../src/index.ts'
import type { TestLog } from '../../../src/testing.ts'

export interface Held { readonly tx: Transaction; readonly done: Promise<unknown>; end(): void }

/** A transaction that is open until it is ended. */
export async function hold(log: TestLog, options: object = {}): Promise<Held> {
  let end = (): void => {}
  const ends = new Promise<void>(resolve => { end = resolve })
  let done!: Promise<unknown>
  const tx = await new Promise<Transaction>((resolve, reject) => {
    done = log.transaction(async given => {
      resolve(given)
      await ends
    }, options)
    done.catch(reject)
  })
  return { tx, done, end }
}

export async function valuesOf(topic: Topic<string>, options: object = {}): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of topic.read(options)) values.push(value)
  return values
}

/** What it throws: with a code, a message and a hint. */
export async function failure(work: Promise<unknown> | (() => unknown)): Promise<MillraceError> {
  const error = await (typeof work === 'function' ? Promise.resolve().then(work) : work).then(() => undefined, (thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(MillraceError)
  const { message, hint } = error as MillraceError
  expect(message).not.toBe('')
  expect(hint).not.toBe('')
  return error as MillraceError
}
