// Sums the steps of .ci/run: <step>.code holds a step's exit code, <step>.json what vitest reports, where it ran tests.
// Names each skipped test and each failed one; the last line is the count. A step that failed without naming a test
// (a check, a build, a run that ended early) counts as one failure, so that the line and the exit code agree.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Skipped here only where Java or npm is missing, which must not be the case where CI=true; Python, Go and kcat may be. */
const neverSkipped = /^test\/(kafka\/|clients\/(?!(python|go|kcat)\.))/

/**
 * @typedef {{ passed: number, failed: string[], skipped: string[] }} Summary
 * @typedef {{ fullName: string, status: string }} Assertion
 * @typedef {{ name: string, status: string, assertionResults: Assertion[] }} TestFile
 */

/**
 * @param {string} directory
 * @param {{ strict: boolean, root: string }} options  `strict`: as with CI=true
 * @returns {Summary}
 */
export function summarize(directory, options) {
  const total = { passed: 0, failed: /** @type {string[]} */ ([]), skipped: /** @type {string[]} */ ([]) }
  for (const file of readdirSync(directory).filter(name => name.endsWith('.code')).sort()) {
    const step = file.slice(0, -'.code'.length)
    const code = readFileSync(join(directory, file), 'utf8').trim()
    const { passed, failed, skipped } = testsOf(join(directory, `${step}.json`), options)
    total.passed += passed
    total.failed.push(...failed)
    total.skipped.push(...skipped)
    if (code !== '0' && failed.length === 0) total.failed.push(`step '${step}' ended with exit code ${code}`)
  }
  return total
}

/** @param {string} path @param {{ strict: boolean, root: string }} options @returns {Summary} */
function testsOf(path, { strict, root }) {
  const sum = { passed: 0, failed: /** @type {string[]} */ ([]), skipped: /** @type {string[]} */ ([]) }
  if (!existsSync(path)) return sum
  /** @type {{ testResults: TestFile[] }} */
  const report = JSON.parse(readFileSync(path, 'utf8'))
  for (const file of report.testResults) {
    const where = relative(root, file.name)
    for (const { fullName, status } of file.assertionResults) {
      const name = `${where} > ${fullName}`
      if (status === 'passed') sum.passed++
      else if (status === 'failed') sum.failed.push(name)
      else if (strict && neverSkipped.test(where)) sum.failed.push(`${name} (skipped)`)
      else sum.skipped.push(name)
    }
    const named = file.assertionResults.some(({ status }) => status === 'failed')
    if (file.status === 'failed' && !named) sum.failed.push(`${where} could not be run`)
  }
  return sum
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const summary = summarize(process.argv[2] ?? '.ci/results', { strict: process.env['CI'] === 'true', root: process.cwd() })
  console.log('')
  for (const name of summary.skipped) console.log(`skipped: ${name}`)
  for (const name of summary.failed) console.log(`failed: ${name}`)
  console.log(`${summary.passed} passed, ${summary.failed.length} failed, ${summary.skipped.length} skipped`)
  process.exitCode = summary.failed.length === 0 ? 0 : 1
}
