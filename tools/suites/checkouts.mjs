// Brings a client's sources, tests and all, onto the machine, once: into node_modules/.cache, or into the folder that
// MILLRACE_SUITES names. A checkout is named by its commit and a hash of what is changed in it, so that other changes are
// another folder; it appears under its name only when it is complete.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * @typedef {object} Source
 * @property {string} name  of the folder
 * @property {string} repository  a public one, unless the environment variable names another place
 * @property {string} variable
 * @property {string} commit
 * @property {readonly Change[]} changes
 */

/** In a file, each text that is found is replaced by another; `whole` replaces the file. @typedef {{ file: string, replace: readonly (readonly [string, string])[] } | { file: string, whole: string }} Change */

/** Where checkouts and results are kept. */
export function suitesFolder() {
  return process.env['MILLRACE_SUITES'] ?? fileURLToPath(new URL('../../node_modules/.cache/millrace/suites', import.meta.url))
}

/**
 * @param {Source} source
 * @returns {Promise<string>}  the folder of the checkout, with its dependencies installed
 */
export async function checkOut({ name, repository, variable, commit, changes }) {
  const hash = createHash('sha256').update(JSON.stringify(changes)).digest('hex').slice(0, 8)
  const folder = join(suitesFolder(), `${name}-${commit.slice(0, 8)}-${hash}`)
  if (existsSync(folder)) return folder
  mkdirSync(suitesFolder(), { recursive: true })
  const partial = mkdtempSync(`${folder}-partial-`)
  try {
    await run('git', ['clone', '--quiet', '--no-checkout', process.env[variable] ?? repository, partial])
    await run('git', ['checkout', '--quiet', '--detach', commit], { cwd: partial })
    for (const change of changes) apply(change, partial)
    // Nothing is built: what needs a compiler is of no use to these tests.
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-engine-strict', '--loglevel=error'], { cwd: partial })
    renameSync(partial, folder)
    return folder
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

/** @param {Change} change @param {string} folder */
function apply(change, folder) {
  const path = join(folder, change.file)
  if ('whole' in change) return writeFileSync(path, change.whole)
  let text = readFileSync(path, 'utf8')
  for (const [found, replacement] of change.replace) {
    if (!text.includes(found)) throw new Error(`${change.file} has no '${found}' to be replaced: it is another version than the one that was looked at`)
    text = text.replaceAll(found, () => replacement)
  }
  writeFileSync(path, text)
}
