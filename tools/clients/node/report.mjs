// What the programs of this folder share: see README.md for what a scenario does and what a program prints.
// Each takes BOOTSTRAP PREFIX SCENARIO..., and prints a line of JSON for each scenario.
import { createRequire } from 'node:module'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const waitMs = 25_000
const pollMs = 20

/** @typedef {{ bootstrap: string, topic: (name: string) => string }} Place  where to, and names that no other run has */
/** @typedef {(place: Place) => Promise<object>} Scenario */

/**
 * The client's module, out of the folder that CLIENT_MODULES names: it is no dependency of this project.
 * @param {string} name
 * @returns {Promise<any>}
 */
export async function clientModule(name) {
  const folder = process.env['CLIENT_MODULES'] ?? ''
  const module = await import(pathToFileURL(createRequire(`${folder}/any.js`).resolve(name)).href)
  return module.default ?? module
}

/** Runs the scenarios that the command line names, one after the other. @param {Readonly<Record<string, Scenario>>} scenarios */
export async function runScenarios(scenarios) {
  const [bootstrap = '', prefix = '', ...names] = process.argv.slice(2)
  const place = { bootstrap, topic: (/** @type {string} */ name) => `${prefix}-${name}` }
  for (const name of names) {
    const startedAt = performance.now()
    const result = await attempt(scenarios[name], place)
    console.log(JSON.stringify({ scenario: name, ms: Math.round(performance.now() - startedAt), ...result }))
  }
  process.exit(0) // whatever a scenario that failed has left open
}

/** @param {Scenario | undefined} scenario @param {Place} place */
async function attempt(scenario, place) {
  if (scenario === undefined) return { error: 'this client has no such scenario' }
  try {
    return await scenario(place)
  } catch (error) {
    return { error: described(error) }
  }
}

/** With the causes, and what an AggregateError holds. @param {any} error @returns {string} */
function described(error) {
  if (!(error instanceof Error)) return String(error)
  const inner = [...error.cause === undefined ? [] : [error.cause], ...error instanceof AggregateError ? error.errors : []]
  return [error.stack, ...inner.map(described)].join('\n')
}

/**
 * @param {() => boolean | Promise<boolean>} condition
 * @param {() => string} what  is awaited, and how far it is
 */
export async function until(condition, what) {
  const deadline = performance.now() + waitMs
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${waitMs} ms for ${what()}`)
    await pause(pollMs)
  }
}

/**
 * Asks again for a while: a broker of Kafka's answers before it shows what it has done.
 * @template T @param {() => Promise<T>} ask @param {T} expected @returns {Promise<T>}
 */
export async function soon(ask, expected) {
  let answer = await ask()
  for (let i = 0; i < 50 && answer !== expected; i++) {
    await pause(pollMs)
    answer = await ask()
  }
  return answer
}

/**
 * Records with keys k0 to k9 in turn, and values that begin with `name`.
 * @param {string} name @param {number} count
 */
export function records(name, count) {
  return Array.from({ length: count }, (_, i) => ({ key: `k${i % 10}`, value: `${name}-${i}`, headers: { origin: name } }))
}

/** @param {{ assigned: readonly number[] }} member */
export const inOrder = member => [...member.assigned].sort((a, b) => a - b)

/**
 * What a group scenario is, whatever the client: `member` joins one, `send` sends records.
 * @typedef {{ assigned: readonly number[], values: readonly string[], leave: () => Promise<void> }} Member
 * @param {{ partitions: number, join: () => Promise<Member>, send: (name: string, count: number) => Promise<void> }} options
 */
export async function groupScenario({ partitions, join, send }) {
  await send('first', 100)
  const one = await join()
  await until(() => one.assigned.length === partitions && one.values.length >= 100, () => `the first member to read 100 records, it has ${one.values.length} of ${JSON.stringify(one.assigned)}`)
  const alone = inOrder(one)

  const two = await join()
  const both = () => one.assigned.length > 0 && two.assigned.length > 0 && one.assigned.length + two.assigned.length === partitions
  await until(both, () => `two members to share: ${JSON.stringify([one.assigned, two.assigned])}`)
  const shared = [inOrder(one), inOrder(two)]
  await send('second', 100)
  const seconds = () => new Set([...one.values, ...two.values].filter(value => value.startsWith('second'))).size
  await until(() => seconds() === 100, () => `two members to read 100 more records, they have ${seconds()}`)

  await two.leave()
  await until(() => one.assigned.length === partitions, () => `the first member to have all again: ${JSON.stringify(one.assigned)}`)
  const after = inOrder(one)
  await one.leave()

  await send('third', 10)
  const three = await join()
  await until(() => three.values.length >= 10, () => `the third member to read what came later, it has ${JSON.stringify(three.values)}`)
  await three.leave()
  return { alone, shared, after, values: [...one.values, ...two.values], resumed: [...three.values] }
}

/**
 * What a beside scenario is: a member among others that are not ours, which may leave when it reads 'stop'.
 * @param {() => Promise<Member>} join
 */
export async function besideScenario(join) {
  const member = await join()
  await until(() => member.values.includes('stop'), () => `'stop'; there are ${member.values.length} records of ${JSON.stringify(member.assigned)}`)
  const assigned = inOrder(member)
  await member.leave()
  return { assigned, values: member.values }
}
