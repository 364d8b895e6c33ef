// The groups of the campaign, one for each way to handle records, and the topics they read. What differs between them
// is what may be expected of them after a kill.
//
//   order      'partition': one record or batch of a partition is in hand at a time; 'key': one of a key
//   once       at most once: a position passes a record before it is handled
//   repeats    without a kill too a record may come again: where partitions move to another member, what was handled
//              and not committed does. Otherwise within a life every record is handled once
//   prompt     with durability 'process', what is handled is committed some turns of the event loop later
//   begins     'latest': the records before its first position are none of its business
//   inHand     how many records its members have in hand at most

/**
 * @typedef {object} Kind
 * @property {string} group
 * @property {readonly string[]} topics
 * @property {'runner' | 'batch runner' | 'consumer' | 'batch consumer'} by
 * @property {number} members
 * @property {'partition' | 'key'} order
 * @property {boolean} once
 * @property {boolean} repeats
 * @property {boolean} prompt
 * @property {'earliest' | 'latest'} begins
 * @property {boolean} isStatic
 * @property {boolean} fails  handlers fail now and then, and of some records always: they become dead letters
 * @property {number} inHand
 * @property {Readonly<Record<string, unknown>>} options  of run() or join()
 */

/** Of the second, partitions are added. */
export const TOPICS = { orders: { partitions: 4, segmentBytes: '64KiB' }, events: { partitions: 3, segmentBytes: '32KiB', compression: 'lz4' } }
export const MAX_PARTITIONS = 6

export const LETTERS = 'letters'
/** Calls of a handler before the record is a dead letter. */
export const ATTEMPTS = 3

/** Longer than a life: who comes back after a kill is in time. */
const SESSION = '60s'

/** @type {Omit<Kind, 'group' | 'topics' | 'by' | 'options'>} */
const USUAL = { members: 3, order: 'partition', once: false, repeats: false, prompt: true, begins: 'earliest', isStatic: false, fails: false, inHand: Infinity }

/** @type {readonly Kind[]} */
export const KINDS = [
  { ...USUAL, group: 'in-order', topics: ['orders', 'events'], by: 'runner', options: {} },
  { ...USUAL, group: 'by-key', topics: ['orders', 'events'], by: 'runner', order: 'key', repeats: true, options: { concurrency: 8, order: 'key' } },
  { ...USUAL, group: 'retries', topics: ['orders'], by: 'runner', members: 2, order: 'key', repeats: true, prompt: false, fails: true, options: { concurrency: 8, order: 'key', retry: { attempts: ATTEMPTS, backoff: 2 }, deadLetter: LETTERS } },
  { ...USUAL, group: 'batches', topics: ['events'], by: 'batch runner', members: 2, prompt: false, options: { batch: { max: 20 }, commitInterval: '5ms', concurrency: 2 } },
  { ...USUAL, group: 'static', topics: ['orders'], by: 'runner', isStatic: true, options: { sessionTimeout: SESSION } },
  { ...USUAL, group: 'from-latest', topics: ['orders'], by: 'consumer', begins: 'latest', options: { from: 'latest' } },
  { ...USUAL, group: 'consumers', topics: ['orders', 'events'], by: 'consumer', options: {} },
  { ...USUAL, group: 'batch-consumers', topics: ['events'], by: 'batch consumer', members: 2, options: {} },
  { ...USUAL, group: 'manual', topics: ['events'], by: 'consumer', members: 2, repeats: true, prompt: false, options: { commit: 'manual' } },
  { ...USUAL, group: 'once', topics: ['orders'], by: 'runner', once: true, prompt: false, inHand: 3, options: { delivery: 'at-most-once' } },
  { ...USUAL, group: 'once-by-key', topics: ['events'], by: 'runner', members: 2, order: 'key', once: true, prompt: false, inHand: 16, options: { delivery: 'at-most-once', concurrency: 8, order: 'key' } },
]

/** @param {string} group @returns {Kind} */
export function kindOf(group) {
  const kind = KINDS.find(each => each.group === group)
  if (kind === undefined) throw new Error(`there is no group '${group}'`)
  return kind
}
