// What each scenario of README.md has to come to. A fault is a sentence; no faults is what tests and the campaign ask for.

/** @typedef {Readonly<Record<string, any>>} Result  a line of a program */

const groupPartitions = [0, 1, 2, 3]

/** @param {string} name @param {number} count */
const valuesNamed = (name, count) => Array.from({ length: count }, (_, i) => `${name}-${i}`)

/** @type {Readonly<Record<string, (result: Result) => string[]>>} */
const faultsOfScenario = {
  admin: result => differences(result, {
    listed: true, partitions: 2, retention: '3600000', altered: '7200000', grown: 4, range: [4, 10], refused: 'TOPIC_ALREADY_EXISTS', gone: true,
  }),

  produce: ({ sent }) => Array.isArray(sent) && sent.length > 0 ? [] : ['nothing was sent'],

  consume: ({ records, sent }) => [
    ...eachOnce(records.map((/** @type {Result} */ { value }) => value), sent.flatMap((/** @type {string} */ name) => valuesNamed(name, 100))),
    ...records.flatMap(recordFaults),
    ...orderFaults(records),
  ],

  groups: result => differences(result, { listed: true, state: 'empty', handled: 210, gone: true }),

  group: result => [
    ...differences(result, { alone: groupPartitions, after: groupPartitions }),
    ...result['shared'].some((/** @type {number[]} */ owned) => owned.length === 0) ? [`one of two members owns nothing: ${JSON.stringify(result['shared'])}`] : [],
    ...differences({ shared: result['shared'].flat().sort() }, { shared: groupPartitions }),
    ...eachOnce([...new Set(result['values'])], [...valuesNamed('first', 100), ...valuesNamed('second', 100)]),
    ...eachOnce(result['resumed'], valuesNamed('third', 10)),
  ],

  idempotent: result => differences(result, { values: [0, 1, 2].flatMap(i => valuesNamed(`batch${i}`, 100)) }),

  transactions: result => differences(result, {
    committed: ['a1', 'a2', 'c1', 'end'], uncommitted: ['a1', 'a2', 'b1', 'c1', 'd1', 'end'], position: 5, fenced: true,
  }),
}

/**
 * What is wrong with what a client's program printed: [] if nothing is.
 * @param {{ scenarios: readonly string[], lacks?: readonly string[] }} client
 * @param {readonly Result[]} results
 * @returns {Map<string, string[]>}  for each scenario
 */
export function faultsOf({ scenarios, lacks = [] }, results) {
  const sent = results.find(({ scenario }) => scenario === 'produce')?.['sent'] ?? []
  return new Map(scenarios.map(name => {
    const result = results.find(({ scenario }) => scenario === name)
    if (result === undefined) return [name, ['the program ended before it']]
    if (result['error'] !== undefined) return [name, [result['error']]]
    const judge = faultsOfScenario[name.replace(/-.*/, '')]
    return [name, judge === undefined ? ['there is no such scenario'] : judge({ ...Object.fromEntries(lacks.map(field => [field, unknown])), ...result, sent: result['sent'] ?? sent })]
  }))
}

/** Stands for what a client can't tell, and is equal to all. */
const unknown = Symbol('lacks')

/** @param {Result} found @param {Result} expected @returns {string[]} */
function differences(found, expected) {
  return Object.entries(expected)
    .filter(([name, value]) => found[name] !== unknown && JSON.stringify(found[name]) !== JSON.stringify(value))
    .map(([name, value]) => `${name}: found ${JSON.stringify(found[name])}, expected ${JSON.stringify(value)}`)
}

/** @param {readonly string[]} found @param {readonly string[]} expected */
function eachOnce(found, expected) {
  /** @type {Map<string, number>} */
  const counts = new Map(expected.map(value => [value, 0]))
  for (const value of found) counts.set(value, (counts.get(value) ?? 0) + 1)
  const wanted = new Set(expected)
  const odd = [...counts].filter(([value, count]) => count !== 1 || !wanted.has(value))
  return odd.length === 0 ? [] : [`${odd.length} values are not there once: ${odd.slice(0, 5).map(([value, count]) => `${value} ${count} times`).join(', ')}`]
}

/** A record of name-i has the key k<i mod 10> and says in its header where it is from. @param {Result} record */
function recordFaults({ key, value, origin }) {
  const [, name, i] = /^(.*)-(\d+)$/.exec(value) ?? []
  return key === `k${Number(i) % 10}` && origin === name ? [] : [`the record ${value} has the key ${key} and the origin ${origin}`]
}

/** Records of one key and one name are in one partition, in the order in which they were sent. @param {readonly Result[]} records */
function orderFaults(records) {
  /** @type {Map<string, { partition: number, i: number }>} */
  const last = new Map()
  return records.flatMap(({ partition, key, value }) => {
    const [, name, i] = /^(.*)-(\d+)$/.exec(value) ?? []
    const stream = `${name} ${key}`
    const before = last.get(stream)
    last.set(stream, { partition, i: Number(i) })
    if (before === undefined || before.partition === partition && before.i < Number(i)) return []
    return [`${value} of partition ${partition} follows ${before.i} of partition ${before.partition}`]
  })
}
