// The package as npm would publish it: packed, installed into an empty project without install scripts, and used
// there by import, by require and from TypeScript, on the oldest Node that is promised and on the newest ones.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeBinaries, npm } from '../support/node-binaries.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const place = mkdtempSync(join(tmpdir(), 'millrace-package-'))
const whole = join(place, 'whole')
const bare = join(place, 'without-optional')

interface Packed { readonly filename: string; readonly size: number; readonly unpackedSize: number; readonly files: readonly { readonly path: string }[] }
let packed: Packed

beforeAll(() => {
  packed = (JSON.parse(npm(root, ['pack', '--json', '--pack-destination', place])) as [Packed])[0]
  makeProject(whole, [])
  makeProject(bare, ['--omit=optional'])
  cpSync(join(root, 'examples/first.ts'), join(whole, 'first.mts'))
  compile('compiled', 'first.mts', { module: 'nodenext', moduleResolution: 'nodenext' })
})

afterAll(() => rmSync(place, { recursive: true }))

/** An empty project with the package, the examples, and the types of Node that a TypeScript user has. */
function makeProject(directory: string, flags: readonly string[]): void {
  mkdirSync(directory)
  writeFileSync(join(directory, 'package.json'), '{ "name": "user", "private": true }\n')
  npm(directory, ['install', ...flags, join(place, packed.filename)])
  cpSync(join(root, 'examples'), directory, { recursive: true })
  mkdirSync(join(directory, 'node_modules/@types'), { recursive: true })
  symlinkSync(join(root, 'node_modules/@types/node'), join(directory, 'node_modules/@types/node'))
  symlinkSync(join(root, 'node_modules/undici-types'), join(directory, 'node_modules/undici-types'))
}

/** Compiles one file of the whole project as its user would, at its strictest. */
function compile(outDir: string, file: string, options: { module: string; moduleResolution: string }): void {
  const flags = { ...options, target: 'es2022', lib: 'es2023,esnext.disposable', types: 'node', strict: 'true', skipLibCheck: 'false', outDir }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  execFileSync(process.execPath, [tsc, ...args, file], { cwd: whole, stdio: 'inherit' })
}

/** What the program prints, run in an empty working directory of its own inside the project. */
function run(node: string, project: string, args: readonly string[]): string {
  const cwd = mkdtempSync(join(project, 'run-'))
  return execFileSync(node, args, { cwd, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' } })
}

test('the tarball holds the build, the README, the changelog and the licence, and nothing else', () => {
  const paths = packed.files.map(file => file.path)
  console.log(`${packed.filename}: ${Math.ceil(packed.size / 1024)} KiB packed, ${Math.ceil(packed.unpackedSize / 1024)} KiB unpacked`)
  expect(paths.filter(path => !path.startsWith('dist/')).sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
})

const nodeResolutions = [{ module: 'node16', moduleResolution: 'node16' }, { module: 'nodenext', moduleResolution: 'nodenext' }]
const resolutions = [...nodeResolutions, { module: 'esnext', moduleResolution: 'bundler' }]

test.each(resolutions)('with moduleResolution $moduleResolution the example compiles, library types checked', options => {
  compile(`types-${options.moduleResolution}`, 'first.mts', options)
})

test.each(nodeResolutions)('with moduleResolution $moduleResolution a CommonJS module finds the types, library types checked', options => {
  writeFileSync(join(whole, 'require.cts'), `import millrace = require('millrace')\nvoid millrace.open('memory:').then(log => log.close())\n`)
  compile(`types-${options.moduleResolution}`, 'require.cts', options)
})

describe.each(nodeBinaries())('on Node $version', ({ path, reason }) => {
  const node = path ?? process.execPath
  const skipped = path === undefined ? `, skipped: ${reason}` : ''

  test.skipIf(path === undefined)(`the example runs by import${skipped}`, () => {
    expect(run(node, whole, ['../first.mjs'])).toBe(`ada { item: 'mill', total: 12 }\n`)
  })

  test.skipIf(path === undefined)(`the example runs by require${skipped}`, () => {
    expect(run(node, whole, ['../first.cjs'])).toBe(`ada { item: 'mill', total: 12 }\n`)
  })

  test.skipIf(path === undefined)(`the example runs compiled from TypeScript${skipped}`, () => {
    expect(run(node, whole, ['../compiled/first.mjs'])).toBe('ada 12\n')
  })

  test.skipIf(path === undefined)(`it works where no optional dependency is installed${skipped}`, () => {
    expect(existsSync(join(bare, 'node_modules/snappy'))).toBe(false)
    expect(run(node, bare, ['../first.mjs'])).toBe(`ada { item: 'mill', total: 12 }\n`)
  })

  test.skipIf(path === undefined)(`every codec and partitioner finds its library${skipped}`, () => {
    writeFileSync(join(whole, 'libraries.mjs'), everyLibrary)
    expect(run(node, whole, ['../libraries.mjs'])).toBe('gzip snappy lz4 zstd murmur2 xxhash\n')
  })
})

const everyLibrary = `
import { open } from 'millrace'
const log = await open('./data')
const used = []
const value = 'a value that compresses '.repeat(100)
for (const options of [...['gzip', 'snappy', 'lz4', 'zstd'].map(compression => ({ compression })), ...['murmur2', 'xxhash'].map(partitioner => ({ partitioner }))]) {
  const name = Object.values(options)[0]
  const topic = await log.topic(name, { ...options, partitions: 3 })
  await topic.send({ key: 'ada', value })
  for await (const record of topic.read({ from: 'earliest' })) if (record.value === value) used.push(name)
}
console.log(used.join(' '))
await log.close()
`
