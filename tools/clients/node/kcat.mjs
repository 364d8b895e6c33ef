// kcat, and with it librdkafka 2.0: those scenarios of README.md that a command line tool can play. It makes no topics
// but by naming them, so they have one partition each and a group is over four of them; a transaction is one process,
// which commits at the end of its input and aborts when it is interrupted.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { groupScenario, records, runScenarios, until } from './report.mjs'

/** @typedef {import('./report.mjs').Place} Place */
/** @typedef {{ stdout: string, stderr: string, child: import('node:child_process').ChildProcess, ended: Promise<void> }} Run */

/** @param {Place} place @param {readonly string[]} args @returns {Run} */
function start({ bootstrap }, args) {
  const child = spawn('kcat', ['-b', bootstrap, ...args], { stdio: 'pipe' })
  const run = { stdout: '', stderr: '', child, ended: ended() }
  child.stdout.setEncoding('utf8').on('data', text => { run.stdout += text })
  child.stderr.setEncoding('utf8').on('data', text => { run.stderr += text })
  return run

  async function ended() {
    const [code, signal] = await once(child, 'close')
    if (code !== 0 && signal === null) throw new Error(`kcat ${args.join(' ')} ended with ${code}: ${run.stderr}`)
  }
}

/** @param {Place} place @param {readonly string[]} args @param {string} [input] */
async function kcat(place, args, input = '') {
  const run = start(place, args)
  run.child.stdin?.end(input)
  await run.ended
  return run.stdout
}

/** @param {readonly { key: string, value: string }[]} sent */
const asInput = sent => sent.map(({ key, value }) => `${key}\t${value}\n`).join('')

/** @param {Place} place @param {string} topic @param {string} name @param {number} count @param {readonly string[]} [options] */
async function send(place, topic, name, count, options = []) {
  await kcat(place, ['-P', '-t', topic, '-K', '\t', '-H', `origin=${name}`, ...options], asInput(records(name, count)))
}

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** @param {Place} place */
async function produce(place) {
  const topic = place.topic('records')
  for (const codec of codecs) {
    await send(place, topic, `${codec}-acks1`, 100, ['-z', codec, '-X', 'acks=1'])
    await send(place, topic, `${codec}-all`, 100, ['-z', codec, '-X', 'acks=all'])
  }
  await send(place, topic, 'none-acks0', 100, ['-X', 'acks=0'])
  const { topics } = JSON.parse(await kcat(place, ['-L', '-J', '-t', topic]))
  if (topics[0].partitions.length !== 1) throw new Error(`kcat lists ${JSON.stringify(topics)}`)
  return { sent: [...codecs.flatMap(name => [`${name}-acks1`, `${name}-all`]), 'none-acks0'] }
}

/** From the beginning up to the end. @param {Place} place @param {string} topic @param {string} format @param {readonly string[]} [options] */
async function readAll(place, topic, format, options = []) {
  const printed = await kcat(place, ['-C', '-q', '-t', topic, '-o', 'beginning', '-e', '-X', 'fetch.wait.max.ms=200', '-f', `${format}\n`, ...options])
  return printed.trim().split('\n')
}

/** @param {Place} place */
async function consume(place) {
  const lines = await readAll(place, place.topic('records'), '%p\t%k\t%s\t%h')
  return {
    records: lines.map(line => {
      const [partition, key, value, headers] = line.split('\t')
      return { partition: Number(partition), key, value, origin: headers?.replace('origin=', '') }
    }),
  }
}

/** @param {Place} place */
async function group(place) {
  const groupId = place.topic('group')
  const topics = [0, 1, 2, 3].map(i => `${groupId}-${i}`)
  /** @returns {Promise<import('./report.mjs').Member>} */
  async function join() {
    const settings = ['auto.offset.reset=earliest', 'heartbeat.interval.ms=200', 'session.timeout.ms=10000', 'fetch.wait.max.ms=200', 'partition.assignment.strategy=roundrobin']
    const run = start(place, ['-u', '-f', '%s\n', ...settings.flatMap(setting => ['-X', setting]), '-G', groupId, ...topics])
    return {
      get assigned() { return assignedIn(run.stderr, groupId) },
      get values() { return run.stdout.split('\n').slice(0, -1) },
      leave: async () => { run.child.kill('SIGINT'); await run.ended },
    }
  }
  /** @param {string} name @param {number} count */
  async function sendToEach(name, count) {
    const all = records(name, count)
    await Promise.all(topics.map((topic, i) => kcat(place, ['-P', '-t', topic, '-K', '\t'], asInput(all.filter((_, at) => at % topics.length === i)))))
  }
  return await groupScenario({ partitions: 4, join, send: sendToEach })
}

/** The numbers of the topics that the last rebalance gave: kcat tells each. @param {string} told @param {string} groupId */
function assignedIn(told, groupId) {
  const last = told.split('\n').filter(line => line.includes(' rebalanced ')).at(-1) ?? ''
  if (!last.includes('assigned: ') || last.includes('revoked: ')) return []
  return [...last.slice(last.indexOf('assigned: ')).matchAll(/-(\d) \[0\]/g)].map(([, i]) => Number(i)).filter(() => last.includes(groupId))
}

/** @param {Place} place */
async function idempotent(place) {
  const topic = place.topic('idempotent')
  for (let i = 0; i < 3; i++) await send(place, topic, `batch${i}`, 100, ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=10'])
  return { values: await readAll(place, topic, '%s') }
}

/** kcat reads its input in pieces of so many bytes. */
const inputBytes = 1024

/** @param {Place} place */
async function transactions(place) {
  const topic = place.topic('out')
  const args = ['-P', '-t', topic, '-X', `transactional.id=${topic}`]
  const commit = (/** @type {readonly string[]} */ ...values) => kcat(place, args, values.map(value => `${value}\n`).join(''))
  /** @param {string} value */
  async function abort(value) {
    const run = start(place, args)
    run.child.stdin?.write(`${value}\n`.padEnd(inputBytes + 1)) // a line that is not ended is never sent
    await until(async () => (await readAll(place, topic, '%s', ['-X', 'isolation.level=read_uncommitted'])).includes(value), () => `${value} to be there`)
    run.child.kill('SIGINT')
    run.child.stdin?.end()
    await run.ended.catch(() => undefined) // kcat calls it an error
  }
  await commit('a1', 'a2')
  await abort('b1')
  await commit('c1')
  await abort('d1')
  await commit('end')
  return {
    committed: await readAll(place, topic, '%s', ['-X', 'isolation.level=read_committed']),
    uncommitted: await readAll(place, topic, '%s', ['-X', 'isolation.level=read_uncommitted']),
  }
}

await runScenarios({ produce, consume, group, idempotent, transactions })
