// The programs of docs/testing.md run, each with the names that the page imports at its top.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { matchers, testLog } from '../../src/testing.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/testing.md', import.meta.url)), 'utf8')

/** Each block of code, with the heading that it stands under. */
function* programsOf(text: string): Generator<{ heading: string; body: string }> {
  let last = 'the beginning'
  for (const [, heading, body] of text.matchAll(/^##+ (.+)$|^```js\n([^]*?)^```$/gm)) {
    if (heading !== undefined) last = heading
    if (body !== undefined) yield { heading: last, body }
  }
}

type Program = (given: Readonly<Record<string, unknown>>) => Promise<void>

describe('docs/testing.md', () => {
  expect.extend(matchers)

  test.each([...programsOf(page)])('what it shows of $heading holds', async ({ body }) => {
    const tests: (() => Promise<void>)[] = []
    const given = { matchers, testLog, expect, test: (_: string, run: () => Promise<void>) => { tests.push(run) } }
    const program = new Function('given', `const { matchers, testLog, expect, test } = given\nreturn (async () => {\n${body.replace(/^import .*$/gm, '')}\n})()`) as Program
    await program(given)
    for (const run of tests) await run()
    expect(tests).toHaveLength(/^test\(/m.test(body) ? 1 : 0)
  })
})
