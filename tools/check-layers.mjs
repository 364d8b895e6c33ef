// Imports only go down the layers of src/, type imports included, and never round: `npm run check:layers`.
// Also: only platform/ imports the modules that reach the machine, and format/ imports nothing with a clock or
// randomness. A folder that is not in the table is an error, so a new layer is a decision and not an accident.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Lowest first. Folders of one row don't know each other. Files directly in src/ are the entry files, above all. */
const rows = [
  ['base'],
  ['native'],
  ['format', 'platform'],
  ['storage'],
  ['log'],
  ['groups'],
  ['transactions'],
  ['run'],
  ['surface'],
  ['kafka', 'testing', 'cli'],
]

/** The Kafka door is handed the inner parts of a log: it works beside the surface, not on top of it. */
const forbidden = [{ from: 'kafka', to: 'surface' }]

export const machineModules = ['fs', 'fs/promises', 'worker_threads']
export const timeModules = ['timers', 'timers/promises', 'perf_hooks']
const outsideFormat = [...machineModules, ...timeModules, 'crypto']

/**
 * @typedef {{ file: string, specifier: string, target: string | undefined }} Import  `target`: the file, for a relative import
 */

/**
 * @param {string} directory  src/, or a tree of the same shape
 * @returns {string[]} what is wrong, a sentence each
 */
export function checkLayers(directory) {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map(file => file.split(sep).join('/'))
    .filter(file => file.endsWith('.ts'))
    .sort()
  const imports = files.flatMap(file => importsOf(directory, file))
  return [
    ...unknownFolders(files),
    ...imports.flatMap(faultsOf),
    ...cycles(files, imports),
  ]
}

/** @param {string} directory @param {string} file @returns {Import[]} */
function importsOf(directory, file) {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(directory, file), 'utf8'), true, true)
  return importedFiles.map(({ fileName: specifier }) => {
    if (!specifier.startsWith('.')) return { file, specifier, target: undefined }
    const target = posix.join(posix.dirname(file), specifier)
    return { file, specifier, target: existsSync(join(directory, target)) ? target : `absent:${target}` }
  })
}

/** @param {string} file the folder directly under src/; '' for an entry file */
function folderOf(file) {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : ''
}

/** @param {string} folder */
function rowOf(folder) {
  return folder === '' ? rows.length : rows.findIndex(row => row.includes(folder))
}

/** @param {string[]} files */
function unknownFolders(files) {
  const unknown = new Set(files.map(folderOf).filter(folder => rowOf(folder) === -1))
  return [...unknown].map(folder => `${folder}/ is not a layer: add it to the table of tools/check-layers.mjs, and to ARCHITECTURE.md`)
}

/** @param {Import} given @returns {string[]} */
function faultsOf({ file, specifier, target }) {
  const from = folderOf(file)
  if (target === undefined) return machineFaults(file, from, specifier)
  if (target.startsWith('absent:') || !target.endsWith('.ts')) return [`${file} imports '${specifier}', which is no .ts file of src/`]
  const to = folderOf(target)
  if (from === to || rowOf(to) === -1) return []
  if (rowOf(to) >= rowOf(from)) return [`${file} imports ${target}: ${from}/ is not above ${to === '' ? 'the entry files' : `${to}/`}`]
  if (forbidden.some(pair => pair.from === from && pair.to === to)) return [`${file} imports ${target}: ${from}/ never imports ${to}/`]
  return []
}

/** @param {string} file @param {string} folder @param {string} specifier */
function machineFaults(file, folder, specifier) {
  const name = specifier.replace(/^node:/, '')
  if (folder === 'format' && outsideFormat.includes(name)) return [`${file} imports '${specifier}': format/ knows no clock, disk or randomness`]
  if (folder !== 'platform' && machineModules.includes(name)) return [`${file} imports '${specifier}': only platform/ does`]
  return []
}

/** One sentence for each import that closes a circle. @param {string[]} files @param {Import[]} imports */
function cycles(files, imports) {
  /** @type {Map<string, string[]>} */
  const next = new Map(files.map(file => [file, []]))
  for (const { file, target } of imports) if (target !== undefined && next.has(target)) next.get(file)?.push(target)
  /** @type {string[]} */
  const found = []
  const done = new Set()
  /** @param {string} file @param {string[]} path */
  const visit = (file, path) => {
    if (path.includes(file)) found.push(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' > ')}`)
    if (done.has(file) || path.includes(file)) return
    for (const target of next.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return found
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = join(dirname(fileURLToPath(import.meta.url)), '../src')
  const faults = checkLayers(directory)
  for (const fault of faults) console.error(`${relative('.', directory)}: ${fault}`)
  console.log(faults.length === 0 ? 'layers: imports only go down' : `layers: ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
