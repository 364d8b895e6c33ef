// Compiles native/ into native/build/<platform>-<arch>.node by one call of the C compiler: `npm run build:native`.
// `npm run build` does the same and takes the file into dist/. Without a compiler, or on Windows, nothing is built and
// everything works without it.
//   --variant unguarded    no SIGBUS guard: what tests plant to see that it is needed
//   --variant unpopulated  pages are not made ready ahead: the benchmarks' contrast
//   --variant asan         with the address and undefined-behaviour sanitizers
// A variant's file is native/build/<variant>.node; the environment variable MILLRACE_NATIVE loads it.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = join(root, 'native')
const output = join(sources, 'build')

const FLAGS = ['-std=c11', '-fPIC', '-shared', '-fvisibility=hidden', '-pthread', '-Wall', '-Wextra', '-Wpedantic', '-Werror']
// Elsewhere than on macOS, where it is never installed, the handler of SIGBUS outlives the worker that alone had loaded it.
const LINKING = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-Wl,-z,nodelete']
/** @type {Record<string, string[]>} */
const VARIANTS = {
  '': ['-O2'],
  'unguarded': ['-O2', '-DMILLRACE_UNGUARDED'],
  'unpopulated': ['-O2', '-DMILLRACE_UNPOPULATED'],
  'asan': ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'],
}

/**
 * @param {string} [variant]
 * @returns {string | undefined} the file; undefined where there is no compiler
 */
export function buildNative(variant = '') {
  const flags = VARIANTS[variant]
  if (flags === undefined) throw new Error(`there is no variant '${variant}': ${Object.keys(VARIANTS).filter(Boolean).join(', ')}`)
  const target = join(output, `${variant === '' ? targetName() : variant}.node`)
  if (isNewest(target)) return target
  const compiler = process.env['CC'] ?? 'cc'
  if (process.platform === 'win32' || spawnSync(compiler, ['--version']).status !== 0) return undefined
  mkdirSync(output, { recursive: true })
  const fresh = `${target}.${process.pid}.tmp`
  const { status, stderr } = spawnSync(compiler, [...FLAGS, ...flags, ...LINKING, '-I', headers(), ...filesOf('.c'), '-o', fresh], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${compiler} could not build native/:\n${stderr}`)
  renameSync(fresh, target) // a process that has the old one loaded keeps it
  return target
}

/** Takes the library's own build into dist/. @returns {boolean} whether there is one */
export function installNative() {
  const file = buildNative()
  if (file === undefined) return false
  const folder = join(root, 'dist/native')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  copyFileSync(file, join(folder, `${targetName()}.node`))
  return true
}

function targetName() {
  return `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`
}

/** Node's own report tells which C library it runs on: only glibc has a version there. */
function isMusl() {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport())
  return process.platform === 'linux' && report.header.glibcVersionRuntime === undefined
}

function headers() {
  return join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include') // import.meta.resolve is not there in vitest
}

/** @param {string} extension */
function filesOf(extension) {
  return readdirSync(sources).filter(name => name.endsWith(extension)).sort().map(name => join(sources, name))
}

/** @param {string} target */
function isNewest(target) {
  if (!existsSync(target)) return false
  const made = statSync(target).mtimeMs
  return [...filesOf('.c'), ...filesOf('.h'), fileURLToPath(import.meta.url)].every(file => statSync(file).mtimeMs < made)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { variant: { type: 'string', default: '' } } })
  console.log(buildNative(values.variant) ?? 'no C compiler: nothing was built, and nothing is missing without it')
}
