// A door beside a real broker, under Kafka's own perf tools: records of 100 bytes, uncompressed and lz4, in batches of
// 16 KiB (the client's defaults) and of 128 KiB, acks 1; how long a record takes end to end; how fast a door is there.
//   npm run build && node tools/kafka/door-speed.mjs [--rounds 5] [--records 2000000] [--only produce|end-to-end|start] [--directory D]
// Both stand side by side with the settings they come with, in directories on the same disk, and are asked in turn, in a
// new topic each time, by a new JVM. The first round warms both up and is not counted. Told are medians, the smallest
// and the largest, and the median of the rounds' ratios; of Linux also the processor time of door and broker for each
// record, which neighbours hardly change. About 2 minutes a round.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine, median, print } from '../../bench/support/report.mjs'
import { startBroker } from './broker.mjs'
import { startDoor } from './door.mjs'
import { runSource, runTool } from './run.mjs'
import { startToolRunner } from './tool-runner.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const recordBytes = 100
const endToEndRecords = 5000
const starts = 10

/** As Kafka's own scripts start a broker and its tools. */
const collector = ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent']
const ofBroker = ['-server', ...collector, '-Xms1G', '-Xmx1G']
const ofTools = ['-server', ...collector, '-Xmx512m']

const cases = ['none', 'lz4'].flatMap(compression => [
  { name: `${compression}, 16 KiB`, settings: [`compression.type=${compression}`] },
  { name: `${compression}, 128 KiB`, settings: [`compression.type=${compression}`, 'batch.size=131072', 'linger.ms=10'] },
])

/** @typedef {{ name: 'door' | 'broker', bootstrap: string, pid: number }} Side */
/** By figure, of each side, a value for each round. @typedef {Map<string, Record<Side['name'], number[]>>} Figures */

const { values: { rounds, records, only, directory } } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    records: { type: 'string', default: '2000000' },
    only: { type: 'string' },
    directory: { type: 'string', default: tmpdir() },
  },
})

const scratch = mkdtempSync(join(directory, 'door-speed-'))
const tools = startToolRunner()
let topics = 0
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    process.once('exit', removeScratch) // the last that is done: what was started is killed before
    process.exit(1)
  })
}
try {
  console.log(JSON.stringify(machine()))
  if (only === undefined || only !== 'start') await compareSides()
  if (only === undefined || only === 'start') await measureStarts()
} finally {
  await tools.close()
  removeScratch()
}

function removeScratch() {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 })
}

async function compareSides() {
  const door = await startDoor({ directory: join(scratch, 'door') })
  const broker = await startBroker({ directory: join(scratch, 'broker'), machine: ofBroker })
  try {
    /** @type {Side[]} */
    const sides = [{ name: 'door', ...door }, { name: 'broker', ...broker }]
    /** @type {Figures} */
    const figures = new Map()
    for (let round = 0; round <= Number(rounds); round++) {
      // The one that goes first changes: what the first leaves to the disk is the second's burden.
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) await measure(side, round === 0 ? new Map() : figures)
    }
    report(figures)
  } finally {
    await Promise.all([door.stop(), broker.stop()])
  }
}

/** @param {Side} side @param {Figures} figures */
async function measure(side, figures) {
  const note = (/** @type {string} */ figure, /** @type {number} */ value) => {
    const of = figures.get(figure) ?? { door: [], broker: [] }
    of[side.name].push(value)
    figures.set(figure, of)
    console.error(`${side.name}: ${figure} ${value}`)
  }
  const rate = async (/** @type {string} */ figure, /** @type {Promise<number>} */ measured) => {
    const before = processorNs(side.pid)
    note(`${figure}, records/s`, await measured)
    note(`${figure}, its CPU ns`, (processorNs(side.pid) - before) / Number(records))
  }
  if (only !== 'end-to-end') {
    for (const { name, settings } of cases) {
      const topic = await makeTopic(side)
      await rate(`produce ${name}`, produce(side, topic, settings))
      await rate(`consume ${name}`, consume(side, topic))
    }
  }
  if (only !== 'produce') {
    const { p50, p99, mean } = JSON.parse(await output(runSource(join(here, 'EndToEnd.java'), [side.bootstrap, await makeTopic(side), `${endToEndRecords}`, '1'], ofTools)))
    note('end to end p50, ms', p50)
    note('end to end p99, ms', p99)
    note('end to end mean, ms', mean)
  }
}

