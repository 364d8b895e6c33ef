// The programs of docs/groups.md run, with a log, a topic of orders and the handlers that the page speaks of.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { programsOf, runProgram } from './support/programs.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/groups.md', import.meta.url)), 'utf8')

test.each([...programsOf(page)])('what it shows of $heading holds', async ({ body }) => {
  const log = await open('memory:')
  const orders = await log.topic('orders', { partitions: 4 })
  for (const [n, key] of ['ada', 'bob', 'cy', 'dee'].entries()) await orders.send({ key, value: { item: 'mill', total: 12 * 4 ** n } })
  const earlier = await log.group('billing').run(orders, () => undefined, { from: 'earliest' })
  await log.idle()
  await earlier.stop()
  const errors: unknown[] = []
  log.on('error', ({ error }) => errors.push(error))
  const calls: unknown[] = []
  const handler = async (given: unknown) => { calls.push(given) }
  await runProgram(body, { log, orders, bill: handler, ship: handler, store: handler, console: { log: () => undefined } })
  await log.close()
  expect(errors).toEqual([])
})

test('the table of headers is that of the dead letters', () => {
  const source = readFileSync(fileURLToPath(new URL('../../src/run/dead-letters.ts', import.meta.url)), 'utf8')
  const written = [...new Set([...source.matchAll(/\['(millrace-[a-z-]+)'/g)].map(match => match[1]))]
  const told = [...page.matchAll(/^\| (`millrace-.*?) \|/gm)].flatMap(([, names = '']) => {
    const [first = '', ...rest] = [...names.matchAll(/`([a-z-]+)`/g)].map(match => match[1]!)
    return [first, ...rest.map(end => first.replace(/-[a-z]+$/, end))]
  })
  expect(told).toEqual(written)
})
