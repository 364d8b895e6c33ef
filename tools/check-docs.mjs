// What the documents say still holds: `npm run check:docs`.
// - Every relative link and anchor in a .md file leads somewhere.
// - A fenced block whose first line is a comment with a file's path (`// examples/first.mjs`) is that file, byte for byte.
// - README.md has at most 150 lines, ARCHITECTURE.md 250.
// - Every list item of docs/guarantees.md links to a test; CHANGELOG.md has a heading for package.json's version.
// - No file names a path of one machine or the host of a registry.
// Files are those that git tracks or would track.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const lineLimits = { 'README.md': 150, 'ARCHITECTURE.md': 250 }
const machinePath = '(^|[^A-Za-z0-9_.])/(work|root|home)/[a-z]'
const registryHost = 'registry\\.(npmjs|yarnpkg|npmmirror)\\.(org|com)'

/**
 * @param {string} root  a git work tree
 * @returns {string[]} what is wrong, a sentence each
 */
export function checkDocs(root) {
  const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter(page => page !== '' && existsSync(join(root, page)))
  return [
    ...pages.flatMap(page => brokenLinks(root, page)),
    ...pages.flatMap(page => strayBlocks(root, page)),
    ...longPages(root),
    ...unprovenPromises(root),
    ...missingRelease(root),
    ...privateNames(root),
  ]
}

/** @param {string} root @param {string} path */
function read(root, path) {
  return readFileSync(join(root, path), 'utf8')
}

/** @param {string} text the page without its code: neither fenced blocks nor `spans` */
function prose(text) {
  return text.replace(/^( *)(```+|~~~+)[^]*?^\1?\2.*$/gm, '').replace(/`[^`\n]*`/g, '')
}

/** @param {string} root @param {string} page */
function brokenLinks(root, page) {
  const text = prose(read(root, page))
  const targets = [
    ...[...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)],
    ...[...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)],
  ].map(match => match[1] ?? '')
  return targets.flatMap(target => {
    if (/^[a-z][a-z+.-]*:/i.test(target)) return []
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? page : posix.normalize(posix.join(posix.dirname(page), decodeURIComponent(path)))
    if (file.startsWith('../') || !existsSync(join(root, file))) return [`${page}: the link '${target}' leads nowhere`]
    if (anchor === undefined || !file.endsWith('.md')) return []
    return anchorsOf(read(root, file)).has(anchor) ? [] : [`${page}: ${file} has no heading for the link '${target}'`]
  })
}

/** The anchors GitHub gives a page's headings, and those written by hand. @param {string} text */
function anchorsOf(text) {
  /** @type {Map<string, number>} */
  const seen = new Map()
  const anchors = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(match => match[1] ?? ''))
  const withoutBlocks = text.replace(/^( *)(```+|~~~+)[^]*?^\1?\2.*$/gm, '')
  for (const [, title = ''] of withoutBlocks.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = words.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replace(/ /g, '-')
    const count = seen.get(slug) ?? 0
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
    seen.set(slug, count + 1)
  }
  return anchors
}

/** @param {string} root @param {string} page */
function strayBlocks(root, page) {
  return [...read(root, page).matchAll(/^```\w*\n([^]*?)^```$/gm)].flatMap(([, block = '']) => {
    const file = /^\/\/ ([\w./-]+\.[cm]?[jt]s)\n/.exec(block)?.[1]
    if (file === undefined) return []
    if (!existsSync(join(root, file))) return [`${page}: the block '// ${file}' names no file`]
    return read(root, file) === block ? [] : [`${page}: the block '// ${file}' is not what the file holds`]
  })
}

/** @param {string} root */
function longPages(root) {
  return Object.entries(lineLimits).flatMap(([page, limit]) => {
    if (!existsSync(join(root, page))) return [`${page} is missing`]
    const lines = read(root, page).trimEnd().split('\n').length
    return lines > limit ? [`${page} has ${lines} lines, more than ${limit}`] : []
  })
}

/** @param {string} root */
function unprovenPromises(root) {
  const page = 'docs/guarantees.md'
  if (!existsSync(join(root, page))) return [`${page} is missing`]
  const items = prose(read(root, page)).split(/^(?=(?:[-*]|\d+\.) )/m).filter(item => /^([-*]|\d+\.) /.test(item))
  if (items.length === 0) return [`${page} promises nothing`]
  return items.flatMap(item => {
    const tests = [...item.matchAll(/\]\(([^)#\s]+\.test\.ts)[^)]*\)/g)].map(match => join(root, dirname(page), match[1] ?? ''))
    return tests.some(test => existsSync(test)) ? [] : [`${page}: no test stands behind '${item.split('\n')[0]}'`]
  })
}

/** @param {string} root */
function missingRelease(root) {
  const { version } = JSON.parse(read(root, 'package.json'))
  if (!existsSync(join(root, 'CHANGELOG.md'))) return ['CHANGELOG.md is missing']
  const headings = read(root, 'CHANGELOG.md').split('\n').filter(line => line.startsWith('## '))
  const found = headings.some(line => /^## \[?v?([^\]\s]+)/.exec(line)?.[1] === version)
  return found ? [] : [`CHANGELOG.md has no heading for ${version}, package.json's version`]
}

/** @param {string} root */
function privateNames(root) {
  const { status, stdout, stderr } = spawnSync('git', ['grep', '--untracked', '-nIE', `${machinePath}|${registryHost}`], { cwd: root, encoding: 'utf8' })
  if (status !== 0 && status !== 1) throw new Error(`git grep failed: ${stderr}`)
  return stdout.split('\n').filter(line => line !== '').map(line => `a name of one machine or registry: ${line.slice(0, 140)}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = checkDocs(join(dirname(fileURLToPath(import.meta.url)), '..'))
  for (const fault of faults) console.error(fault)
  console.log(faults.length === 0 ? 'docs: they say what holds' : `docs: ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
