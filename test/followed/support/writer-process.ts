// The other process, as a test holds it: told what to write, killed when the test ends or says so.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { CHILD_ENV } from '../../platform/support/bundle.ts'
import type { Order } from './writer.ts'

/** The writer and the source as it stands in one file that plain Node 20 runs; packages are those of the project. */
export function bundleWriter(script: string): void {
  buildSync({
    entryPoints: [fileURLToPath(new URL('writer.ts', import.meta.url))], bundle: true, packages: 'external', platform: 'node', target: 'node20', format: 'cjs',
    outfile: script, supported: { 'dynamic-import': false }, logLevel: 'error', logOverride: { 'empty-import-meta': 'silent' },
  })
}

export class WriterProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #answers: AsyncIterator<string>

  private constructor(script: string) {
    this.#child = spawn(process.execPath, [script], { env: CHILD_ENV })
    this.#child.stderr.on('data', chunk => process.stderr.write(chunk as Buffer))
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  static async start(script: string, directory: string): Promise<WriterProcess> {
    const writer = new WriterProcess(script)
    await writer.tell({ do: 'open', directory })
    return writer
  }

  /** Resolves once it is done. */
  async tell(order: Order): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#answers.next()
    if (done === true || value !== 'done') throw new Error(`the writer, told to ${order.do}: ${done === true ? 'it has ended' : value}`)
  }

  /** As kill -9. Resolves once it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}
