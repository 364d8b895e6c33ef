// Every error code that a user can meet is raised by a test: each that src/ names is named somewhere in test/.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** `new UsageError('CODE', …)`, and the table of system errors: `failure(LimitError, 'CODE', …)`, `code ?? 'CODE'`. */
const RAISED = /(?:\b\w+Error(?:\(|, )|\.code \?\? )'([A-Z][A-Z_]{3,})'/g
/** Given to readers and writers of partitions that nobody can have taken hold of yet. */
const UNSEEN = ['TOPIC_NOT_CREATED']

const textsBelow = (folder: string): { name: string; text: string }[] => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => ({ name: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') }))

const sources = textsBelow('src')
const codes = new Set(sources.flatMap(({ text }) => Array.from(text.matchAll(RAISED), ([, code]) => code!)))
const tests = textsBelow('test').filter(({ name }) => !name.endsWith('error-codes.test.ts')).map(({ text }) => text).join('\n')

test('the codes are found', () => {
  expect(codes.size).toBeGreaterThan(70)
  for (const code of ['LOCKED', 'DISK_FULL', 'SYNC_FAILED', 'TOPIC_DELETED', 'IO_FAILED', 'UNKNOWN_OPTION']) expect(codes).toContain(code)
})

test.each([...codes].filter(code => !UNSEEN.includes(code)).sort())('%s is raised by a test', code => {
  expect(tests).toMatch(new RegExp(`\\b${code}\\b`))
})

test('no error is made without a code that stands in the source', () => {
  const hidden = sources.flatMap(({ name, text }) => Array.from(text.matchAll(/new (?:Usage|Closed|NotFound|Conflict|OutOfRange|Limit|Corruption|Storage|Timeout)Error\((?!')(\w+(?:\.\w+)*)/g), ([, what]) => `${name}: ${what}`))
  // These hand on the code of an error that was made elsewhere.
  expect(hidden.filter(place => !/: (error|cause|failure)\.code$/.test(place))).toEqual([])
})
