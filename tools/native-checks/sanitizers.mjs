// The tests of everything that stands on the native part, with it built by the address and undefined-behaviour sanitizers:
// `npm run check:native -- sanitizers [what vitest takes]`.
//
// The guard must get its signal (handle_sigbus=0); Node's own allocations at its end are no leaks (detect_leaks=0).
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildNative } from '../build-native.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const FOLDERS = ['test/native', 'test/platform', 'test/storage', 'test/format', 'test/contract']

/** @param {string[]} args */
export function checkBySanitizers(args) {
  const libraries = ['libasan.so', 'libubsan.so'].map(libraryOf)
  const file = buildNative('asan')
  if (file === undefined || libraries.includes(undefined)) {
    console.log('skipped: no compiler, or one without libasan and libubsan')
    return true
  }
  const env = {
    ...process.env,
    MILLRACE_NATIVE: file,
    LD_PRELOAD: libraries.join(' '),
    ASAN_OPTIONS: 'handle_sigbus=0:detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  }
  const loads = spawnSync(process.execPath, ['-p', "require(process.env.MILLRACE_NATIVE).constants.magic"], { env, encoding: 'utf8' })
  if (loads.stdout.trim() !== '2') {
    console.log(`FAILED: the build with sanitizers does not load: ${loads.stderr}`)
    return false
  }
  const chosen = args.length > 0 ? args : FOLDERS
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--project', 'source', '--testTimeout', '300000', ...chosen], { cwd: root, env, stdio: 'inherit' })
  console.log(status === 0 ? 'sanitizers: clean' : `FAILED: vitest ended by ${status}`)
  return status === 0
}

/** @param {string} name @returns {string | undefined} */
function libraryOf(name) {
  const path = execFileSync(process.env['CC'] ?? 'cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim()
  return existsSync(path) ? path : undefined
}
