// Every program in examples/ runs as it stands, in a project as a user has it: each in an empty working directory.
// That they are typed well is checked by `npm run check:types`; on other Nodes, test/packaging runs the first ones.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { WireClient } from '../kafka-door/support/wire-client.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'millrace-examples-'))

beforeAll(() => {
  cpSync(join(root, 'examples'), project, { recursive: true })
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(root, join(project, 'node_modules/millrace'))
  for (const name of ['zod', 'vitest']) symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  const { outputText } = ts.transpileModule(readFileSync(join(root, 'examples/first.ts'), 'utf8'), { compilerOptions })
  writeFileSync(join(project, 'first-compiled.mjs'), outputText)
})

afterAll(() => rmSync(project, { recursive: true }))

/** What the program prints when it runs in `cwd`, an empty directory unless one is given. */
function run(file: string, cwd = mkdtempSync(join(project, 'run-'))): string {
  const env = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' }
  return execFileSync(process.execPath, [join(project, file)], { cwd, env, encoding: 'utf8', timeout: 20_000 })
}

const promises = {
  'first.mjs': 'the first example stores a record and reads it back, as an ES module',
  'first.cjs': 'the first example stores a record and reads it back, by require',
  'first.ts': 'the first example stores a record and reads it back, from TypeScript',
  'tail.mjs': 'a tail shows what is stored, then what comes, and ends when it is told to',
  'view.mjs': 'a view holds the newest value of each key and tells what changes',
  'replay-key.mjs': 'one key is replayed in the order of its sends, from one partition',
  'schema-versions.mjs': 'a versioned schema brings older records up to date and refuses what does not fit',
  'own-serde.mjs': "a serde of one's own stores and reads, and a topic refuses another one",
  'compression.mjs': 'every codec stores less than none and reads back all records',
  'power.mjs': 'a producer with durability power gets its receipts',
  'read-only.mjs': "a second process that opens read-only follows the writer and can't write",
  'testing.mjs': 'tests with testLog pass when run by node alone',
  'consumer.mjs': 'a consumer commits what it is done with, and the next one begins behind it',
  'dead-letters.mjs': 'what fails is tried again, becomes a dead letter that says why, and is handled when it is sent once more',
  'exactly-once.mjs': 'of two stages, each order is billed and each bill is posted once, though handlers send and then fail',
  'service.mjs': 'a service handles what it took, tells its health, ends on a signal and goes on at its next start',
  'kafka-door.mjs': "a desktop application's log is read by a Kafka client while it runs",
  'testing-a-service': 'the tests of a service, a day of back-off among them, pass in a project of their own',
} as const

/** It needs kafkajs: test/clients/example.test.ts runs it. */
const WITH_CLIENT = 'testing-a-kafkajs-service'

test('every file in examples/ is run here', () => {
  expect(readdirSync(join(root, 'examples')).sort()).toEqual([...Object.keys(promises), WITH_CLIENT].sort())
})

const stored = `ada { item: 'mill', total: 12 }\n`

test(promises['first.mjs'], () => {
  expect(run('first.mjs')).toBe(stored)
})

test(promises['first.cjs'], () => {
  expect(run('first.cjs')).toBe(stored)
})

test(promises['first.ts'], () => {
  expect(run('first-compiled.mjs')).toBe('ada 12\n')
})

test('a second run of the first example finds what the first one stored', () => {
  const directory = mkdtempSync(join(project, 'run-'))
  run('first.mjs', directory)
  expect(run('first.mjs', directory)).toBe(stored + stored)
})

test(promises['tail.mjs'], () => {
  expect(run('tail.mjs')).toBe('0 before\n1 while it waits\n2 last\nended by AbortError\n')
})

test(promises['view.mjs'], () => {
  expect(run('view.mjs').split('\n')).toEqual([
    '2 { sacks: 40 }',
    'changed: flour { sacks: 38 }',
    'changed: bran undefined',
    `[ [ 'flour', { sacks: 38 } ] ]`,
    '',
  ])
})

test(promises['replay-key.mjs'], () => {
  expect(run('replay-key.mjs')).toBe('placed > paid > milled > shipped > delivered\n')
})

test(promises['schema-versions.mjs'], () => {
  expect(run('schema-versions.mjs').split('\n')).toEqual([
    `1 { first: 'Ada', last: 'Lovelace' }`,
    `2 { first: 'Grace', last: 'Hopper' }`,
    'SCHEMA_REJECTED last',
    '',
  ])
})

test(promises['own-serde.mjs'], () => {
  expect(run('own-serde.mjs')).toBe('boat { lat: 51.5, lon: -0.125 }\nConflictError TOPIC_CONTRADICTS\n')
})

