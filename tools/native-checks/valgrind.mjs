// Runs workout.mjs under valgrind: `npm run check:native -- valgrind`. No invalid access, no use of what was never written,
// nothing definitely lost. Node needs --jitless, since valgrind does not follow code that is written while it runs.
// No suppressions: Node itself is clean but for memory that is "possibly lost" in the stacks of its threads.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const FAULTS_FOUND = 99

export function checkByValgrind() {
  if (spawnSync('valgrind', ['--version']).status !== 0) {
    console.log('skipped: valgrind is not installed')
    return true
  }
  const flags = ['--quiet', '--leak-check=full', '--errors-for-leak-kinds=definite', '--show-leak-kinds=definite', '--num-callers=20', `--error-exitcode=${FAULTS_FOUND}`]
  const { status } = spawnSync('valgrind', [...flags, process.execPath, '--jitless', fileURLToPath(new URL('workout.mjs', import.meta.url))], { stdio: 'inherit' })
  console.log(status === 0 ? 'valgrind: clean' : status === FAULTS_FOUND ? 'FAILED: valgrind found faults' : `FAILED: ended by ${status}`)
  return status === 0
}
