// A real Kafka broker for as long as a test or a script needs it: one KRaft node, broker and controller in one
// process, listening on 127.0.0.1 alone, on ports that were free. Its directory holds
//   server.properties   server.log   data/ (Kafka's log.dirs: partition folders and checkpoints)
// A directory that was used before is started again as it is: that is how a broker recovers.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fetchJars, javaArguments, javaCommand } from './jars.mjs'
import { runTool } from './run.mjs'

/**
 * @typedef {object} Broker
 * @property {string} bootstrap  host:port for clients
 * @property {string} dataDirectory  where the partition folders are
 * @property {number} pid
 * @property {number} startMs  how long it took to answer
 * @property {() => Promise<void>} stop  a clean shutdown
 * @property {() => Promise<void>} kill  SIGKILL: what a crash leaves
 */

/** One node, so one replica of everything; groups form at once; internal topics that fit on a screen. */
const defaults = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
}

const clusterId = 'bWlsbHJhY2UtYmVzaWRlcw'
const startTimeoutMs = 90_000
const stopTimeoutMs = 60_000
const pollMs = 50

/**
 * @param {object} options
 * @param {string} options.directory
 * @param {Readonly<Record<string, string>>} [options.properties]  go over the defaults
 * @param {readonly string[]} [options.machine]  Java's memory, collector and compiler, if not those of short runs
 * @returns {Promise<Broker>}
 */
export async function startBroker({ directory, properties = {}, machine }) {
  fetchJars()
  const home = resolve(directory)
  mkdirSync(home, { recursive: true })
  const [port, controllerPort] = await freePorts(2)
  const dataDirectory = join(home, 'data')
  const configuration = join(home, 'server.properties')
  const settings = {
    ...defaults,
    'listeners': `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.quorum.voters': `${properties['node.id'] ?? defaults['node.id']}@127.0.0.1:${controllerPort}`,
    'log.dirs': dataDirectory,
    ...properties,
  }
  writeFileSync(configuration, Object.entries(settings).map(([key, value]) => `${key}=${value}\n`).join(''))
  if (!existsSync(join(dataDirectory, 'meta.properties'))) await format(configuration)

  const startedAt = performance.now()
  const node = launch(configuration, join(home, 'server.log'), machine)
  try {
    await node.ready
    await waitUntil(() => answers(Number(port)), startTimeoutMs, `port ${port} to answer`)
  } catch (error) {
    await node.end('SIGKILL')
    throw error
  }
  return {
    bootstrap: `127.0.0.1:${port}`,
    dataDirectory,
    pid: node.pid,
    startMs: Math.round(performance.now() - startedAt),
    stop: () => node.end('SIGTERM'),
    kill: () => node.end('SIGKILL'),
  }
}

/** @param {string} configuration */
async function format(configuration) {
  const { status, stdout, stderr } = await runTool('storage', ['format', '--cluster-id', clusterId, '--config', configuration])
  if (status !== 0) throw new Error(`Kafka's storage tool could not format the directory: ${stdout}${stderr}`)
}

/**
 * @param {string} configuration
 * @param {string} logFile
 * @param {readonly string[] | undefined} machine
 */
function launch(configuration, logFile, machine) {
  const log = openSync(logFile, 'w')
  const child = spawn(javaCommand(), [...javaArguments('INFO', machine), 'kafka.Kafka', configuration], { stdio: ['ignore', log, log] })
  closeSync(log)
  // Not left behind when this process ends without stop(); a SIGKILL of this process leaves it behind all the same.
  const killWithUs = () => { child.kill('SIGKILL') }
  process.once('exit', killWithUs)
  /** @type {Promise<void>} */
  const ended = new Promise(settle => {
    child.once('error', () => settle())
    child.once('exit', () => settle())
  })
  void ended.then(() => process.removeListener('exit', killWithUs))
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null

  const ready = waitUntil(() => {
    if (!running()) throw new Error(`the broker ended while it started:\n${lastLines(logFile)}`)
    return readFileSync(logFile, 'utf8').includes('Kafka Server started')
  }, startTimeoutMs, `the broker to start; its log is ${logFile}`)

  /** @param {'SIGTERM' | 'SIGKILL'} signal */
  async function end(signal) {
    child.kill(signal)
    const late = new AbortController()
    const hung = await Promise.race([ended, pause(stopTimeoutMs, 'hung', { signal: late.signal }).catch(() => undefined)])
    late.abort()
    if (hung === undefined) return
    child.kill('SIGKILL')
    await ended
    throw new Error(`the broker did not stop within ${stopTimeoutMs} ms and was killed; its log is ${logFile}`)
  }
  return { pid: child.pid ?? -1, ready, end }
}

/**
 * @param {() => boolean | Promise<boolean>} condition
 * @param {number} timeoutMs
 * @param {string} what
 */
export async function waitUntil(condition, timeoutMs, what) {
  const deadline = performance.now() + timeoutMs
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await pause(pollMs)
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise(settle => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => { socket.destroy(); settle(true) })
    socket.once('error', () => settle(false))
  })
}

/** Ports that nobody listens on now, taken together so that they differ. @param {number} count */
async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, listen))
  const ports = servers.map(server => /** @type {import('node:net').AddressInfo} */ (server.address()).port)
  await Promise.all(servers.map(server => new Promise(closed => { server.close(closed) })))
  return ports
}

/** @returns {Promise<import('node:net').Server>} */
function listen() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

/** @param {string} file */
function lastLines(file) {
  return readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')
}
