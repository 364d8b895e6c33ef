// `npm run bench` runs the short benchmarks, `npm run bench send read` those that are named, each in a process of its
// own. What follows a colon goes to the program: `npm run bench stall:replay`.
// BENCH_ROUNDS says how many rounds are counted (5), BENCH_DIRECTORY on which disk (the system's temporary directory).
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine } from './support/measure.mjs'

/** A minute each at most. The others take minutes and up to 10 GiB of disk: they run when they are named. */
const SHORT = ['send', 'read', 'get', 'view', 'power', 'compression', 'open']

const directory = import.meta.dirname
const known = readdirSync(directory).filter(name => name.endsWith('.mjs') && name !== 'run.mjs').map(name => name.slice(0, -'.mjs'.length))
const asked = process.argv.slice(2).map(argument => argument.split(':'))

const unknown = asked.find(([name = '']) => !known.includes(name))
if (unknown !== undefined) {
  console.error(`bench: there is no '${unknown[0]}', there are ${known.join(', ')}`)
  process.exit(1)
}
if (!existsSync(join(directory, '../dist/index.js'))) {
  console.error('bench: there is no dist, run `npm run build` first')
  process.exit(1)
}

console.log(describeMachine())
let failed = false
for (const [name, ...words] of asked.length > 0 ? asked : SHORT.map(name => [name])) {
  console.log(`\n── ${name}`)
  const { status } = spawnSync(process.execPath, ['--expose-gc', join(directory, `${name}.mjs`), ...words], { stdio: 'inherit' })
  failed ||= status !== 0
}
console.log(`\n${describeMachine()}`)
process.exit(failed ? 1 : 0)
