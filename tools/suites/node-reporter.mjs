// A reporter of Node's test runner: a line of JSON for each test that has ended.
// Its errors go to where the tests' own output goes, for whoever looks into a failure.
import { inspect } from 'node:util'

/** @typedef {{ name: string, nesting: number, details: { type?: string, error?: unknown }, skip?: unknown, todo?: unknown }} Ended */

/** @param {AsyncIterable<{ type: string, data: unknown }>} events */
export default async function * report(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const { name, details, skip, todo } = /** @type {Ended} */ (data)
    if (details.type === 'suite') continue
    const skipped = skip !== undefined || todo !== undefined
    if (type === 'test:fail' && !skipped) process.stderr.write(`${name}: ${inspect(details.error, { depth: 5 })}\n`)
    yield `${JSON.stringify({ name, outcome: skipped ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed' })}\n`
  }
}
