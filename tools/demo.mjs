// The promise, seen with one's own eyes: `npm run demo`, or `npm run demo -- <directory>`.
// A child process writes a million events to ./data and is killed in the middle with kill -9. Then the directory is
// opened again: everything that was acknowledged to the child must be there, once. The rest is written, the million
// is counted, one key is replayed. The exit code is 1 when something is missing.
//
// What the child was told is kept outside the log, in a file it overwrites after each acknowledgement; so the parent
// knows it whatever the kill interrupted. An earlier demo's directory is removed at the start, nobody else's is.
import { fork } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'

const EVENTS = 1_000_000
const EVENTS_A_SEND = 5_000
const CUSTOMERS = 10_000
const TOPIC = 'demo.orders'
const TOPIC_OPTIONS = { partitions: 4 }
/** @typedef {{ number: number, item: string, total: number }} Order */

/** @param {string} directory */
async function demonstrate(directory) {
  if (!clear(directory)) return
  const notes = mkdtempSync(join(tmpdir(), 'millrace-demo-'))
  try {
    const acknowledged = await writeAndKill(directory, join(notes, 'acknowledged'))
    await reopenAndFinish(directory, acknowledged)
  } finally {
    rmSync(notes, { recursive: true })
  }
}

/** Removes what an earlier demo left. False: the directory holds something else. @param {string} directory */
function clear(directory) {
  if (!existsSync(directory)) return true
  const foreign = readdirSync(directory).find(name => !isOurs(name))
  if (foreign === undefined) {
    rmSync(directory, { recursive: true })
    console.log(`${place(directory)} held an earlier demo: removed`)
    return true
  }
  console.error(`${place(directory)} holds '${foreign}', which is not this demo's: nothing was touched. Move it away, or name another place: npm run demo -- <directory>`)
  process.exitCode = 1
  return false
}

/** The log's own files, its catalog, and the demo's topic. @param {string} name */
function isOurs(name) {
  const own = ['log.json', 'meta.properties', 'recovery-point-offset-checkpoint', 'log-start-offset-checkpoint', 'cleaner-offset-checkpoint', 'compacted-offset-checkpoint', '.reserve', '.kafka_cleanshutdown', '__topics-0']
  return own.includes(name) || own.includes(name.replace(/\.tmp$/, '')) || name.startsWith('.lock') || name.startsWith(`${TOPIC}-`)
}

// ---------------------------------------------------------------- the child, and its end

/** @param {string} directory @param {string} notes where it writes down how many events were acknowledged */
async function write(directory, notes) {
  const fd = openSync(notes, 'w')
  const log = await open(directory)
  const orders = await log.topic(TOPIC, TOPIC_OPTIONS)
  for (let done = 0; done < EVENTS; done += EVENTS_A_SEND) {
    await orders.send(numbers(done, done + EVENTS_A_SEND).map(eventOf))
    writeSync(fd, String(done + EVENTS_A_SEND).padStart(10), 0)
    process.send?.(done + EVENTS_A_SEND)
  }
  closeSync(fd)
  await log.close()
  process.disconnect?.()
}

/** @param {string} directory @param {string} notes @returns {Promise<number>} how many events were acknowledged */
async function writeAndKill(directory, notes) {
  const killAt = Math.round(EVENTS * (0.4 + 0.2 * Math.random()))
  console.log(`writing ${count(EVENTS)} events to ${place(directory)}`)
  const child = fork(fileURLToPath(import.meta.url), ['--writer', directory, notes])
  const progress = new Progress(0)
  child.on('message', done => {
    progress.show(Number(done))
    if (Number(done) >= killAt) child.kill('SIGKILL')
  })
  const signal = await new Promise(resolve => child.on('exit', (_, signal) => resolve(signal)))
  const acknowledged = Number(readFileSync(notes, 'latin1'))
  console.log(`${progress.end(acknowledged)}; then ${signal === 'SIGKILL' ? 'kill -9' : 'it ended by itself'}: ${count(acknowledged)} acknowledged`)
  if (signal !== 'SIGKILL') throw new Error('the child was not killed: the demo shows nothing')
  return acknowledged
}

// ---------------------------------------------------------------- after it

/** @param {string} directory @param {number} acknowledged */
async function reopenAndFinish(directory, acknowledged) {
  const openedAt = performance.now()
  const log = await open(directory)
  console.log(`opened again in ${Math.round(performance.now() - openedAt)} ms`)
  log.on('recovered', ({ topic, partition, cutBytes }) => console.log(`cut ${cutBytes} bytes of an unfinished batch from ${topic}-${partition}`))
  try {
    /** @type {import('millrace').Topic<Order, string>} */
    const orders = await log.topic(TOPIC)
    const stored = await countEach(orders)
    report('after the kill', stored, acknowledged)
    await finish(orders, stored)
    report('at the end', await countEach(orders), EVENTS)
    await replay(orders, keyOf(0))
  } finally {
    await log.close()
  }
}

