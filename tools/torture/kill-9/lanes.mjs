// A lane is what one producer sends to one place of a topic, numbered from 0: so a reader can tell by the records
// alone whether one is missing, twice, out of order, torn, or from a topic that was deleted.
//
//   <incarnation>/<producer>/<place>     place: p<partition>, large<partition> (records of some MiB, whose writing a kill
//                                        can tear), k<key>-<partitions> (hashed), or free (no key)
//
// The records of a lane lie in one partition in the order of their numbers, without a gap. A free lane is spread over
// the partitions: within each its numbers rise.

/** @typedef {{ lane: string, number: number, body: string }} Value */

const BODY_LENGTHS = 500
const MEDIUM_BODY_EVERY = 97
const MEDIUM_BODY_LENGTH = 24_000
const LARGE_BODY_LENGTH = 3_000_000

/** @param {string} incarnation @param {string} producer @param {string} place */
export function laneOf(incarnation, producer, place) {
  return `${incarnation}/${producer}/${place}`
}

/** @param {string} lane */
export function incarnationOf(lane) {
  return lane.slice(0, lane.indexOf('/'))
}

/** @param {string} lane */
export function isFree(lane) {
  return lane.endsWith('/free')
}

/** @param {string} lane @param {number} number @returns {Value} */
export function valueOf(lane, number) {
  const hash = hashOf(lane) + Math.imul(number, 0x9e3779b1) >>> 0
  const length = lane.includes('/large') ? LARGE_BODY_LENGTH : hash % MEDIUM_BODY_EVERY === 0 ? MEDIUM_BODY_LENGTH : hash % BODY_LENGTHS
  return { lane, number, body: `${lane}#${number} `.repeat(1 + length / 8).slice(0, length) }
}

/** @param {unknown} value @returns {value is Value} whether it is what valueOf() gives for its lane and number */
export function isWhole(value) {
  if (typeof value !== 'object' || value === null) return false
  const { lane, number, body } = /** @type {Partial<Value>} */ (value)
  return typeof lane === 'string' && typeof number === 'number' && body === valueOf(lane, number).body
}

/** @param {string} text */
function hashOf(text) {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
