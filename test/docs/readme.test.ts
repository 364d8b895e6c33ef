// The README's code runs. Its blocks that are files of examples/ are compared by `npm run check:docs` and run by
// test/examples; the others run here, against the source.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, test } from 'vitest'
import * as millrace from '../../src/index.ts'
import * as kafka from '../../src/kafka.ts'
import * as testing from '../../src/testing.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = readFileSync(`${root}README.md`, 'utf8')

type Program = (given: Readonly<Record<string, unknown>>) => Promise<Readonly<Record<string, unknown>>>

/** The block below a heading as a function of what it needs; it returns the names it declares. */
function programBelow(heading: string): Program {
  const [, section = ''] = readme.split(`\n## ${heading}\n`)
  const block = /```js\n([^]*?)```/.exec(section)?.[1] ?? ''
  const body = block.replace(/^import \{ (\w+) \} from 'millrace\/(\w+)'$/m, 'const { $1 } = modules.$2')
  const declared = [...body.matchAll(/^(?:const|let) (\w+)/gm)].map(match => match[1])
  return new Function('given', `const { log, orders, signal, modules, console, Kafka } = given\nreturn (async () => {\n${body}\nreturn { ${declared.join(', ')} }\n})()`) as Program
}

let log: millrace.EventLog
let orders: millrace.Topic

beforeEach(async () => {
  log = await millrace.open('memory:')
  orders = await log.topic('orders', { partitions: 4 }) as unknown as millrace.Topic
  return () => log.close()
})

test('every way of reading that the README shows works as it stands', async () => {
  await orders.send({ key: 'ada', value: { total: 12 } })
  const { newest } = await programBelow('Reading')({ orders, signal: new AbortController().signal })
  expect((newest as millrace.View).get('ada')).toEqual({ total: 12 })
  await (newest as millrace.View).close()
})

test('the ways into a group that the README shows work as they stand', async () => {
  await orders.send({ key: 'ada', value: { total: 12 } })
  const billed: unknown[][] = []
  const console = { log: (...words: unknown[]) => { billed.push(words) } }
  await programBelow('Consumer groups')({ log, orders, signal: new AbortController().signal, console })
  await orders.send({ key: 'bob', value: { total: 7 } })
  while (billed.length < 2) await new Promise(resolve => { setImmediate(resolve) })
  expect(billed).toEqual([['bill', 'ada', 12], ['bill', 'bob', 7]])
})

test('what the README says of keeping and forgetting runs as it stands', async () => {
  const place = mkdtempSync(join(tmpdir(), 'millrace-readme-'))
  const inPlace = { topic: log.topic.bind(log), snapshot: (directory: string) => log.snapshot(join(place, directory)) }
  await programBelow('Keeping and forgetting')({ log: inPlace, orders })
  expect(orders.settings).toMatchObject({ retentionMs: 30 * 86_400_000, retentionBytes: 2 ** 31 })
  const copy = await millrace.open(join(place, 'backup'))
  expect(copy.topics().map(({ name }) => name).sort()).toEqual(['jobs', 'orders', 'users'])
  await copy.close()
  rmSync(place, { recursive: true })
})

test('the README\'s test of a log runs as it stands', async () => {
  const { log: last } = await programBelow('Testing')({ modules: { testing } })
  expect(last).toBeInstanceOf(testing.TestLog)
  await (last as testing.TestLog).close()
})

test('the door that the README opens is one, and clients are told where it is', async () => {
  const told: string[] = []
  class Kafka {
    constructor({ brokers }: { brokers: string[] }) { told.push(...brokers) }
  }
  const { door } = await programBelow("Kafka's clients")({ log, modules: { kafka }, Kafka }) as { door: kafka.Door }
  expect(told).toEqual([`127.0.0.1:${door.port}`])
  await door.close()
})