/** How often each event is stored. @param {import('millrace').Topic<Order, string>} orders */
async function countEach(orders) {
  const times = new Uint8Array(EVENTS)
  const startedAt = performance.now()
  let records = 0
  for await (const { value } of orders.read({ from: 'earliest' })) {
    records++
    if (value !== null) times[value.number] = (times[value.number] ?? 0) + 1
  }
  console.log(`read ${count(records)} events at ${rate(records, startedAt)}`)
  return times
}

/** @param {string} when @param {Uint8Array} times @param {number} acknowledged the first so many must be there */
function report(when, times, acknowledged) {
  const missing = times.subarray(0, acknowledged).filter(n => n === 0).length
  const twice = times.filter(n => n > 1).length
  const beyond = times.subarray(acknowledged).filter(n => n === 1).length
  console.log(`${when}: of ${count(acknowledged)} acknowledged events ${count(missing)} are missing, ${count(twice)} are stored twice${beyond === 0 ? '' : `; ${count(beyond)} more are stored that were on their way`}`)
  if (missing + twice > 0) process.exitCode = 1
}

/** Writes what is not stored yet. @param {import('millrace').Topic<Order, string>} orders @param {Uint8Array} stored */
async function finish(orders, stored) {
  const left = numbers(0, EVENTS).filter(number => stored[number] === 0)
  console.log(`writing the other ${count(left.length)} events`)
  const progress = new Progress(EVENTS - left.length)
  for (let done = 0; done < left.length; done += EVENTS_A_SEND) {
    await orders.send(left.slice(done, done + EVENTS_A_SEND).map(eventOf))
    progress.show(EVENTS - left.length + Math.min(done + EVENTS_A_SEND, left.length))
  }
  console.log(progress.end(EVENTS))
}

/** @param {import('millrace').Topic<Order, string>} orders @param {string} key */
async function replay(orders, key) {
  const startedAt = performance.now()
  let events = 0
  let sum = 0
  for await (const record of orders.read({ from: 'earliest' })) {
    if (record.key !== key) continue
    events++
    sum += record.value?.total ?? 0
  }
  console.log(`replayed ${key}: ${count(events)} events, together ${count(sum)}, found among ${count(EVENTS)} at ${rate(EVENTS, startedAt)}`)
  if (events !== EVENTS / CUSTOMERS) process.exitCode = 1
}

// ---------------------------------------------------------------- leaves

/** @param {number} number */
function keyOf(number) {
  return `customer-${number % CUSTOMERS}`
}

/** @param {number} number */
function eventOf(number) {
  return { key: keyOf(number), value: { number, item: 'mill', total: number % 97 } }
}

/** @param {number} from @param {number} end */
function numbers(from, end) {
  return Array.from({ length: end - from }, (_, i) => from + i)
}

/** One line that is written over where there is a terminal, else a line for every tenth. */
class Progress {
  #startedAt = performance.now()
  #begun
  #tenth = 0

  /** @param {number} begun events that were there before */
  constructor(begun) {
    this.#begun = begun
    this.#tenth = Math.floor(10 * begun / EVENTS)
  }

  /** @param {number} done */
  show(done) {
    if (process.stdout.isTTY) process.stdout.write(`\r${this.#line(done)}  `)
    else if (Math.floor(10 * done / EVENTS) > this.#tenth) console.log(this.#line(done))
    this.#tenth = Math.floor(10 * done / EVENTS)
  }

  /** @param {number} done */
  end(done) {
    return `${process.stdout.isTTY ? '\r' : ''}${this.#line(done)}`
  }

  /** @param {number} done */
  #line(done) {
    return `${count(done).padStart(9)} events, ${rate(done - this.#begun, this.#startedAt)}`
  }
}

/** @param {number} events @param {number} startedAt */
function rate(events, startedAt) {
  return `${count(Math.round(1000 * events / (performance.now() - startedAt)))} a second`
}

/** @param {number} n */
function count(n) {
  return n.toLocaleString('en')
}

/** @param {string} directory */
function place(directory) {
  return `./${relative('.', directory)}`
}

const [role = 'data', directory = '', notes = ''] = process.argv.slice(2)
await (role === '--writer' ? write(directory, notes) : demonstrate(role))
