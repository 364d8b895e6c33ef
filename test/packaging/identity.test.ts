// import, require and the subpaths give one copy of everything. Runs the build in children, as a user's Node would.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

const root = fileURLToPath(new URL('../../', import.meta.url))
const subpaths = Object.keys(manifest.exports).filter(subpath => subpath !== './package.json')

/** Runs an ES module at the project's root, where 'millrace' is the project itself; the JSON that it prints. */
function run(source: string): unknown {
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', source], { cwd: root, encoding: 'utf8' })
  return JSON.parse(output)
}

test.each(subpaths)('%s gives the same objects to import and to require', subpath => {
  const name = `millrace${subpath.slice(1)}`
  const different = run(`
    import { createRequire } from 'node:module'
    const required = createRequire(import.meta.url)('${name}')
    const imported = await import('${name}')
    const names = [...new Set([...Object.keys(required), ...Object.keys(imported)])]
    console.log(JSON.stringify(names.filter(name => required[name] === undefined || required[name] !== imported[name])))
  `)
  expect(different).toEqual([])
})

test.each(subpaths)('%s exports what its entry file does', async subpath => {
  const door = subpath === '.' ? 'index' : subpath.slice('./'.length)
  const source = await import(`../../src/${door}.ts`) as object
  const built = run(`console.log(JSON.stringify(Object.keys(await import('millrace${subpath.slice(1)}'))))`)
  expect(built).toEqual(Object.keys(source).sort())
})

test('an error raised by the required library is an instance of the imported class', () => {
  const caught = run(`
    import { createRequire } from 'node:module'
    import { UsageError } from 'millrace'
    const { open } = createRequire(import.meta.url)('millrace')
    const error = await open(42).catch(error => error)
    console.log(JSON.stringify([error instanceof UsageError, error.name]))
  `)
  expect(caught).toEqual([true, 'UsageError'])
})

test('a log of millrace/testing is an instance of the EventLog that require gives', () => {
  const same = run(`
    import { createRequire } from 'node:module'
    import { testLog } from 'millrace/testing'
    const { EventLog } = createRequire(import.meta.url)('millrace')
    const log = await testLog()
    console.log(JSON.stringify(log instanceof EventLog))
    await log.close()
  `)
  expect(same).toBe(true)
})
