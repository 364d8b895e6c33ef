// Which tests pass at a broker and not at a door, and which of those docs/kafka.md gives a reason for.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** @typedef {import('./outcomes.mjs').Outcomes} Outcomes */

const page = fileURLToPath(new URL('../../docs/kafka.md', import.meta.url))
/** A row of the page's table: `file`, test, reason. */
const row = /^\| `([^`]+)` \| (.+?) \| (.+) \|$/

/** Tests that pass at a broker and not at a door. @param {Outcomes} broker @param {Outcomes} door */
export function lacking(broker, door) {
  return [...broker].filter(([name, outcome]) => outcome === 'passed' && door.get(name) !== 'passed').map(([name]) => name)
}

/** The tests that the page lists. @param {string} [text] of the page */
export function listed(text = readFileSync(page, 'utf8')) {
  const section = text.split('\n## ').find(part => part.startsWith("Clients' own test suites")) ?? ''
  return new Set(section.split('\n').flatMap(line => {
    const [, file, test] = row.exec(line) ?? []
    return file === undefined || test === undefined ? [] : [`${file} > ${test.replaceAll('\\|', '|')}`]
  }))
}

/**
 * What another run of some files adds: a test that passed at a door in any run can pass there, and one that failed at
 * a broker in any run can fail there. Whatever is wrong for good is the same in all runs.
 * @param {Outcomes} before
 * @param {Outcomes} again
 * @param {'passed' | 'failed'} kept  the outcome that counts if it came once
 */
export function merge(before, again, kept) {
  return new Map([...again, ...before].map(([name, outcome]) => [name, again.get(name) === kept ? kept : outcome]))
}
