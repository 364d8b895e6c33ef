// libFuzzer with the address and undefined-behaviour sanitizers over every C function that is given bytes from a disk:
// `npm run fuzz [crc32c|batches-check|batch-stamp|canary] [-- --runs 10000000 --seed n]`. Needs clang.
//
// `canary` is batches-check with the line that keeps it within its bytes taken out of native/batch.c: it must be found,
// or else the rest proves nothing. It runs with all, and by its name.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const FLAGS = ['-std=c11', '-g', '-O1', '-fno-omit-frame-pointer', '-Wall', '-Wextra', '-Werror', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined']
const BOUND = ' || size > length - at'

/** Longer than three lanes of the checksum; several batches; one batch. */
const LONGEST_INPUT = /** @type {Record<string, number>} */ ({ 'crc32c': 8192, 'batches-check': 1024, 'batch-stamp': 4096 })
const names = [...Object.keys(LONGEST_INPUT), 'canary']

const { values, positionals } = parseArgs({ allowPositionals: true, options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 2 ** 31)) } } })
for (const name of positionals) if (!names.includes(name)) throw new Error(`there is no target '${name}': ${names.join(', ')}`)
if (spawnSync('clang', ['--version']).status !== 0) throw new Error('clang is not installed')
for (const name of positionals.length > 0 ? positionals : names) if (!fuzz(name)) process.exitCode = 1

/** @param {string} name @returns {boolean} */
function fuzz(name) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'))
  try {
    const isCanary = name === 'canary'
    const target = isCanary ? 'batches-check' : name
    const program = build(target, directory, isCanary ? withoutBound(directory) : join(root, 'native/batch.c'))
    const corpus = join(directory, 'corpus')
    mkdirSync(corpus)
    console.log(`\n${name}: ${values.runs} runs, seed ${values.seed}`)
    const startedAt = performance.now()
    const { status, stderr } = spawnSync(program, [`-runs=${values.runs}`, `-seed=${values.seed}`, `-max_len=${LONGEST_INPUT[target]}`, `-artifact_prefix=${tmpdir()}/millrace-fuzz-`, '-print_final_stats=1', corpus], { encoding: 'utf8', maxBuffer: 2 ** 30 })
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    const done = /stat::number_of_executed_units: (\d+)/.exec(stderr)?.[1] ?? /#(\d+)[^#]*$/.exec(stderr)?.[1] ?? '0'
    const found = /heap-buffer-overflow|SUMMARY: .*/.exec(stderr)?.[0]
    if (isCanary ? found === 'heap-buffer-overflow' : status === 0) {
      console.log(`${isCanary ? 'the planted over-read was found after' : 'nothing found in'} ${done} runs, ${seconds} s`)
      return true
    }
    console.log(isCanary ? 'FAILED: the planted over-read was not found' : `FAILED by ${status}: ${found}\n${stderr.slice(-8000)}`)
    return false
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @param {string} target @param {string} directory @param {string} batch  the source of batch.c */
function build(target, directory, batch) {
  const program = join(directory, target)
  const { status, stderr } = spawnSync('clang', [...FLAGS, '-I', join(root, 'native'), join(root, `fuzz/${target}.c`), join(root, 'native/crc32c.c'), batch, '-o', program], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`clang could not build ${target}:\n${stderr}`)
  return program
}

/** @param {string} directory */
function withoutBound(directory) {
  const source = readFileSync(join(root, 'native/batch.c'), 'utf8')
  if (source.split(BOUND).length !== 2) throw new Error(`native/batch.c has no '${BOUND}' any more to take out`)
  const file = join(directory, 'batch.c')
  writeFileSync(file, source.replace(BOUND, ''))
  return file
}
