// libFuzzer with the address and undefined-behaviour sanitizers over every C function that is given bytes from a disk:
// `npm run fuzz [crc32c|batches-check|batch-stamp|records-walk|batches-canary|records-canary] [-- --runs 10000000 --seed n]`.
// Needs clang.
//
// A canary is a target with what keeps it within its bytes taken out of native/: it must be found, or else the rest proves
// nothing. They run with all, and by their names.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const FLAGS = ['-std=c11', '-g', '-O1', '-fno-omit-frame-pointer', '-Wall', '-Wextra', '-Werror', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined']
const SOURCES = ['crc32c.c', 'batch.c', 'records.c', 'xxh64.c']
/** @type {Record<string, { target: string, source: string, bound: string }>} */
const CANARIES = {
  'batches-canary': { target: 'batches-check', source: 'batch.c', bound: ' || size > length - at' },
  'records-canary': { target: 'records-walk', source: 'records.c', bound: 'if (reader->at < reader->end) ' },
}

/** Longer than three lanes of the checksum; several batches; one batch; some records. */
const LONGEST_INPUT = /** @type {Record<string, number>} */ ({ 'crc32c': 8192, 'batches-check': 1024, 'batch-stamp': 4096, 'records-walk': 512 })
const names = [...Object.keys(LONGEST_INPUT), ...Object.keys(CANARIES)]

const { values, positionals } = parseArgs({ allowPositionals: true, options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 2 ** 31)) } } })
for (const name of positionals) if (!names.includes(name)) throw new Error(`there is no target '${name}': ${names.join(', ')}`)
if (spawnSync('clang', ['--version']).status !== 0) throw new Error('clang is not installed')
for (const name of positionals.length > 0 ? positionals : names) if (!fuzz(name)) process.exitCode = 1

/** @param {string} name @returns {boolean} */
function fuzz(name) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'))
  try {
    const canary = CANARIES[name]
    const target = canary?.target ?? name
    const program = build(target, directory, SOURCES.map(source => source === canary?.source ? withoutBound(directory, canary) : join(root, 'native', source)))
    const corpus = join(directory, 'corpus')
    mkdirSync(corpus)
    console.log(`\n${name}: ${values.runs} runs, seed ${values.seed}`)
    const startedAt = performance.now()
    const { status, stderr } = spawnSync(program, [`-runs=${values.runs}`, `-seed=${values.seed}`, `-max_len=${LONGEST_INPUT[target]}`, `-artifact_prefix=${tmpdir()}/millrace-fuzz-`, '-print_final_stats=1', corpus], { encoding: 'utf8', maxBuffer: 2 ** 30 })
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    const done = /stat::number_of_executed_units: (\d+)/.exec(stderr)?.[1] ?? /#(\d+)[^#]*$/.exec(stderr)?.[1] ?? '0'
    const found = /heap-buffer-overflow|SUMMARY: .*/.exec(stderr)?.[0]
    if (canary !== undefined ? found === 'heap-buffer-overflow' : status === 0) {
      console.log(`${canary !== undefined ? 'the planted over-read was found after' : 'nothing found in'} ${done} runs, ${seconds} s`)
      return true
    }
    console.log(canary !== undefined ? 'FAILED: the planted over-read was not found' : `FAILED by ${status}: ${found}\n${stderr.slice(-8000)}`)
    return false
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @param {string} target @param {string} directory @param {readonly string[]} sources */
function build(target, directory, sources) {
  const program = join(directory, target)
  const { status, stderr } = spawnSync('clang', [...FLAGS, '-I', join(root, 'native'), join(root, `fuzz/${target}.c`), ...sources, '-o', program], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`clang could not build ${target}:\n${stderr}`)
  return program
}

/** @param {string} directory @param {{ source: string, bound: string }} canary */
function withoutBound(directory, { source, bound }) {
  const text = readFileSync(join(root, 'native', source), 'utf8')
  if (text.split(bound).length !== 2) throw new Error(`native/${source} has no '${bound}' any more to take out`)
  const file = join(directory, source)
  writeFileSync(file, text.replace(bound, ''))
  return file
}
