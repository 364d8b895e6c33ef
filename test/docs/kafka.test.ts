// docs/kafka.md says what is so: its programs run, its tables are those of the source.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { listen } from '../../src/kafka.ts'
import { apis } from '../../src/kafka/apis/table.ts'
import { routes } from '../../src/kafka/handlers/table.ts'
import { readListenOptions } from '../../src/kafka/listen-options.ts'
import { TOPIC_CONFIGS } from '../../src/kafka/topic-configs.ts'
import { programsOf, runProgram } from './support/programs.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/kafka.md', import.meta.url)), 'utf8')

test.each([...programsOf(page)])('what it shows of $heading holds', async ({ body }) => {
  const log = await open('memory:')
  const door = await listen(log)
  const startShop = () => ({ order: () => Promise.resolve(), stop: () => Promise.resolve() })
  const given = { open, listen, startShop, log, door }
  const declared = [...body.matchAll(/^const (\w+)/gm)].map(([, name]) => name!)
  await runProgram(body, Object.fromEntries(Object.entries(given).filter(([name]) => !declared.includes(name))))
  await log.close()
})

/** The first cells of the rows under a heading. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(/^#+ /m).find(each => each.startsWith(`${heading}\n`)) ?? ''
  return [...section.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(' | ')).slice(1)
}

test('the table of APIs is that of the door, and each of them is handled', () => {
  expect(rowsUnder('APIs')).toEqual(apis.map(({ name, key, advertised: { min, max } }) => [name, String(key), min === max ? String(min) : `${min} to ${max}`]))
  expect(routes.map(({ api }) => api.name)).toEqual(apis.map(({ name }) => name))
})

test('the table of options has every option', () => {
  const told = rowsUnder('Options').flatMap(([names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  expect(told.toSorted()).toEqual(Object.keys(readListenOptions({})).toSorted())
})

test('the table of settings has every config of a topic', () => {
  const told = rowsUnder('Topics and their settings').flatMap(([names = '']) => [...names.matchAll(/`([a-z0-9.]+)`/g)].map(([, name]) => name))
  expect(told.toSorted()).toEqual([...TOPIC_CONFIGS.keys()])
})
