// The programs of docs/testing.md run, each with the names that the page imports at its top.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { matchers, testLog } from '../../src/testing.ts'
import { programsOf, runProgram } from './support/programs.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/testing.md', import.meta.url)), 'utf8')

describe('docs/testing.md', () => {
  expect.extend(matchers)

  test.each([...programsOf(page)])('what it shows of $heading holds', async ({ body }) => {
    const tests: (() => Promise<void>)[] = []
    const given = { matchers, testLog, expect, test: (_: string, run: () => Promise<void>) => { tests.push(run) } }
    await runProgram(body, given)
    for (const run of tests) await run()
    expect(tests).toHaveLength(/^test\(/m.test(body) ? 1 : 0)
  })
})
