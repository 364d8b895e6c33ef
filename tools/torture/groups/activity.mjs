// What goes on in a log with groups: seats that are taken and left, sends, partitions that are added, and somebody who
// writes down which positions the log tells. A victim does it until it is killed; the campaign itself runs the groups
// to their end.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { KINDS, LETTERS, MAX_PARTITIONS, TOPICS } from './kinds.mjs'
import { PlannedFailure, Seat } from './seat.mjs'

/**
 * @typedef {import('./seat.mjs').Work} Work
 * @typedef {import('./kinds.mjs').Kind} Kind
 * @typedef {import('millrace').Topic<{ name: string, body: string }, string>} Topic
 */

const KEYS = 12
const LARGEST_SEND = 40
const BODY_LENGTH = 200
/** Of the event loop: a prompt commit takes fewer. */
const TURNS_BETWEEN_LOOKS = 5

/** Ends with an error whatever the library reports. @param {import('millrace').EventLog} log @param {(what: unknown) => void} fail */
export function watch(log, fail) {
  log.on('error', ({ error }) => { fail(error) })
  log.on('warning', ({ message }) => { fail(message) })
  log.on('rewound', ({ group, topic, partition, from, to }) => { fail(`${group}: the position in ${topic}-${partition} was moved from ${from} to ${to}, though nothing was lost`) })
  for (const { group } of KINDS) log.group(group).on('error', ({ error }) => { if (!(error instanceof PlannedFailure)) fail(error) })
}

/** @param {import('millrace').EventLog} log @returns {import('./journal.mjs').Ends} */
export function endsOf(log) {
  return log.topics().filter(({ name }) => Object.hasOwn(TOPICS, name)).map(({ name, partitions }) => [name, partitions.map(({ endOffset }) => endOffset)])
}

/** Those that the log does not have are made. @param {import('millrace').EventLog} log @returns {Promise<Topic[]>} */
export async function topicsOf(log) {
  const there = new Set(log.topics().map(({ name }) => name))
  return await Promise.all(Object.entries(TOPICS).map(([name, options]) => log.topic(name, there.has(name) ? {} : /** @type {import('millrace').TopicOptions<any>} */ ({ value: 'json', ...options }))))
}

/** The positions of all groups. @param {import('millrace').EventLog} log @returns {Promise<import('./journal.mjs').Told[]>} */
export async function positionsOf(log) {
  const topics = log.topics().map(({ name }) => name).filter(name => name !== LETTERS)
  const told = log.groups().flatMap(group => topics.map(async topic => /** @type {import('./journal.mjs').Told} */ ([group.id, topic, [...await group.committed(topic)]])))
  return await Promise.all(told)
}

/** Writes down positions that have changed. */
export class PositionTeller {
  #work
  /** @type {Map<string, number>} */
  #known = new Map()

  /** @param {Work} work */
  constructor(work) {
    this.#work = work
  }

  async tell() {
    for (const [group, topic, positions] of await positionsOf(this.#work.log)) {
      const news = positions.filter(([partition, offset]) => this.#known.get(`${group}/${topic}-${partition}`) !== offset)
      for (const [partition, offset] of news) this.#known.set(`${group}/${topic}-${partition}`, offset)
      if (news.length > 0) this.#work.journal.write(['told', group, topic, news])
    }
  }

  /** @param {'process' | 'power'} durability  'power': a commit waits for the device, so nothing is promised of the next look */
  async run(durability) {
    for (;;) {
      await this.tell()
      if (durability === 'process') this.#work.journal.write(['looked'])
      await sleep(1)
      for (let turn = 0; turn < TURNS_BETWEEN_LOOKS; turn++) await nextTurn()
    }
  }
}

/** @param {Work} work @param {Kind} kind */
export function seatsOf(work, kind) {
  const { group, members, isStatic } = kind
  if (isStatic) {
    const own = work.log.group(group)
    own.on('rebalance', () => {
      work.journal.write(['owns', group, own.members().map(({ id, partitions }) => [id, partitions.map(({ topic, partition }) => `${topic}-${partition}`).sort()])])
    })
  }
  return Array.from({ length: members }, (_, index) => new Seat(work, kind, index))
}

/** A member comes and goes. @param {Work} work @param {Seat} seat */
export async function comeAndGo({ random }, seat) {
  for (;;) {
    await sleep(random.below(30)) // so that they come in any order
    await seat.come()
    await sleep(random.chance(0.5) ? 20 + random.below(200) : 2000)
    await seat.go()
  }
}

/** @param {Work} work @param {readonly Topic[]} topics @param {number} life */
export async function send({ journal, random }, topics, life) {
  for (let number = 0; ;) {
    const topic = random.pick(topics)
    const values = Array.from({ length: 1 + random.below(LARGEST_SEND) }, () => {
      const key = `k${random.below(KEYS)}`
      return { key, value: { name: `${key}.${life}.${number++}`, body: 'x'.repeat(random.below(BODY_LENGTH)) } }
    })
    const sent = random.chance(0.5) ? await topic.send(values) : await Promise.all(values.map(value => topic.send(value)))
    journal.write(...sent.map(({ partition, offset }, i) => /** @type {import('./journal.mjs').Entry} */ (['sent', topic.name, partition, offset, values[i]?.value.name ?? ''])))
    await sleep(random.below(5))
  }
}

/** Sometimes, a partition is added. @param {Work} work @param {readonly Topic[]} topics */
export async function grow({ random }, topics) {
  if (random.chance(0.6)) return
  await sleep(random.below(500))
  const growing = topics.find(({ name }) => name === 'events')
  const partitions = (growing?.partitions.length ?? 0) + 1
  if (partitions <= MAX_PARTITIONS) await growing?.alter({ partitions })
}
