// The first yardstick: raw-loop.c, compiled when it is first asked for. Where there is no C compiler, or no instruction
// for CRC-32C, there is no gauge either: every round counts, and the table says why.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { flags } from './flags.mjs'
import { makeRecords } from './records.mjs'
import { makeScratch } from './scratch.mjs'

const SOURCE = join(import.meta.dirname, 'raw-loop.c')
const COMPILER_FLAGS = ['-O2', '-msse4.2']

/** What the C loop's row is called. */
export const RAW = 'raw loop in C'
/** How often it goes over the same bytes: for a tenth of a second or two, or a moment's peace would look like a quiet machine. */
export const PASSES = flags.quick ? '1' : '5'

const { program, records, missing } = prepare()

/** The gauge for compare(), if there is one, and what to note otherwise. */
export const gauge = missing === undefined ? RAW : undefined
export const gaugeNotes = missing === undefined ? {} : { 'no C loop': missing }

/**
 * The C loop as a contender; none where it can't be.
 * @param {() => string[]} makeArguments  of raw-loop.c; '<records>' is the file of records, '<log>' a file to write
 * @returns {Readonly<Record<string, () => Promise<import('./rounds.mjs').Figures>>>}
 */
export function rawLoop(makeArguments) {
  if (missing !== undefined) return {}
  return { [RAW]: async () => run(makeArguments()) }
}

/** @param {readonly string[]} words */
function run(words) {
  const { directory, remove } = makeScratch()
  const places = new Map([['<records>', records], ['<log>', join(directory, 'raw.log')]])
  const { status, stdout, stderr } = spawnSync(program, words.map(word => places.get(word) ?? word), { encoding: 'utf8' })
  remove()
  const [count = NaN, nanoseconds = NaN] = stdout.split(' ').map(Number)
  if (status !== 0) throw new Error(`raw-loop ${words.join(' ')} ended with status ${status}: ${stderr}`)
  return { 'records/s': count / nanoseconds * 1e9 }
}

function prepare() {
  const { directory } = makeScratch()
  const records = join(directory, 'records')
  writeFileSync(records, Buffer.concat(makeRecords(10_000).flatMap(({ key, value }) => [key, value])))
  return { records, ...compile(directory) }
}

/** @param {string} directory @returns {{ program: string, missing: string | undefined }} missing: why it can't be run */
function compile(directory) {
  const program = join(directory, 'raw-loop')
  const { status, error, stderr } = spawnSync('cc', [...COMPILER_FLAGS, '-o', program, SOURCE], { encoding: 'utf8' })
  if (status === 0) return { program, missing: undefined }
  return { program, missing: error?.message ?? stderr.split('\n').find(line => line.includes('error')) ?? `cc ended with status ${status}` }
}
