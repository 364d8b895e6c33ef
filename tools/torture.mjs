// Campaigns that try to make the log lose something, longer than a test may take: `npm run torture -- <campaign>`.
//
//   npm run torture -- --list
//   npm run torture -- kill-9 --rounds 200 --durability power --seed 7
//   npm run torture -- block-replay --images 100 --storage file
//   npm run torture -- --slice                          some rounds of every campaign: what CI runs
//
// A campaign is a file of tools/torture/ and a line in `campaigns`. Among its runs is a canary: a planted fault that
// must be found, or else the campaign proves nothing. Prints the seed; the same seed draws the same numbers. The last
// line is `N passed, N failed, N skipped`, counted in runs; --json <file> writes them as vitest does, for CI's summary.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { campaign as blockReplay } from './torture/block-replay.mjs'
import { campaign as disks } from './torture/disks.mjs'
import { campaign as door } from './torture/door.mjs'
import { campaign as exactlyOnce } from './torture/exactly-once.mjs'
import { campaign as groups } from './torture/groups.mjs'
import { campaign as kill9 } from './torture/kill-9.mjs'

/**
 * @typedef {{ rounds: number, seed: number, progress: (rounds: number) => void }} RunOptions
 * @typedef {{ figures: string, violations: string[], evidence?: string | undefined } | { skipped: string }} RunResult
 *   evidence: what was left standing to look at; skipped: why
 * @typedef {{ name: string, mustFind?: string, run(options: RunOptions): Promise<RunResult> }} Run
 *   name: the promise, in a sentence; mustFind: a canary, one of its violations says this
 *
 * @typedef {object} Campaign
 * @property {string} name
 * @property {string} about
 * @property {{ unit: 'rounds' | 'images', slice: number, full: number }} rounds
 * @property {Readonly<Record<string, readonly string[]>>} options  of the campaign's own, and what each may be
 * @property {(options: Readonly<Record<string, string | undefined>>) => Run[]} runs  those that the options ask for
 */

const campaigns = [kill9, groups, exactlyOnce, door, blockReplay, disks]

/** Of every campaign; true where a value follows. */
const COMMON = { rounds: true, images: true, seed: true, json: true, slice: false, list: false }

async function main() {
  const { values, positionals } = parse()
  if (values['list'] === true) return list()
  const slice = values['slice'] === true
  if (positionals.length === 0 && !slice) throw new UsageError('name a campaign, or --slice: --list shows them')
  const seed = wholeNumber('seed', values['seed']) ?? Math.floor(Math.random() * 2 ** 31)
  const results = /** @type {{ campaign: string, name: string, status: string }[]} */ ([])
  for (const campaign of positionals.length === 0 ? campaigns : positionals.map(byName)) {
    const rounds = wholeNumber(campaign.rounds.unit, values[campaign.rounds.unit]) ?? campaign.rounds[slice ? 'slice' : 'full']
    for (const run of campaign.runs(optionsOf(campaign, values))) results.push({ campaign: campaign.name, name: run.name, status: await carryOut(campaign, run, { rounds, seed }) })
  }
  if (typeof values['json'] === 'string') writeFileSync(values['json'], asVitestDoes(results))
  const count = (/** @type {string} */ wanted) => results.filter(({ status }) => status === wanted).length
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
  process.exitCode = count('failed') === 0 ? 0 : 1
}

/** @param {Campaign} campaign @param {Run} run @param {{ rounds: number, seed: number }} options @returns {Promise<string>} */
async function carryOut(campaign, run, { rounds, seed }) {
  console.log(`\n${campaign.name}: ${run.name}\n  ${rounds} ${campaign.rounds.unit}, seed ${seed}`)
  const startedAt = performance.now()
  const result = await run.run({ rounds, seed, progress: done => { show(done, rounds) } })
  if ('skipped' in result) {
    console.log(`  skipped: ${result.skipped}`)
    return 'skipped'
  }
  console.log(`  ${result.figures}, ${Math.round((performance.now() - startedAt) / 1000)} s`)
  const { mustFind } = run
  for (const violation of result.violations) console.log(`  ${mustFind !== undefined && violation.includes(mustFind) ? 'found, as it must be' : 'violation'}: ${violation}`)
  if (result.evidence !== undefined) console.log(`  left to look at: ${result.evidence}`)
  if (mustFind === undefined ? result.violations.length === 0 : result.violations.some(violation => violation.includes(mustFind))) return 'passed'
  console.log(mustFind === undefined ? `  FAILED; again with: npm run torture -- ${campaign.name} --${campaign.rounds.unit} ${rounds} --seed ${seed}` : '  FAILED: the planted fault was not found')
  return 'failed'
}

/** One line that is written over where there is a terminal, else a line for every tenth. @param {number} done @param {number} rounds */
function show(done, rounds) {
  if (process.stdout.isTTY) process.stdout.write(`\r  ${done} of ${rounds}${done === rounds ? '\n' : ''}`)
  else if (Math.floor(10 * done / rounds) > Math.floor(10 * (done - 1) / rounds)) console.log(`  ${done} of ${rounds}`)
}

/** @param {{ campaign: string, name: string, status: string }[]} results */
function asVitestDoes(results) {
  const testResults = campaigns.map(({ name }) => {
    const own = results.filter(({ campaign }) => campaign === name)
    const assertionResults = own.map(result => ({ fullName: result.name, status: result.status }))
    return { name: fileURLToPath(new URL(`torture/${name}.mjs`, import.meta.url)), status: own.some(({ status }) => status === 'failed') ? 'failed' : 'passed', assertionResults }
  })
  return JSON.stringify({ testResults })
}

// ---------------------------------------------------------------- the command line

class UsageError extends Error {}

/** @returns {{ values: Record<string, string | boolean | undefined>, positionals: string[] }} */
function parse() {
  const own = campaigns.flatMap(({ options }) => Object.keys(options).map(name => [name, { type: 'string' }]))
  const common = Object.entries(COMMON).map(([name, valued]) => [name, { type: valued ? 'string' : 'boolean' }])
  try {
    const { values, positionals } = parseArgs({ options: Object.fromEntries([...own, ...common]), allowPositionals: true })
    return { values: /** @type {Record<string, string | boolean | undefined>} */ (values), positionals }
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error
  }
}

function list() {
  for (const { name, about, rounds, options } of campaigns) {
    console.log(`${name.padEnd(12)} ${about}\n${' '.repeat(13)}--${rounds.unit} ${rounds.full}${Object.entries(options).map(([option, allowed]) => ` --${option} ${allowed.join('|')}`).join('')}`)
  }
}

/** @param {string} name @returns {Campaign} */
function byName(name) {
  const found = campaigns.find(campaign => campaign.name === name)
  if (found === undefined) throw new UsageError(`there is no campaign '${name}': --list shows them`)
  return found
}

/** @param {Campaign} campaign @param {Readonly<Record<string, string | boolean | undefined>>} values @returns {Record<string, string | undefined>} */
function optionsOf({ name, options }, values) {
  return Object.fromEntries(Object.entries(options).map(([option, allowed]) => {
    const value = values[option]
    if (typeof value !== 'string') return [option, undefined]
    if (!allowed.includes(value)) throw new UsageError(`${name}: --${option} is one of ${allowed.join(', ')}`)
    return [option, value]
  }))
}

/** @param {string} option @param {string | boolean | undefined} text */
function wholeNumber(option, text) {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`--${option} is a whole number`)
  return number
}

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
