// Brings the clients onto the machine, once: into node_modules/.cache, or into the folder that MILLRACE_CLIENTS names.
// What a runtime needs is one folder, named by a hash of all that went into it, so that another version is another
// folder. It appears under its name only when it is complete: processes that install at the same time, or are killed
// while they do, leave nothing half. Nothing is put anywhere else, except into the caches of npm, pip, Go and Maven.
//   node tools/clients/installations.mjs       all of them, and tells which are missing, and why
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const run = promisify(execFile)

/** All clients of one language come together. @typedef {'node' | 'python' | 'go' | 'java-4.3' | 'java-3.9' | 'kcat'} Runtime */

const javaVersions = { 'java-4.3': '4.3.1', 'java-3.9': '3.9.2' }

/**
 * What a runtime needs to be there, what its folder is made of, and how it is filled.
 * @type {Readonly<Record<Runtime, { needs: readonly string[][], parts: readonly string[], version?: string, fill: (folder: string) => Promise<void> }>>}
 */
const recipes = {
  node: {
    needs: [['npm', '--version']],
    parts: ['node/package.json', 'node/package-lock.json'],
    async fill(folder) {
      for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(here, 'node', name), join(folder, name))
      // Without `engine-strict`: a client that wants a newer Node gets the one that is installed beside it.
      await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-engine-strict', '--loglevel=error'], { cwd: folder })
    },
  },
  python: {
    needs: [['python3', '-m', 'pip', '--version']],
    parts: ['python/requirements.txt'],
    async fill(folder) {
      await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, '--requirement', join(here, 'python/requirements.txt')])
    },
  },
  go: {
    needs: [['go', 'version']],
    parts: readdirSync(join(here, 'go')).map(name => `go/${name}`),
    async fill(folder) {
      await run('go', ['build', '-o', join(folder, 'clients'), '.'], { cwd: join(here, 'go') })
    },
  },
  'java-4.3': javaRecipe(javaVersions['java-4.3']),
  'java-3.9': javaRecipe(javaVersions['java-3.9']),
  kcat: { needs: [['kcat', '-V']], parts: [], async fill() { /* it is a package of the system's */ } },
}

/** @param {string} version  of Kafka's client */
function javaRecipe(version) {
  const sources = readdirSync(join(here, 'java')).filter(name => name.endsWith('.java')).map(name => `java/${name}`)
  return {
    needs: [['javac', '-version'], ['mvn', '--version']],
    parts: ['java/pom.xml', ...sources],
    version,
    /** @param {string} folder */
    async fill(folder) {
      const goal = ['--quiet', '--batch-mode', '--file', join(here, 'java/pom.xml'), 'dependency:copy-dependencies']
      await run('mvn', [...goal, `-Dkafka.version=${version}`, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime'])
      await run('javac', ['-d', folder, '-cp', join(folder, '*'), ...sources.map(name => join(here, name))])
    },
  }
}

/**
 * Makes sure that a runtime's clients are there.
 * @param {Runtime} runtime
 * @returns {Promise<{ folder: string } | { missing: string }>}  missing: why they can't be, in words
 */
export async function install(runtime) {
  const { needs, parts, version = '', fill } = recipes[runtime]
  for (const [command = '', ...args] of needs) {
    if (!await succeeds(command, args)) return { missing: `${command} is not installed` }
  }
  const root = process.env['MILLRACE_CLIENTS'] ?? join(here, '../../node_modules/.cache/millrace/clients')
  const folder = join(root, `${runtime}-${hashOf(parts, version)}`)
  if (existsSync(folder)) return { folder }
  mkdirSync(root, { recursive: true })
  const partial = mkdtempSync(`${folder}-partial-`)
  try {
    await fill(partial)
    moveInto(partial, folder)
    return { folder }
  } catch (error) {
    return { missing: `its installation failed: ${error instanceof Error ? error.message : String(error)}` }
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

/** @param {string} command @param {readonly string[]} args */
async function succeeds(command, args) {
  return await run(command, args).then(() => true, () => false)
}

/** @param {readonly string[]} parts @param {string} version */
function hashOf(parts, version) {
  const hash = createHash('sha256').update(version)
  for (const part of parts) hash.update(part).update(readFileSync(join(here, part)))
  return hash.digest('hex').slice(0, 12)
}

/** Another process may have been first: then what it has installed is as good. @param {string} partial @param {string} folder */
function moveInto(partial, folder) {
  try {
    renameSync(partial, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await Promise.all(/** @type {Runtime[]} */ (Object.keys(recipes)).map(async runtime => {
    const installed = await install(runtime)
    console.log(`${runtime}: ${'folder' in installed ? installed.folder : installed.missing}`)
  }))
}
