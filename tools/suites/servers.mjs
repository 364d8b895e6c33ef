// What a suite runs against: a door, as a user starts one from a shell, or a real broker. Each in a new directory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startBroker } from '../kafka/kafka.mjs'

const cli = fileURLToPath(new URL('../../dist/cli.cjs', import.meta.url))

/** @typedef {{ bootstrap: string, stop: () => Promise<void> }} Server */

/** By side, how a suite's server is started; `output`: the file, but for its ending, that has what it prints. @type {Readonly<Record<import('./campaign.mjs').Side, (suite: import('./campaign.mjs').Suite, output: string) => Promise<Server>>>} */
export const servers = {
  async door({ partitions }, output) {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-suites-'))
    const log = openSync(`${output}-server.log`, 'w')
    const child = spawn(process.execPath, [cli, 'serve', directory, '--port', '0', '--partitions', String(partitions)], { stdio: ['ignore', 'pipe', log] })
    closeSync(log)
    const stop = async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      rmSync(directory, { recursive: true, force: true })
    }
    endWithUs(child)
    for await (const line of createInterface(/** @type {import('node:stream').Readable} */ (child.stdout))) {
      const bootstrap = /bootstrap: (\S+)/.exec(line)?.[1]
      if (bootstrap !== undefined) return { bootstrap, stop }
    }
    throw new Error(`the door did not open; ${output}-server.log has what it said`)
  },

  async broker({ brokerProperties }) {
    const directory = mkdtempSync(join(tmpdir(), 'kafka-suites-'))
    const broker = await startBroker({ directory, properties: brokerProperties })
    return {
      bootstrap: broker.bootstrap,
      async stop() {
        await broker.stop()
        rmSync(directory, { recursive: true, force: true })
      },
    }
  },
}

/** @param {import('node:child_process').ChildProcess} child */
function endWithUs(child) {
  const kill = () => { child.kill('SIGKILL') }
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
}
