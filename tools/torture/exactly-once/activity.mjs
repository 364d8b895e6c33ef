// What goes on in a log with a pipeline: seats that are taken and left, records that are sent to its beginning, readers
// and somebody who writes down which positions the log tells. A victim does it until it is killed; the campaign itself
// runs the pipeline to its end.
import { setTimeout as sleep } from 'node:timers/promises'
import { STAGES, TOPICS } from './pipeline.mjs'
import { PlannedFailure } from './seat.mjs'

/** @typedef {import('./seat.mjs').Work} Work */
/** @typedef {import('./seat.mjs').Topic} Topic */

const KEYS = 12
const LARGEST_SEND = 30
/** So many records may be before the slowest stage. */
const BACKLOG = 3000

/** Ends with an error whatever the library reports. @param {import('millrace').EventLog} log @param {(what: unknown) => void} fail */
export function watch(log, fail) {
  log.on('error', ({ error }) => { fail(error) })
  log.on('warning', ({ message }) => { fail(message) })
  log.on('rewound', ({ group, topic, partition, from, to }) => { fail(`${group}: the position in ${topic}-${partition} was moved from ${from} to ${to}, though nothing was lost`) })
  for (const { group } of STAGES) log.group(group).on('error', ({ error }) => { if (!(error instanceof PlannedFailure)) fail(error) })
}

/** Those that the log does not have are made. @param {import('millrace').EventLog} log @returns {Promise<ReadonlyMap<string, Topic>>} */
export async function topicsOf(log) {
  const there = new Set(log.topics().map(({ name }) => name))
  const opened = Object.entries(TOPICS).map(async ([name, options]) => /** @type {const} */ ([name, await log.topic(name, there.has(name) ? {} : /** @type {import('millrace').TopicOptions<any>} */ ({ value: 'json', ...options }))]))
  return new Map(await Promise.all(opened))
}

/** Writes down positions that have changed, again and again. @param {Work} work */
export async function tellPositions({ log, journal }) {
  /** @type {Map<string, number>} */
  const known = new Map()
  for (;;) {
    for (const { group, from } of STAGES) {
      for (const [partition, offset] of await log.group(group).committed(from)) {
        if (known.get(`${group}-${partition}`) === offset) continue
        known.set(`${group}-${partition}`, offset)
        journal.write(['told', group, partition, offset])
      }
    }
    await sleep(2)
  }
}

/** What a reader was shown stays. @param {Work} work @param {string} name */
export async function follow({ topics, journal }, name) {
  const topic = /** @type {Topic} */ (topics.get(name))
  for await (const { partition, offset, value } of topic.read({ from: 'latest', follow: true })) journal.write(['seen', name, partition, offset, value?.name ?? ''])
}

/** A member comes and goes. @param {Work} work @param {import('./seat.mjs').Seat} seat */
export async function comeAndGo({ random }, seat) {
  for (;;) {
    await sleep(random.below(30)) // so that they come in any order
    await seat.come()
    await sleep(random.chance(0.7) ? 10 + random.below(150) : 2000)
    await seat.go()
  }
}

/** @param {Work} work @param {number} life */
export async function send({ log, topics, journal, random }, life) {
  const input = /** @type {Topic} */ (topics.get('input'))
  for (let number = 0; ;) {
    const records = Array.from({ length: 1 + random.below(LARGEST_SEND) }, () => {
      const key = `k${random.below(KEYS)}`
      return { key, value: { name: `${key}.${life}.${number++}`, from: '', isDoomed: false, body: 'x'.repeat(random.below(100)) } }
    })
    const sent = random.chance(0.5) ? await input.send(records) : await Promise.all(records.map(record => input.send(record)))
    journal.write(...sent.map(({ partition, offset }, i) => /** @type {import('./journal.mjs').Entry} */ (['sent', partition, offset, records[i]?.value.name ?? ''])))
    await sleep(random.below(8))
    while (await backlogOf(log) > BACKLOG) await sleep(5)
  }
}

/** @param {import('millrace').EventLog} log */
async function backlogOf(log) {
  const lags = await log.group('prepare').lag()
  return lags.reduce((sum, { lag }) => sum + lag, 0)
}
