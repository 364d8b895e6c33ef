import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { summarize } from '../../tools/ci-summary.mjs'

const made: string[] = []
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true })
})

const root = '/project'

function results(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-ci-'))
  made.push(directory)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  return directory
}

function report(file: string, status: string, tests: Record<string, string>): string {
  const assertionResults = Object.entries(tests).map(([fullName, result]) => ({ fullName, status: result }))
  return JSON.stringify({ testResults: [{ name: join(root, file), status, assertionResults }] })
}

test('the tests of all steps are summed, the skipped ones named', () => {
  const directory = results({
    'test.code': '0\n',
    'test.json': report('test/a.test.ts', 'passed', { one: 'passed', two: 'skipped' }),
    'kafka.code': '0\n',
    'kafka.json': report('test/kafka/b.test.ts', 'passed', { three: 'passed', four: 'todo' }),
  })
  expect(summarize(directory, { strict: false, root })).toEqual({ passed: 2, failed: [], skipped: ['test/kafka/b.test.ts > four', 'test/a.test.ts > two'] })
})

test.each([
  ['of Kafka', 'test/kafka/b.test.ts'],
  ['of clients in Node', 'test/clients/node.test.ts'],
  ['of clients in Java', 'test/clients/java.test.ts'],
])('where CI is true, a skipped test %s is a failure', (_what, file) => {
  const directory = results({ 'kafka.code': '0\n', 'kafka.json': report(file, 'passed', { three: 'skipped' }) })
  expect(summarize(directory, { strict: true, root })).toEqual({ passed: 0, failed: [`${file} > three (skipped)`], skipped: [] })
})

test.each(['test/a.test.ts', 'test/clients/go.test.ts'])('where CI is true, a skipped test of %s is none', file => {
  const directory = results({ 'test.code': '0\n', 'test.json': report(file, 'passed', { two: 'skipped' }) })
  expect(summarize(directory, { strict: true, root })).toEqual({ passed: 0, failed: [], skipped: [`${file} > two`] })
})

test('a failed test is counted once although its step failed too', () => {
  const directory = results({ 'test.code': '1\n', 'test.json': report('test/a.test.ts', 'failed', { one: 'failed' }) })
  expect(summarize(directory, { strict: true, root }).failed).toEqual(['test/a.test.ts > one'])
})

test('a file that could not be loaded is a failure', () => {
  const directory = results({ 'test.code': '1\n', 'test.json': report('test/a.test.ts', 'failed', {}) })
  expect(summarize(directory, { strict: true, root }).failed).toEqual(['test/a.test.ts could not be run'])
})

test('a step that failed without a test is a failure', () => {
  const directory = results({ 'check.code': '2\n', 'test.code': '124\n' })
  expect(summarize(directory, { strict: true, root }).failed).toEqual([`step 'check' ended with exit code 2`, `step 'test' ended with exit code 124`])
})
