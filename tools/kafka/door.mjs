// A door in a process of its own, `millrace serve` of dist/, for as long as a test or a script needs it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} ServedDoor
 * @property {string} bootstrap  host:port for clients
 * @property {number} port
 * @property {number} pid
 * @property {() => Promise<void>} stop  the log is closed
 * @property {() => Promise<void>} kill  SIGKILL: what a crash leaves
 */

const program = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url))

/**
 * @param {{ directory: string, port?: number, partitions?: number }} options  partitions: of topics that are made without a number
 * @returns {Promise<ServedDoor>}
 */
export async function startDoor({ directory, port = 0, partitions = 1 }) {
  const child = spawn(process.execPath, [program, 'serve', directory, '--port', `${port}`, '--partitions', `${partitions}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const killWithUs = () => { child.kill('SIGKILL') }
  process.once('exit', killWithUs)
  const ended = once(child, 'exit').finally(() => process.removeListener('exit', killWithUs))

  const bootstrap = await Promise.race([
    bootstrapIn(createInterface({ input: child.stdout })),
    ended.then(([status]) => { throw new Error(`the door ended with ${status} while it started`) }),
  ])

  /** @param {'SIGTERM' | 'SIGKILL'} signal */
  async function end(signal) {
    child.kill(signal)
    await ended
  }
  return {
    bootstrap,
    port: Number(bootstrap.split(':').at(-1)),
    pid: child.pid ?? -1,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

/** @param {import('node:readline').Interface} lines @returns {Promise<string>} */
function bootstrapIn(lines) {
  return new Promise(found => {
    lines.on('line', line => {
      const [, bootstrap] = /bootstrap: (\S+)/.exec(line) ?? []
      if (bootstrap !== undefined) found(bootstrap)
    })
  })
}
