// What came of a suite's tests: by `file > test`, one outcome each. Suites have tests of the same name in one file; the
// second of a name is `file > test (2)`.

/** @typedef {'passed' | 'failed' | 'skipped'} Outcome */
/** @typedef {Map<string, Outcome>} Outcomes */

/** @param {Outcomes} outcomes @param {string} file @param {string} test @param {Outcome} outcome */
export function note(outcomes, file, test, outcome) {
  const name = `${file} > ${test.replaceAll(/\s+/g, ' ')}`
  let unused = name
  for (let number = 2; outcomes.has(unused); number++) unused = `${name} (${number})`
  outcomes.set(unused, outcome)
}

/** @param {string} name */
export function fileOf(name) {
  return name.slice(0, name.indexOf(' > '))
}

/** @param {Outcomes} outcomes */
export function counted(outcomes) {
  const all = [...outcomes.values()]
  return ['passed', 'failed', 'skipped'].map(outcome => `${all.filter(one => one === outcome).length} ${outcome}`).join(', ')
}
