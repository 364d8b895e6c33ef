// The command line, as a process of its own: `millrace serve`.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { WireClient } from '../kafka-door/support/wire-client.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: { millrace: string } }
const cli = join(root, bin.millrace)

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
  onTestFinished(() => { rmSync(directory, { recursive: true }) })
  return join(directory, 'data')
}

/** The end of a process that ends by itself. */
function run(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: 20_000 })
  return { code: status, out: stdout, err: stderr }
}

interface Served { readonly bootstrap: string; readonly lines: AsyncIterator<string>; readonly stop: (signal: NodeJS.Signals) => Promise<unknown> }

async function serve(...args: string[]): Promise<Served> {
  const child = spawn(process.execPath, [cli, 'serve', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => { child.kill('SIGKILL') })
  const exited = once(child, 'exit')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  await lines.next()
  const bootstrap = String((await lines.next()).value).replace(/^ *bootstrap: /, '')
  await lines.next()
  return { bootstrap, lines, stop: async signal => {
    child.kill(signal)
    child.kill(signal) // as Ctrl-C under npx, which passes it on
    return await exited
  } }
}

async function topicsAt(bootstrap: string, ask: string[] = []): Promise<unknown[]> {
  const [host = '', port] = bootstrap.split(':')
  const client = await WireClient.connect({ host, port: Number(port) })
  const { topics } = await client.ask(metadata, 12, { topics: ask.length === 0 ? null : ask.map(name => ({ name })) })
  await client.close()
  return topics.map(({ name, partitions }) => [name, partitions.length])
}

test.each(['SIGTERM', 'SIGINT'] as const)('a served log takes clients until %s, is closed, and has its topics the next time', async signal => {
  const directory = newDirectory()
  const first = await serve(directory, '--port', '0', '--partitions', '3')
  expect(first.bootstrap).toMatch(/^127\.0\.0\.1:\d+$/)
  expect(await topicsAt(first.bootstrap, ['orders'])).toEqual([['orders', 3]])
  expect(await first.stop(signal)).toEqual([0, null])
  expect((await first.lines.next()).value).toBe('closed')
  expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(true)
  const second = await serve(directory, '--port', '0', '--no-auto-create')
  expect(await topicsAt(second.bootstrap)).toEqual([['orders', 3]])
  expect(await topicsAt(second.bootstrap, ['none'])).toEqual([['none', 0]])
  expect(await second.stop(signal)).toEqual([0, null])
})

test('the program can be run by its name', () => {
  expect(readFileSync(cli, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
})

test('a directory that is held, and a port that is taken, are told, and the exit code is 1', async () => {
  const directory = newDirectory()
  const served = await serve(directory, '--port', '0')
  expect(run('serve', directory, '--port', '0')).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^millrace: .*already open for writing/) })
  await served.stop('SIGTERM')
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  expect(run('serve', directory, '--port', String(port))).toMatchObject({ code: 1, out: '', err: expect.stringContaining(`127.0.0.1:${port}`) })
  other.close()
})

test('a wrong option is told, and makes no log', () => {
  const directory = newDirectory()
  expect(run('serve', directory, '--port', '70000')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('from 0 to 65535') })
  expect(existsSync(directory)).toBe(false)
})

test.skipIf(process.platform === 'win32')('a log can be served on a Unix socket', async () => {
  const path = join(newDirectory(), '..', 'kafka.sock')
  const served = await serve('memory:', '--socket', path)
  expect([served.bootstrap, existsSync(path)]).toEqual([path, true])
  await served.stop('SIGTERM')
  expect(existsSync(path)).toBe(false)
})
