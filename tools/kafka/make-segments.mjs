// Makes test/fixtures/kafka-segments anew: what a real broker left on disk, and what Kafka's own consumer read there.
//   node tools/kafka/make-segments.mjs          about a minute; needs a JDK, Maven, npm and Python 3 with venv
// Written by the Java client, librdkafka and kafkajs (installed into node_modules/.cache). Each case is a folder
//   <case>/expected.json            what it is about, and for each partition offsets and records, in the form of ReadSegments.java
//   <case>/<topic>-0/               the partition's folder, byte for byte as the broker left it
// and broker-files/ holds the checkpoints of the broker that was stopped cleanly. Long keys and values are stored as
// { bytes, sha256 }. Kafka's dump tool has to agree with what is stored before anything is replaced.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBroker, waitUntil } from './broker.mjs'
import { dumpLog, dumpLogFaults, dumpedFiles } from './dump-log.mjs'
import { kafkaVersion } from './jars.mjs'
import { runSource } from './run.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const target = join(here, '../../test/fixtures/kafka-segments')
const cache = join(here, '../../node_modules/.cache/millrace')

/** @typedef {{ about: string, topics: readonly string[], compacted?: boolean }} Case */

/** @type {Readonly<Record<string, Case>>} */
const cleanCases = {
  'codecs': { about: 'Every codec of each client; text, binary, empty and null keys and values; headers.', topics: ['codecs-java', 'codecs-librdkafka', 'codecs-kafkajs'] },
  'log-append-time': { about: 'The broker sets the time: the records of a batch share its largest timestamp.', topics: ['log-append-time'] },
  'timestamps': { about: 'Timestamps in no order, 0 among them.', topics: ['timestamps'] },
  'transactions': { about: 'Committed, aborted and, in one topic, never ended.', topics: ['transactions', 'transactions-librdkafka', 'open-transaction'] },
  'compacted': { about: 'After the cleaner: gaps, tombstones with a delete horizon, an empty batch, transactions.', topics: ['compacted'], compacted: true },
  'deleted-records': { about: 'The log starts inside a batch; segments before it are renamed and await deletion.', topics: ['deleted-records'] },
  'internal': { about: "Kafka's own topics, with what Kafka's tool makes of keys and values.", topics: ['__consumer_offsets', '__transaction_state'] },
}

/** @type {Readonly<Record<string, Case>>} */
const uncleanCases = {
  'unclean': { about: 'The broker was killed: indexes are as long as it made them, zeros after the last entry or zeros alone.', topics: ['unclean', 'unclean-one-batch'] },
}

/** @type {Readonly<Record<string, Case>>} */
const recoveredCases = {
  'recovered': { about: 'The same broker, started again, wrote on under the next leader epoch and was stopped cleanly.', topics: ['unclean', 'unclean-one-batch'] },
}

const brokerFiles = ['cleaner-offset-checkpoint', 'log-start-offset-checkpoint', 'recovery-point-offset-checkpoint', 'replication-offset-checkpoint', 'meta.properties']

/** So that cleaning and deletion happen while we wait. */
const eager = { 'log.cleaner.backoff.ms': '200', 'log.retention.check.interval.ms': '200', 'log.initial.task.delay.ms': '500' }

const settleTimeoutMs = 60_000

/** Values longer than this are stored as their hash. */
const longBytes = 256

