// The declarations of the build, as a user's compiler meets them: at its strictest, by every way of finding modules.
import { execFileSync, type ExecFileSyncOptions } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))

const RESOLUTIONS = [{ module: 'nodenext', moduleResolution: 'nodenext' }, { module: 'esnext', moduleResolution: 'bundler' }]
const FILES = ['api-use.ts', 'use-testing.ts', 'use-matchers.ts', 'contract.ts']

/** What the compiler says of files beside this one: '' when it has nothing against them. */
function compile(files: readonly string[], options: Readonly<Record<string, string>>, cwd = here): string {
  const flags = { target: 'es2022', lib: 'es2023,esnext.disposable', types: 'node', strict: 'true', exactOptionalPropertyTypes: 'true', noUncheckedIndexedAccess: 'true', skipLibCheck: 'false', noEmit: 'true', ...options }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  const quiet: ExecFileSyncOptions = { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }
  try {
    return String(execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...args, ...files], quiet))
  } catch (error) {
    return String((error as { stdout: unknown }).stdout)
  }
}

test.each(RESOLUTIONS)('with moduleResolution $moduleResolution what users write compiles, what they must not write does not, and the surface is the contract', options => {
  expect(compile(FILES, options)).toBe('')
}, 120_000)

test('a type that is not the contract\'s is seen', () => {
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
  const directory = mkdtempSync(join(root, 'node_modules/.cache/planted-'))
  onTestFinished(() => { rmSync(directory, { recursive: true, force: true }) })
  const file = join(directory, 'planted.ts')
  writeFileSync(file, `
    import type { LogRecord, Sent, Topic } from 'millrace'
    type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
    declare function same<A, B>(holds: Equal<A, B>): void
    same<Sent, { readonly topic: string; readonly partition: number; readonly offset: number; timestamp: number }>(true)
    same<keyof Topic, 'name'>(true)
    const bad: LogRecord = { topic: 'a' }
    export { bad }
  `)
  const said = compile([file], RESOLUTIONS[0]!)
  expect(said.match(/error TS\d+/g)).toEqual(['error TS2345', 'error TS2345', 'error TS2740'])
}, 120_000)

test.each(RESOLUTIONS)('with moduleResolution $moduleResolution the declarations compile where no test runner is installed', options => {
  const place = mkdtempSync(join(tmpdir(), 'millrace-types-'))
  onTestFinished(() => { rmSync(place, { recursive: true, force: true }) })
  mkdirSync(join(place, 'node_modules/@types'), { recursive: true })
  mkdirSync(join(place, 'node_modules/millrace'))
  for (const part of ['dist', 'package.json']) cpSync(join(root, part), join(place, 'node_modules/millrace', part), { recursive: true })
  for (const part of ['@types/node', 'undici-types']) symlinkSync(join(root, 'node_modules', part), join(place, 'node_modules', part))
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(place, 'use.ts'), "import { matchers, testLog } from 'millrace/testing'\nvoid testLog().then(log => { void matchers; void log.clock.advance('1d') })\n")
  expect(compile(['use.ts'], options, place)).toBe('')
}, 120_000)
