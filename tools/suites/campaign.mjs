// Clients' own test suites against a door and against a real broker: whatever passes there passes here, save what
// docs/kafka.md lists with a reason. `npm run suites`; it is no part of what a change is judged by.
//
//   npm run suites                                  both suites, at a broker and then at a door: about 40 minutes
//   npm run suites -- kafkajs admin/__tests__       one suite, the files whose paths have one of these in them
//   npm run suites -- --only door                   compared with what a broker gave the last time
//
// Needs git, npm and the network for the checkouts, and Java and Maven for the broker. Timing is part of many of these
// tests, so some fail now and then, at a broker as at a door. The files of tests that pass at the broker alone are run
// again at both, up to twice: a difference is what is there in every run.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkOut, suitesFolder } from './checkouts.mjs'
import { lacking, listed, merge } from './comparison.mjs'
import { kafkajs } from './kafkajs.mjs'
import { counted, fileOf } from './outcomes.mjs'
import { platformatic } from './platformatic.mjs'
import { servers } from './servers.mjs'

/** @typedef {import('./outcomes.mjs').Outcomes} Outcomes */
/** @typedef {'broker' | 'door'} Side */
/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {import('./checkouts.mjs').Source} source
 * @property {number} partitions  of topics that are made without a number
 * @property {Readonly<Record<string, string>>} brokerProperties
 * @property {(folder: string) => string[]} files  that have the tests, from the checkout on
 * @property {(work: { folder: string, files: readonly string[], bootstrap: string, output: string }) => Promise<Outcomes>} run
 *   output: the file, but for its ending, that gets what the tests print
 */

const suites = [kafkajs, platformatic]

const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } })
const named = suites.filter(({ name }) => positionals.includes(name))
const parts = positionals.filter(word => !suites.some(({ name }) => name === word))
if (values.only !== undefined && values.only !== 'door' && values.only !== 'broker') throw new Error(`--only: found '${values.only}', expected door or broker`)

const results = join(suitesFolder(), 'results')
mkdirSync(results, { recursive: true })
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { process.exit(1) }) // servers end with it
let unexplained = 0
for (const suite of named.length > 0 ? named : suites) unexplained += await compare(suite)
process.exitCode = unexplained === 0 ? 0 : 1

/** Resolves with how many tests pass at a broker and, for no reason that is listed, not here. @param {Suite} suite @returns {Promise<number>} */
async function compare(suite) {
  const folder = await checkOut(suite.source)
  const files = suite.files(folder).filter(file => parts.length === 0 || parts.some(part => file.includes(part)))
  console.log(`\n${suite.name}: ${files.length} files`)
  const broker = await outcomesAt('broker', suite, folder, files)
  const door = await outcomesAt('door', suite, folder, files)
  if (broker === undefined || door === undefined) return 0
  const { broker: atBroker, door: atDoor } = await again(suite, folder, { broker, door })
  return tell(suite, atBroker, atDoor)
}

/** Runs the tests at one side, or takes what that gave the last time. @param {Side} side @param {Suite} suite @param {string} folder @param {readonly string[]} files @returns {Promise<Outcomes | undefined>} */
async function outcomesAt(side, suite, folder, files) {
  const kept = join(results, `${suite.name}-${side}-outcomes.json`)
  if (values.only === undefined || values.only === side) {
    const outcomes = await runAt(side, suite, folder, files, 'first')
    console.log(`  at a ${side}: ${counted(outcomes)}`)
    if (parts.length === 0) writeFileSync(kept, JSON.stringify([...outcomes], null, 1))
    return outcomes
  }
  if (!existsSync(kept)) return undefined
  const outcomes = /** @type {Outcomes} */ (new Map(JSON.parse(readFileSync(kept, 'utf8'))))
  const asked = new Map([...outcomes].filter(([name]) => files.includes(fileOf(name))))
  console.log(`  at a ${side}, the last time: ${counted(asked)}`)
  return asked
}

/** @param {Side} side @param {Suite} suite @param {string} folder @param {readonly string[]} files @param {string} run  what it is called @returns {Promise<Outcomes>} */
async function runAt(side, suite, folder, files, run) {
  const output = join(results, `${suite.name}-${side}-${run}`)
  const server = await servers[side](suite)
  try {
    return await suite.run({ folder, files, bootstrap: server.bootstrap, output })
  } finally {
    await server.stop()
  }
}

/** @param {Suite} suite @param {string} folder @param {Record<Side, Outcomes>} first */
async function again(suite, folder, first) {
  let { broker, door } = first
  for (const run of ['second', 'third']) {
    const known = listed()
    const files = [...new Set(lacking(broker, door).filter(name => !known.has(name)).map(fileOf))]
    if (files.length === 0) break
    console.log(`  once more: ${files.join(', ')}`)
    door = merge(door, await runAt('door', suite, folder, files, run), 'passed')
    const doubtful = [...new Set(lacking(broker, door).filter(name => !known.has(name)).map(fileOf))]
    if (doubtful.length > 0 && values.only !== 'door') broker = merge(broker, await runAt('broker', suite, folder, doubtful, run), 'failed')
  }
  return { broker, door }
}

/** @param {Suite} suite @param {Outcomes} broker @param {Outcomes} door @returns {number} */
function tell(suite, broker, door) {
  const known = listed()
  const differing = lacking(broker, door)
  const unexplained = differing.filter(name => !known.has(name))
  for (const name of unexplained) console.log(`  LACKING ${name}: ${door.get(name) ?? 'was not run'}`)
  for (const name of known) if (broker.has(name) && door.get(name) === 'passed') console.log(`  passes, though docs/kafka.md lists it: ${name}`)
  console.log(`  ${lacking(door, broker).length} pass at a door alone`)
  console.log(`${suite.name}: at a broker ${counted(broker)}; at a door ${counted(door)}; ${differing.length - unexplained.length} lack for a listed reason, ${unexplained.length} for none`)
  return unexplained.length
}
