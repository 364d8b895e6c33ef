// Programs of a few lines that use the library from source in a process of their own.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import manifest from '../../../package.json' with { type: 'json' }

const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface Library {
  readonly directory: string
  /** Writes an ES module that has the library's names, `say` and `heard`; its path. */
  script(source: string): string
  remove(): void
}

export interface Child {
  readonly pid: number
  /** The next line that it says. */
  line(): Promise<string | undefined>
  tell(line: string): void
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }>
}

const PREAMBLE = `
import { createRequire } from 'node:module'
import { writeSync } from 'node:fs'
const require = createRequire(import.meta.url)
const { open, testLog, MillraceError } = require('./library.cjs')
const say = line => { writeSync(1, line + '\\n') }
const heard = () => new Promise(resolve => process.stdin.once('data', data => { process.stdin.destroy(); resolve(String(data).trim()) }))
`

export function bundleLibrary(): Library {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-child-'))
  buildSync({
    stdin: { contents: "export * from './src/index.ts'\nexport * from './src/testing.ts'", resolveDir: root, loader: 'ts' }, outfile: join(directory, 'library.cjs'),
    bundle: true, external: Object.keys(manifest.optionalDependencies), platform: 'node', target: 'node20', format: 'cjs', logLevel: 'error', logOverride: { 'empty-import-meta': 'silent' },
  })
  let scripts = 0
  return {
    directory,
    script(source) {
      const path = join(directory, `child-${scripts++}.mjs`)
      writeFileSync(path, PREAMBLE + source)
      return path
    },
    remove() { rmSync(directory, { recursive: true, force: true }) },
  }
}

export async function startChild(library: Library, source: string, args: readonly string[] = []): Promise<Child> {
  const child = spawn(process.execPath, [...args, library.script(source)], { env: { ...process.env, NODE_PATH: join(root, 'node_modules') }, stdio: ['pipe', 'pipe', 'pipe'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let errors = ''
  child.stderr.on('data', chunk => { errors += String(chunk) })
  const ended = new Promise<Awaited<Child['ended']>>(resolve => { child.once('close', (code, signal) => { resolve({ code, signal, errors }) }) })
  await new Promise<void>((resolve, reject) => { child.once('spawn', resolve).once('error', reject) })
  return {
    pid: child.pid!,
    async line() {
      const next = await lines.next()
      return next.done === true ? undefined : next.value
    },
    tell(line) { child.stdin.write(`${line}\n`) },
    ended,
  }
}
