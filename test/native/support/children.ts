// Programs of a few lines on the bare native part, each in a process of its own: what they do with signals must not
// happen to the tests.
import { spawn } from 'node:child_process'
import { nativeFile } from './native-file.ts'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly errors: string
  /** What it reported, parsed; undefined when it did not come to that. */
  readonly report: unknown
}

export interface ChildOptions {
  /** Instead of the one that the tests run on. */
  readonly nativeFile?: string | undefined
  readonly environment?: NodeJS.ProcessEnv
  /** The main thread does not load it: `native` is undefined there. */
  readonly onlyInWorkers?: boolean
}

// `cutWindow` is a window of 64 KiB whose file somebody else has cut to nothing; `copies` tries both ways. A worker that
// is started has the same names.
const NAMES = `
const fs = require('node:fs')
const { Worker, isMainThread, parentPort } = require('node:worker_threads')
const { NATIVE_FILE, ONLY_IN_WORKERS, NAMES } = process.env
const native = isMainThread && ONLY_IN_WORKERS === 'yes' ? undefined : require(NATIVE_FILE)
const startWorker = program => new Worker(NAMES + program, { eval: true })
const report = facts => { fs.writeSync(1, JSON.stringify(facts)) }
const batch = Buffer.alloc(100, 7)
const openScratch = () => {
  const path = fs.mkdtempSync(require('node:os').tmpdir() + '/millrace-native-') + '/a'
  const fd = fs.openSync(path, 'w+')
  fs.rmSync(require('node:path').dirname(path), { recursive: true })
  return fd
}
const cutWindow = () => {
  const fd = openScratch()
  const window = native.grow(fd, 0, 65536)
  fs.ftruncateSync(fd, 0)
  return window
}
const copies = window => [native.append(window, 0, batch, 100, 5, 1), native.read(window, 0, batch, 100)]
`

/** Runs a CommonJS program that has the names above. */
export function runChild(program: string, options: ChildOptions = {}): Promise<Ended> {
  const env = { ...process.env, NATIVE_FILE: options.nativeFile ?? nativeFile, ONLY_IN_WORKERS: options.onlyInWorkers === true ? 'yes' : 'no', NAMES, ...options.environment }
  const child = spawn(process.execPath, ['-e', NAMES + program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let errors = ''
  child.stdout.on('data', chunk => { said += String(chunk) })
  child.stderr.on('data', chunk => { errors += String(chunk) })
  return new Promise(resolve => {
    child.once('close', (code, signal) => { resolve({ code, signal, errors, report: said === '' ? undefined : JSON.parse(said) }) })
  })
}

/** What ended well and reported. */
export async function reportOf(program: string, options?: ChildOptions): Promise<unknown> {
  const { code, signal, errors, report } = await runChild(program, options)
  if (code !== 0) throw new Error(`the program ended by ${code ?? signal}: ${errors}`)
  return report
}
