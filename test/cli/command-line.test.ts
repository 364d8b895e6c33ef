// The command line as far as it goes without a log: help, and what is refused. Run within this process.
import { expect, onTestFinished, test, vi } from 'vitest'
import { readCommandLine } from '../../src/cli/command.ts'
import { main } from '../../src/cli/main.ts'
import { serveCommand, type ServeOptions } from '../../src/cli/serve.ts'

interface Outcome { readonly code: number; readonly out: string; readonly err: string; readonly served: readonly (readonly [string, ServeOptions])[] }

/** What is printed, and what would have been served. */
async function run(...args: string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map(stream => vi.spyOn(process[stream], 'write').mockImplementation(text => {
    printed[stream] += String(text)
    return true
  }))
  onTestFinished(() => { for (const spy of spies) spy.mockRestore() })
  const served: [string, ServeOptions][] = []
  const ended = main(args, {
    serve(directory, options) {
      served.push([directory, options])
      setImmediate(() => process.emit('SIGTERM'))
      return Promise.resolve({ bootstrap: 'localhost:1', close: () => Promise.resolve() })
    },
  })
  const code = await ended
  for (const spy of spies) spy.mockRestore()
  return { code, out: printed.stdout, err: printed.stderr, served }
}

test('--help tells commands and options, and so does no command at all', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('serve'), err: '' })
  expect(await run()).toEqual(await run('-h'))
  const { code, out } = await run('serve', '--help')
  expect(code).toBe(0)
  for (const option of ['--port <number>', '--host <address>', '--socket <path>', '--durability <kind>', '--no-auto-create']) expect(out).toContain(option)
})

test.each([
  [['sevre', './data'], "did you mean 'serve'?"],
  [['constructor'], "unknown command 'constructor'"],
  [['serve'], 'found 0 directories'],
  [['serve', 'a', 'b'], 'found 2 directories'],
  [['serve', 'a', '--prot', '1'], 'did you mean --port?'],
  [['serve', 'a', '-x'], 'unknown option -x'],
  [['serve', 'a', '--port', 'many'], "--port: found 'many'"],
  [['serve', 'a', '--port'], '--port'],
  [['serve', 'a', '--help=yes'], '--help'],
])('%j is refused: %s', async (args, told) => {
  expect(await run(...args)).toMatchObject({ code: 1, out: '', err: expect.stringContaining(told), served: [] })
})

test('what is refused is the caller’s mistake', () => {
  const { options } = serveCommand({ serve: () => Promise.reject(new Error('not to be called')) })
  expect(() => readCommandLine({ options, usage: '', about: '', run: () => Promise.resolve() }, ['--prot'])).toThrow(expect.objectContaining({ code: 'COMMAND_LINE_INVALID' }))
})

test('options are handed on as listen() takes them, and only those that are given', async () => {
  expect((await run('serve', 'data')).served).toEqual([['data', { port: 9092, autoCreateTopics: true }]])
  const args = ['--port', '0', '--host', '::1', '--advertised-host', 'k', '--advertised-port', '7', '--durability', 'process', '--partitions', '3', '--no-auto-create']
  expect((await run('serve', ...args, 'data')).served).toEqual([['data', { port: 0, host: '::1', advertisedHost: 'k', advertisedPort: 7, durability: 'process', defaultPartitions: 3, autoCreateTopics: false }]])
  const { out, served } = await run('serve', 'data', '--socket', 'kafka.sock')
  expect(served).toEqual([['data', { port: 0, socket: 'kafka.sock', autoCreateTopics: true }]])
  expect(out).toBe(`data is served to Kafka's clients\n  bootstrap: kafka.sock\n  to stop: Ctrl-C, or SIGTERM to process ${process.pid}\nclosed\n`)
})