/** @param {Side} side */
async function makeTopic({ bootstrap }) {
  const topic = `speed-${topics++}`
  await output(tools.run('topics', ['--bootstrap-server', bootstrap, '--create', '--topic', topic, '--partitions', '1']))
  return topic
}

/** @param {Side} side @param {string} topic @param {readonly string[]} settings */
async function produce({ bootstrap }, topic, settings) {
  const properties = [`bootstrap.servers=${bootstrap}`, 'acks=1', 'enable.idempotence=false', ...settings]
  const said = await output(runTool('producer-perf-test', ['--topic', topic, '--num-records', records, '--record-size', `${recordBytes}`, '--throughput', '-1', '--producer-props', ...properties], ofTools))
  return Number(/ ([\d.]+) records\/sec .* 99.9th\.\s*$/.exec(said.trim().split('\n').at(-1) ?? '')?.[1])
}

/** @param {Side} side @param {string} topic */
async function consume({ bootstrap }, topic) {
  const said = await output(runTool('consumer-perf-test', ['--bootstrap-server', bootstrap, '--topic', topic, '--num-records', records, '--group', topic, '--timeout', '60000'], ofTools))
  const fields = said.trim().split('\n').at(-1)?.split(', ') ?? []
  if (Number(fields[4]) < Number(records)) throw new Error(`${fields[4]} of ${records} records were consumed: ${said}`)
  return Number(fields[9]) // without the time it takes to join a group
}

/** What a process has used of processors so far, in steps of 10 ms; NaN where /proc does not tell. @param {number} pid */
function processorNs(pid) {
  if (process.platform !== 'linux') return NaN
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ').slice(11, 13).map(Number)
  return ((user ?? NaN) + (system ?? NaN)) * 10_000_000
}

/** @param {Promise<import('./run.mjs').ToolResult>} running */
async function output(running) {
  const { stdout, stderr, status } = await running
  if (status !== 0) throw new Error(`a tool ended with ${status}: ${stdout}${stderr}`)
  return stdout
}

/** @param {Figures} figures */
function report(figures) {
  const rows = [...figures].map(([name, { door, broker }]) => {
    const ratio = median(door.map((value, round) => value / (broker[round] ?? NaN)))
    return [name, ...[door, broker].flatMap(values => [median(values), Math.min(...values), Math.max(...values)]), ratio]
  })
  print('A door beside a broker', ['', 'door', 'min', 'max', 'broker', 'min', 'max', 'door to broker'], rows, { rounds, records })
}

async function measureStarts() {
  const modules = installKafkajs()
  /** @type {{ listenMs: number, firstMessageMs: number }[]} */
  const measured = []
  for (let i = 0; i < starts; i++) {
    measured.push(JSON.parse(execFileSync(process.execPath, [join(here, 'first-message.mjs'), join(scratch, `start-${i}`), modules], { encoding: 'utf8' })))
  }
  const row = (/** @type {string} */ name, /** @type {number[]} */ values) => [name, median(values), Math.min(...values), Math.max(...values)]
  print('In a new process', ['', 'ms', 'min', 'max'], [
    row('listen()', measured.map(({ listenMs }) => listenMs)),
    row('from listen() to a message consumed by kafkajs', measured.map(({ firstMessageMs }) => firstMessageMs)),
  ], { processes: starts })
}

/** @returns {string} the folder that kafkajs can be required from */
function installKafkajs() {
  const prefix = join(here, '../../node_modules/.cache/millrace/kafkajs')
  execFileSync('npm', ['install', '--no-save', '--prefix', prefix, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', 'kafkajs@2.2.4'])
  return join(prefix, 'node_modules')
}
