// `npm run bench` runs the short benchmarks, `npm run bench get send-array` those that are named, each in a process of
// its own. Flags stand behind `--`: `npm run bench get -- --rounds 21 --storage file`; docs/performance.md lists them.
//
// All they write stands in one directory that is removed at the end, also on Ctrl-C: the benchmark and what it started
// are ended then, and waited for. It is made in TMPDIR, or next to the repository: on a disk, since in a file
// system that is memory nothing would be measured that matters.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { environmentOf, parseFlags } from './support/flags.mjs'
import { machine } from './support/report.mjs'

/** A minute or two each. The others take longer and up to 10 GiB of disk, or show what changes seldom: they run when they are named. */
const SHORT = ['send', 'scan', 'get', 'delivery', 'power', 'open']
/** What can be measured alone. */
const ITEMS = new Map([
  ['send', ['send-array', 'send-promise', 'send-sync']],
  ['scan', ['batches-visited', 'read', 'materialised']],
  ['power', ['power-1', 'power-64']],
])
const MEMORY_FILE_SYSTEMS = new Map([[0x01021994, 'tmpfs'], [0x858458f6, 'ramfs']])

const here = import.meta.dirname
const programs = readdirSync(here).filter(name => name.endsWith('.mjs') && name !== 'run.mjs').map(name => name.slice(0, -'.mjs'.length))

/** @type {import('node:child_process').ChildProcess | undefined} */
let running
let interrupted = false

process.exitCode = await main().catch(error => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  return 1
})

async function main() {
  const { names, flags } = parseFlags(process.argv.slice(2))
  const runs = (names.length > 0 ? names : SHORT).map(find)
  if (!existsSync(join(here, '../dist/index.js'))) throw new Error('there is no dist: npm run build')
  const directory = mkdtempSync(join(process.env['TMPDIR'] ?? join(here, '../..'), 'millrace-bench-'))
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, interrupt)
  try {
    const memory = MEMORY_FILE_SYSTEMS.get(statfsSync(directory).type >>> 0)
    if (memory !== undefined && !flags.quick) throw new Error(`${directory} is in memory (${memory}): let TMPDIR name a directory on a disk`)
    console.log(flags.json ? JSON.stringify(machine()) : Object.entries(machine()).map(([name, value]) => `${name} ${value}`).join(', '))
    let failed = 0
    for (const { program, items } of runs) {
      if (interrupted) break
      if (!flags.json) console.log(`\n── ${program}`)
      failed += await run(program, { ...flags, items, directory }) === 0 ? 0 : 1
    }
    return failed === 0 && !interrupted ? 0 : 1
  } finally {
    rmSync(directory, { recursive: true, maxRetries: 10 }) // what was killed in the middle of a call may still make a file
  }
}

/** @param {string} name */
function find(name) {
  if (programs.includes(name)) return { program: name, items: [] }
  for (const [program, items] of ITEMS) if (items.includes(name)) return { program, items: [name] }
  throw new Error(`there is no '${name}', there are ${[...programs, ...[...ITEMS.values()].flat()].join(', ')}`)
}

/**
 * The benchmark leads a process group, so that nothing it started outlives it.
 * @param {string} program
 * @param {import('./support/flags.mjs').Flags & { directory: string }} flags
 * @returns {Promise<number | null>}
 */
function run(program, flags) {
  return new Promise((resolve, reject) => {
    const child = running = spawn(process.execPath, ['--expose-gc', join(here, `${program}.mjs`)], { stdio: 'inherit', detached: true, env: environmentOf(flags) })
    child.on('error', reject)
    child.on('exit', status => {
      killGroup(child)
      running = undefined
      resolve(status)
    })
  })
}

function interrupt() {
  interrupted = true
  if (running !== undefined) killGroup(running)
}

/** @param {import('node:child_process').ChildProcess} leader */
function killGroup({ pid }) {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
