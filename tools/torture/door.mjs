// Kills the process that serves a log to Kafka's clients, with SIGKILL, while the Java client copies a topic exactly once
// (tools/kafka/ExactlyOnce.java: a transactional producer and a group). The client lives through all kills. In the end each
// record of `in` is in `out` once, in the order of its partition.
//
// A round is one kill, at a moment that the client's commits tell. Needs Java and Kafka's jars; without them it is skipped.
// The canary compares what was aborted, too: where nothing is, no kill has met a transaction.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'
import { startDoor } from '../kafka/door.mjs'
import { javaArguments, javaCommand, whyUnavailable } from '../kafka/jars.mjs'
import { Random } from './random.mjs'

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

const CLIENT = fileURLToPath(new URL('../kafka/ExactlyOnce.java', import.meta.url))
const PARTITIONS = 2
const PROTOCOLS = /** @type {const} */ (['classic', 'consumer'])
/** So many records are there to copy for each kill. */
const RECORDS_PER_ROUND = 300
const MOST_COMMITS_BEFORE_A_KILL = 12
const MOST_MS_AFTER = 40
/** The client comes on within it, or is stuck. */
const STUCK_MS = 120_000

/** @type {import('../torture.mjs').Campaign} */
export const campaign = {
  name: 'door',
  about: "kills the process that serves a log to Kafka's Java client; what that copies arrives exactly once",
  rounds: { unit: 'rounds', slice: 4, full: 50 },
  options: { protocol: PROTOCOLS },
  runs({ protocol }) {
    const sound = PROTOCOLS.filter(one => protocol === undefined || protocol === one).map(one => ({
      name: `a copy by a transactional producer and a group of the ${one} protocol is exact after kill -9 of the server`,
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => copyThroughKills(options, one, 'read_committed'),
    }))
    const canary = {
      name: 'what was aborted is in the files, and is found where it is read',
      mustFind: 'more than once',
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => copyThroughKills(options, 'classic', 'read_uncommitted'),
    }
    return [...sound, canary]
  },
}

/** @param {import('../torture.mjs').RunOptions} options @param {typeof PROTOCOLS[number]} protocol @param {'read_committed' | 'read_uncommitted'} isolation */
async function copyThroughKills({ rounds, seed, progress }, protocol, isolation) {
  const lacking = whyUnavailable()
  if (lacking !== undefined) return { skipped: lacking }
  const random = new Random(seed)
  const directory = mkdtempSync(join(tmpdir(), 'millrace-door-'))
  await fill(directory, rounds * RECORDS_PER_ROUND)
  let server = await startDoor({ directory })
  const { port } = server
  const client = new Client(port, protocol)
  try {
    for (let round = 1; round <= rounds && !client.hasEnded; round++) {
      await client.commits(1 + random.below(MOST_COMMITS_BEFORE_A_KILL))
      await sleep(random.below(MOST_MS_AFTER))
      await server.kill()
      server = await startDoor({ directory, port })
      progress(round)
    }
    await client.drained()
    await server.stop()
    const violations = await compare(directory, isolation)
    const { committed, aborted, anew } = client
    const figures = `${rounds} kills, ${committed} transactions committed, ${aborted} aborted, the client began anew ${anew} times`
    const isEvidence = violations.length > 0 && isolation === 'read_committed'
    if (!isEvidence) rmSync(directory, { recursive: true, force: true })
    return { figures, violations, evidence: isEvidence ? directory : undefined }
  } finally {
    client.kill()
    await server.kill()
  }
}

/** Kafka's client, and what it says. */
class Client {
  committed = 0
  aborted = 0
  anew = 0
  hasEnded = false
  /** @type {string[]} */
  #said = []
  /** @type {ChildProcess} */
  #child
  #news = () => { /* nobody waits */ }

  /** @param {number} port @param {string} protocol */
  constructor(port, protocol) {
    this.#child = spawn(javaCommand(), [...javaArguments('ERROR'), CLIENT, `127.0.0.1:${port}`, protocol], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.on('exit', () => {
      this.hasEnded = true
      this.#news()
    })
    createInterface({ input: /** @type {import('node:stream').Readable} */ (this.#child.stdout) }).on('line', line => { this.#hear(line) })
  }

  /** @param {string} line */
  #hear(line) {
    this.#said.push(line)
    if (line === 'committed') this.committed++
    if (line.startsWith('aborted')) this.aborted++
    if (line === 'begins anew') this.anew++
    this.#news()
  }

  /** Resolves after so many more, or when it has ended. @param {number} count */
  async commits(count) {
    const wanted = this.committed + count
    await this.#until(() => this.committed >= wanted)
  }

  async drained() {
    await this.#until(() => this.#said.includes('drained'))
    if (!this.#said.includes('drained')) throw new Error(`the client has ended: ${this.#said.slice(-5).join(' · ')}`)
  }

  /** @param {() => boolean} isSo */
  async #until(isSo) {
    const deadline = Date.now() + STUCK_MS
    while (!isSo() && !this.hasEnded) {
      if (Date.now() > deadline) throw new Error(`nothing for ${STUCK_MS} ms: ${this.#said.slice(-5).join(' · ')}`)
      await Promise.race([new Promise(resolve => { this.#news = () => { resolve(undefined) } }), sleep(1000)])
    }
  }

  kill() {
    this.#child.kill('SIGKILL')
  }
}

/** @param {string} directory @param {number} count */
async function fill(directory, count) {
  const log = await open(directory)
  const topic = /** @type {const} */ ({ partitions: PARTITIONS, key: 'string', value: 'string' })
  const input = await log.topic('in', topic)
  await log.topic('out', topic)
  await input.send(Array.from({ length: count }, (_, i) => ({ key: `${i % 7}`, value: `${i}`, partition: i % PARTITIONS })))
  await log.close()
}

/** @param {string} directory @param {'read_committed' | 'read_uncommitted'} isolation @returns {Promise<string[]>} */
async function compare(directory, isolation) {
  const log = await open(directory)
  const found = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const [expected, copied] = await Promise.all(['in', 'out'].map(async name => {
      const values = []
      for await (const { value } of (await log.topic(name)).read({ partitions: [partition], isolation })) values.push(/** @type {string} */ (value))
      return values
    }))
    found.push(...differences(partition, expected ?? [], copied ?? []))
  }
  await log.close()
  return found
}

/** @param {number} partition @param {string[]} expected @param {string[]} copied @returns {string[]} */
function differences(partition, expected, copied) {
  const counts = new Map(expected.map(value => [value, 0]))
  for (const value of copied) counts.set(value, (counts.get(value) ?? 0) + 1)
  const missingValues = [...counts].filter(([, count]) => count === 0)
  const repeated = [...counts].filter(([, count]) => count > 1)
  const isInOrder = copied.every((value, i) => i === 0 || Number(value) > Number(copied[i - 1]))
  return [
    ...missingValues.length > 0 ? [`partition ${partition}: ${missingValues.length} records are not in the copy, the first is ${missingValues[0]?.[0]}`] : [],
    ...repeated.length > 0 ? [`partition ${partition}: ${repeated.length} records are in the copy more than once, the first is ${repeated[0]?.[0]}`] : [],
    ...isInOrder || repeated.length > 0 ? [] : [`partition ${partition}: the copy is not in order`],
  ]
}
