// What the tests are too quick for: `npm run check:native -- [workers|sanitizers|valgrind] [options]`; all of them without a name.
import { checkBySanitizers } from './sanitizers.mjs'
import { checkByValgrind } from './valgrind.mjs'
import { checkWorkers } from './workers.mjs'

/** @type {Record<string, (args: string[]) => boolean | Promise<boolean>>} */
const checks = { workers: checkWorkers, sanitizers: checkBySanitizers, valgrind: checkByValgrind }

const [name, ...args] = process.argv.slice(2)
if (name !== undefined && checks[name] === undefined) throw new Error(`there is no check '${name}': ${Object.keys(checks).join(', ')}`)
for (const [each, check] of Object.entries(checks)) {
  if (name !== undefined && name !== each) continue
  console.log(`\n${each}`)
  if (!await check(args)) process.exitCode = 1
}
