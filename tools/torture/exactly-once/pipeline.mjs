// The pipeline that is killed: topics, and between them stages, each of them a group. For each record of the topic it
// reads, a stage leaves effects in another one, in the same transaction that moves its position.
//
//   input ── prepare ──► middle ── deliver ──► output        prepare, deliver: runners with delivery 'exactly-once'
//               │          └────── audit ────► audited       audit: a consumer, log.transaction() and tx.advance()
//               └► letters, for what always fails
//
// Which effects a record has follows from its name alone, `<key>.<life>.<number>`; an effect's name is its record's, '/',
// and which of them it is. What an attempt sends that is going to fail says so: nobody may ever read it.

/**
 * @typedef {'prepare' | 'deliver' | 'audit'} Group
 * @typedef {object} Stage
 * @property {Group} group
 * @property {string} from
 * @property {string} to
 * @property {'runner' | 'consumer'} by
 * @property {number} members
 * @property {Readonly<Record<string, unknown>>} options  of run() or join()
 *
 * @typedef {{ name: string, from: string, isDoomed: boolean, body: string }} Value
 *   from: the place of the record that it is an effect of, `middle-2:45`, or nothing; isDoomed: the attempt fails that sends it
 */

/** Calls of a handler before the record is a dead letter. */
export const ATTEMPTS = 3
export const LETTERS = 'letters'

/** Of some the segments are large enough to be mapped. */
export const TOPICS = {
  input: { partitions: 4, segmentBytes: '64KiB' },
  middle: { partitions: 3, segmentBytes: '1MiB' },
  output: { partitions: 3, segmentBytes: '32KiB', compression: 'lz4' },
  audited: { partitions: 2, segmentBytes: '1MiB' },
}

/** @type {readonly Stage[]} */
export const STAGES = [
  { group: 'prepare', from: 'input', to: 'middle', by: 'runner', members: 2, options: { delivery: 'exactly-once', retry: { attempts: ATTEMPTS, backoff: 1 }, deadLetter: LETTERS } },
  { group: 'deliver', from: 'middle', to: 'output', by: 'runner', members: 2, options: { delivery: 'exactly-once', concurrency: 8, order: 'key', retry: { attempts: ATTEMPTS, backoff: 1 } } },
  { group: 'audit', from: 'middle', to: 'audited', by: 'consumer', members: 2, options: { commit: 'manual' } },
]

/** What handling it leaves in the stage's other topic: nothing for some, several records for others. @param {Group} group @param {string} name @returns {{ key: string, name: string }[]} */
export function effectsOf(group, name) {
  if (isBuried(group, name)) return []
  const count = group === 'prepare' ? numberOf(name) % 4 : 1
  return Array.from({ length: count }, (_, part) => ({ key: part === 0 ? keyOf(name) : `${keyOf(name)}-${part}`, name: `${name}/${part}` }))
}

/** Every attempt fails, and it becomes a dead letter. @param {Group} group @param {string} name */
export function isBuried(group, name) {
  return group === 'prepare' && numberOf(name) % 29 === 3
}

/** Its first two attempts fail, also where nothing else makes them. @param {string} name */
export function isHard(name) {
  return numberOf(name) % 5 === 1
}

/** @param {{ topic: string, partition: number, offset: number }} record */
export function placeOf({ topic, partition, offset }) {
  return `${topic}-${partition}:${offset}`
}

/** @param {string} name */
function keyOf(name) {
  return name.slice(0, name.indexOf('.'))
}

/** @param {string} name */
function numberOf(name) {
  return Number.parseInt(name.slice(name.lastIndexOf('.') + 1), 10)
}