test(promises['compression.mjs'], () => {
  const lines = run('compression.mjs').trimEnd().split('\n').map(line => /^(\w+) (\d+) bytes (\d+) records$/.exec(line) ?? [])
  expect(lines.map(([, codec]) => codec)).toEqual(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
  expect(lines.map(([, , , records]) => records)).toEqual(['5000', '5000', '5000', '5000', '5000'])
  const [none = 0, ...compressed] = lines.map(([, , bytes]) => Number(bytes))
  for (const bytes of compressed) expect(bytes).toBeLessThan(none / 2)
})

test(promises['power.mjs'], () => {
  expect(run('power.mjs')).toBe('100 payments are on the device\n')
})

test(promises['read-only.mjs'], () => {
  expect(run('read-only.mjs')).toBe('READ_ONLY\n20.5\n21\n21.5\n')
})

test(promises['testing.mjs'], () => {
  expect(run('testing.mjs')).toMatch(/^\S+ pass 4$[^]*^\S+ fail 0$/m) // how a line begins differs between Nodes
})

test(promises['consumer.mjs'], () => {
  expect(run('consumer.mjs').split('\n')).toEqual([
    'average 62 committed up to Map(1) { 0 => 5 }',
    'average 67 committed up to Map(1) { 0 => 10 }',
    'the next member begins at offset 10 with 70',
    '',
  ])
})

test(promises['exactly-once.mjs'], () => {
  expect(run('exactly-once.mjs')).toBe('to ada: please pay 12\nto bob: please pay 3\n')
})

test(promises['dead-letters.mjs'], () => {
  expect(run('dead-letters.mjs').split('\n')).toEqual([
    'to ada: your bran, too',
    'millrace-origin-topic mails',
    'millrace-origin-partition 0',
    'millrace-origin-offset 0',
    'millrace-group mailer',
    'millrace-attempts 3',
    'millrace-error-name Error',
    'millrace-error-message attempt 3: there is no mailbox of bob',
    'to bob: your flour is here',
    '',
  ])
})

test(promises['service.mjs'], async () => {
  const cwd = mkdtempSync(join(project, 'run-'))
  for (const customer of ['ada', 'bob']) {
    const service = spawn(process.execPath, [join(project, 'service.mjs')], { cwd, env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(service, 'exit')
    const lines = createInterface(service.stdout)[Symbol.asyncIterator]()
    const line = async () => String((await lines.next()).value)
    const url = `http://localhost:${/port: (\d+)/.exec(await line())?.[1]}`
    const order = await fetch(`${url}/orders`, { method: 'POST', body: JSON.stringify({ customer, total: 12 }) })
    expect(order.status).toBe(201)
    expect(await line()).toBe(`billed ${customer} 12`) // and at the second start nothing of the first
    expect(await (await fetch(`${url}/health`)).text()).toMatch(/^running, \d to do, \d in hand\n$/)
    service.kill('SIGTERM')
    expect(await line()).toBe('closed')
    expect(await exited).toEqual([0, null])
  }
})

test(promises['testing-a-service'], () => {
  const env = { ...withoutVitest(process.env), NO_COLOR: '1', NODE_OPTIONS: '' }
  const output = execFileSync(process.execPath, [join(project, 'node_modules/vitest/vitest.mjs'), 'run'], { cwd: join(project, 'testing-a-service'), env, encoding: 'utf8', timeout: 20_000 })
  expect(output).toMatch(/Tests +4 passed \(4\)/)
})

test(promises['kafka-door.mjs'], async () => {
  const app = spawn(process.execPath, [join(project, 'kafka-door.mjs')], { cwd: mkdtempSync(join(project, 'run-')), env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(app, 'exit')
  const lines = createInterface(app.stdout)[Symbol.asyncIterator]()
  const command = String((await lines.next()).value)
  const port = Number(/^kcat -b 127\.0\.0\.1:(\d+) -t events /.exec(command)?.[1])
  const client = await WireClient.connect({ host: '127.0.0.1', port })
  expect((await client.ask(metadata, 12, { topics: null })).topics).toMatchObject([{ name: 'events' }])
  await client.close()
  if (spawnSync('kcat', ['-V']).error === undefined) expect(spawnSync('sh', ['-c', command], { encoding: 'utf8', timeout: 20_000 }).stdout).toBe('0 window {"opened":"main"}\n1 file {"saved":"letter.txt"}\n')
  app.kill('SIGTERM')
  expect((await lines.next()).value).toBe('closed')
  expect(await exited).toEqual([0, null])
})

/** What tells a process that it runs within a test of vitest. */
function withoutVitest(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^VITEST|^(TEST|DEV|PROD|MODE|SSR|BASE_URL|NODE_ENV)$/.test(name)))
}
