// The last line of a test run: names what was skipped, then counts, in the form that .ci/run ends with too.
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap(module => [...module.children.allTests()])
    const count = (state: string): number => tests.filter(test => test.result().state === state).length
    // A file that can't be loaded, or an error outside any test, is a failure although no test of it failed.
    const failedOutside = modules.filter(module => module.errors().length > 0).length + unhandledErrors.length
    for (const test of tests) if (test.result().state === 'skipped') console.log(`skipped: ${nameOf(test)}`)
    console.log(`${count('passed')} passed, ${count('failed') + failedOutside} failed, ${count('skipped')} skipped`)
  }
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`
}
