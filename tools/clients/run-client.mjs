// Runs a client's program against a broker, whichever it is, and says what is wrong with what it printed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { faultsOf } from './expectations.mjs'

/** Scenarios give up by themselves long before. */
const timeoutMs = 150_000

let runs = 0

/** No other run has it, in this process or another at the same time. */
export function newPrefix() {
  return `run-${process.pid}-${runs++}`
}

/**
 * Plays all scenarios of a client.
 * @param {import('./clients.mjs').Client} client
 * @param {string} folder  where its runtime is installed
 * @param {string} bootstrap
 * @returns {Promise<Map<string, { ms: number | undefined, faults: string[] }>>}  for each scenario
 */
export async function runClient(client, folder, bootstrap) {
  const { results, told } = await playScenarios(client, folder, { bootstrap, prefix: newPrefix(), scenarios: client.scenarios })
  const ended = results.length === client.scenarios.length
  return new Map([...faultsOf(client, results)].map(([name, faults]) => [name, {
    ms: results.find(({ scenario }) => scenario === name)?.['ms'],
    faults: ended || faults.length === 0 ? faults : [...faults, told],
  }]))
}

/**
 * Runs a client's program and returns what it printed; told: how it ended, in words.
 * @param {import('./clients.mjs').Client} client
 * @param {string} folder
 * @param {{ bootstrap: string, prefix: string, scenarios: readonly string[] }} place
 */
export async function playScenarios(client, folder, { bootstrap, prefix, scenarios }) {
  const { command, args, env } = client.start(folder)
  const { stdout, told } = await output(command, [...args, bootstrap, prefix, ...scenarios], { ...process.env, ...env })
  /** @type {import('./expectations.mjs').Result[]} */
  const results = stdout.split('\n').filter(line => line.startsWith('{')).map(line => JSON.parse(line))
  return { results, told }
}

/** @param {string} command @param {readonly string[]} args @param {NodeJS.ProcessEnv} env */
async function output(command, args, env) {
  // A group of its own, so that what it has started ends with it.
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const killGroup = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
    }
  }
  process.once('exit', killGroup)
  const late = setTimeout(killGroup, timeoutMs)
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', text => { stderr += text })
  try {
    const [code, signal] = await once(child, 'close')
    return { stdout, told: `the program ended with ${signal ?? code}: ${stderr.slice(-2000)}` }
  } finally {
    clearTimeout(late)
    process.removeListener('exit', killGroup)
  }
}
