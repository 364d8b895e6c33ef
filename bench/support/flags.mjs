// How the benchmarks are told what to do. run.mjs reads the command line and hands the flags on in the environment: so
// a benchmark's own children have them too.
import { parseArgs } from 'node:util'

const VARIABLE = 'BENCH_FLAGS'

/**
 * @typedef {object} Flags
 * @property {number} rounds  that count
 * @property {number} maxRounds  that are run at most to have them
 * @property {'auto' | 'mapped' | 'file'} storage
 * @property {number | undefined} large  bytes of the large logs; undefined: what the benchmark is made for
 * @property {string} case  a word of the names of the cases that are run
 * @property {boolean} quick  a little of everything, to see that it runs: its figures mean nothing
 * @property {boolean} json  an object a line instead of tables
 * @property {readonly string[]} items  that are measured; none: all
 * @property {string | undefined} directory  to measure in
 */

/** @type {Flags} */
const DEFAULTS = { rounds: 9, maxRounds: 27, storage: 'auto', large: undefined, case: '', quick: false, json: false, items: [], directory: undefined }

/** What this process was told. @type {Flags} */
export const flags = { ...DEFAULTS, ...JSON.parse(process.env[VARIABLE] ?? '{}') }

/** @param {readonly string[]} words @returns {{ names: string[], flags: Flags }} */
export function parseFlags(words) {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      'max-rounds': { type: 'string' },
      storage: { type: 'string', default: DEFAULTS.storage },
      large: { type: 'string' },
      case: { type: 'string', default: DEFAULTS.case },
      quick: { type: 'boolean', default: DEFAULTS.quick },
      json: { type: 'boolean', default: DEFAULTS.json },
    },
  })
  const { storage, quick, json } = values
  if (storage !== 'auto' && storage !== 'mapped' && storage !== 'file') throw new Error(`--storage ${storage}: say auto, mapped or file`)
  const rounds = values.rounds === undefined ? quick ? 1 : DEFAULTS.rounds : whole('--rounds', values.rounds)
  const maxRounds = values['max-rounds'] === undefined ? quick ? rounds : 3 * rounds : Math.max(rounds, whole('--max-rounds', values['max-rounds']))
  const large = values.large === undefined ? undefined : bytesOf('--large', values.large)
  return { names: positionals, flags: { ...DEFAULTS, rounds, maxRounds, storage, large, case: values.case, quick, json } }
}

/**
 * For the process that runs the benchmark: what it starts, a compiler say, has its temporary files in the same directory.
 * @param {Flags & { directory: string }} told
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentOf(told) {
  return { ...process.env, TMPDIR: told.directory, [VARIABLE]: JSON.stringify(told) }
}

/** Whether an item of the benchmark is to be measured. @param {string} item */
export function isAsked(item) {
  return flags.items.length === 0 || flags.items.includes(item)
}

/**
 * A number of records, rounds or bytes, or a hundredth of it where a little is enough to see that it runs.
 * @param {number} count
 */
export function sized(count) {
  return flags.quick ? Math.ceil(count / 100) : count
}

/** The size of a large log. @param {number} usual */
export function largeBytes(usual) {
  return flags.large ?? (flags.quick ? 2 ** 20 : usual)
}

/** @param {string} name @param {string} text */
function whole(name, text) {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} ${text}: say a whole number above 0`)
  return value
}

/** @param {string} name @param {string} text */
function bytesOf(name, text) {
  const [, number, unit] = /^(\d+)(MiB|GiB)$/.exec(text) ?? []
  if (number === undefined) throw new Error(`${name} ${text}: say 256MiB or 4GiB`)
  return Number(number) * (unit === 'GiB' ? 2 ** 30 : 2 ** 20)
}