const scratch = mkdtempSync(join(tmpdir(), 'kafka-segments-'))
const made = join(scratch, 'made')
try {
  await makeClean()
  await makeUnclean()
  await check()
  // Whatever a checkout does to line ends elsewhere, these are bytes.
  writeFileSync(join(made, '.gitattributes'), '* -text\n')
  rmSync(target, { recursive: true, force: true })
  cpSync(made, target, { recursive: true })
  console.log(`${target} is what the broker left`)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

async function makeClean() {
  const broker = await startBroker({ directory: join(scratch, 'clean'), properties: eager })
  try {
    await java('WriteSegments.java', broker.bootstrap, 'topics')
    execFileSync(installLibrdkafka(), [join(here, 'librdkafka-client.py'), broker.bootstrap], { stdio: 'inherit' })
    execFileSync(process.execPath, [join(here, 'kafkajs-client.mjs'), broker.bootstrap, installKafkajs()], { stdio: 'inherit' })
    await java('WriteSegments.java', broker.bootstrap, 'clean')
    await waitUntil(() => isCleaned(broker.dataDirectory, 'compacted'), settleTimeoutMs, 'the cleaner')
    await waitUntil(() => namesIn(broker.dataDirectory, 'deleted-records').some(name => name.endsWith('.log.deleted')), settleTimeoutMs, 'segments to be deleted')
    await expectations(cleanCases, broker.bootstrap)
  } finally {
    await broker.stop()
  }
  keepPartitions(cleanCases, broker.dataDirectory)
  mkdirSync(join(made, 'broker-files'))
  for (const name of brokerFiles) cpSync(join(broker.dataDirectory, name), join(made, 'broker-files', name))
}

async function makeUnclean() {
  const directory = join(scratch, 'unclean')
  const broker = await startBroker({ directory })
  try {
    await java('WriteSegments.java', broker.bootstrap, 'unclean')
    await expectations(uncleanCases, broker.bootstrap)
  } finally {
    await broker.kill()
  }
  keepPartitions(uncleanCases, broker.dataDirectory)

  const again = await startBroker({ directory })
  try {
    await java('WriteSegments.java', again.bootstrap, 'recovered')
    await expectations(recoveredCases, again.bootstrap)
  } finally {
    await again.stop()
  }
  keepPartitions(recoveredCases, again.dataDirectory)
}

/** All but the active segment is cleaned, and nothing is under way. @param {string} data @param {string} topic */
function isCleaned(data, topic) {
  const active = namesIn(data, topic).filter(name => name.endsWith('.log')).map(name => Number(name.slice(0, -'.log'.length))).at(-1)
  const cleaned = new RegExp(`^${topic} 0 (\\d+)$`, 'm').exec(readFileSync(join(data, 'cleaner-offset-checkpoint'), 'utf8'))?.[1]
  return cleaned !== undefined && Number(cleaned) === active && !namesIn(data, topic).some(name => /\.(cleaned|swap|deleted)$/.test(name))
}

/** @param {string} data @param {string} topic */
function namesIn(data, topic) {
  return readdirSync(join(data, `${topic}-0`)).sort()
}

// ---------------------------------------------------------------- what is stored

/** @param {Readonly<Record<string, Case>>} cases @param {string} bootstrap */
async function expectations(cases, bootstrap) {
  const topics = Object.values(cases).flatMap(each => each.topics)
  const read = JSON.parse(await java('ReadSegments.java', bootstrap, ...topics))
  for (const [name, { about, topics: own }] of Object.entries(cases)) {
    mkdirSync(join(made, name), { recursive: true })
    const partitions = Object.fromEntries(own.map(topic => [`${topic}-0`, read[`${topic}-0`]]))
    writeExpected(name, { kafka: kafkaVersion, about, partitions })
  }
}

/** @typedef {{ kafka: string, about: string, partitions: Record<string, any> }} Expected  as JSON has it */

/** One line for each record, so that a difference is a line. @param {string} name @param {Expected} expected */
function writeExpected(name, expected) {
  const text = JSON.stringify(expected, (_key, value) => shortened(value), 1)
  const oneLineEach = text.replace(/^( *)\{\n\s+"offset": [^]*?^\1\}/gm, block => block.replace(/\n\s*/g, ' '))
  writeFileSync(expectedFile(name), `${oneLineEach.replace(/"committedOffsets": \[[^\]]*\]/g, list => list.replace(/\s+/g, ' '))}\n`)
}

/** @param {string} name */
function expectedFile(name) {
  return join(made, name, 'expected.json')
}

/** Keys and values are base64. @param {unknown} value @returns {unknown} */
function shortened(value) {
  if (typeof value !== 'object' || value === null || !('timestampType' in value)) return value
  const short = (/** @type {unknown} */ text) => {
    if (typeof text !== 'string' || text.length * 3 / 4 <= longBytes) return text
    const bytes = Buffer.from(text, 'base64')
    return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  }
  const { key, value: content } = /** @type {{ key?: unknown, value?: unknown }} */ (value)
  return { ...value, key: short(key), value: short(content) }
}

/** @param {Readonly<Record<string, Case>>} cases @param {string} data */
function keepPartitions(cases, data) {
  for (const [name, { topics }] of Object.entries(cases)) {
    for (const topic of topics) cpSync(join(data, `${topic}-0`), join(made, name, `${topic}-0`), { recursive: true })
  }
}

/** Kafka's dump tool finds no fault, and the records that the consumer was given. Adds what it makes of internal topics. */
async function check() {
  for (const [name, { topics, compacted = false }] of Object.entries({ ...cleanCases, ...uncleanCases, ...recoveredCases })) {
    const expected = /** @type {Expected} */ (JSON.parse(readFileSync(expectedFile(name), 'utf8')))
    for (const topic of topics) {
      const directory = join(made, name, `${topic}-0`)
      const logs = readdirSync(directory).filter(file => file.endsWith('.log')).sort().map(file => join(directory, file))
      const decoder = topic === '__consumer_offsets' ? 'offsets' : topic === '__transaction_state' ? 'transaction-log' : undefined
      const result = await dumpLog(logs, decoder === undefined ? {} : { decoder })
      const faults = dumpLogFaults(result, { compacted: () => compacted })
      if (faults.length > 0) throw new Error(`${name}: ${faults.join('\n')}`)

      const partition = expected.partitions[`${topic}-0`]
      const dumped = dumpedFiles(result).flatMap(file => file.batches.flatMap(batch => batch.control ? [] : batch.records))
      const offsets = dumped.map(record => record.offset).filter(offset => offset >= partition.startOffset)
      const read = partition.records.map((/** @type {{ offset: number }} */ record) => record.offset)
      if (offsets.join() !== read.join()) throw new Error(`${name}: the tool and the consumer differ: ${offsets.join()} and ${read.join()}`)
      if (decoder !== undefined) partition.decoded = dumped.map(({ offset, key, value }) => ({ offset, key, value }))
    }
    writeExpected(name, expected)
  }
}

// ---------------------------------------------------------------- clients

/** @param {string} source @param {...string} args @returns {Promise<string>} standard output */
async function java(source, ...args) {
  const { stdout, stderr, status } = await runSource(join(here, source), args)
  if (status !== 0 || stderr !== '') throw new Error(`${source} ended with ${status}: ${stderr}`)
  return stdout
}

/** @returns {string} the folder that kafkajs can be required from */
function installKafkajs() {
  const prefix = join(cache, 'kafkajs')
  mkdirSync(prefix, { recursive: true })
  execFileSync('npm', ['install', '--no-save', '--prefix', prefix, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', 'kafkajs@2.2.4'])
  return join(prefix, 'node_modules')
}

/** @returns {string} a Python that has confluent-kafka, from its wheel, which brings librdkafka */
function installLibrdkafka() {
  const environment = join(cache, 'librdkafka')
  const python = join(environment, 'bin', 'python')
  if (!existsSync(python)) {
    const partial = mkdtempSync(`${environment}-`)
    execFileSync('python3', ['-m', 'venv', partial])
    renameSync(partial, environment)
  }
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', 'confluent-kafka==2.16.1'])
  return python
}
