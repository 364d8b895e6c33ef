// Builds dist/. All code goes into one CommonJS file, millrace.cjs; what users import are thin doors to it:
//   index.cjs   testing.cjs …    take their names from millrace.cjs
//   index.js    testing.js …     re-export the .cjs of the same name, name by name
//   index.d.cts testing.d.cts …  hold the types; the .d.ts re-export them
//   worker.cjs                   what the log's other thread begins with
//   cli.cjs                      what `npx millrace` runs
//   native/                      the native part, where there is a C compiler
// So import, require and all subpaths share one copy of every class, and `instanceof` holds between them.
// One file rather than shared chunks: tsup makes CommonJS chunks with a second compiler that turns each `?.` and
// `??` into closures and drops field declarations; and a call within a file is faster than one between files.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { defineConfig } from 'tsup'
import { installNative } from './tools/build-native.mjs'

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> }
const doors = Object.keys(manifest.exports)
  .filter(subpath => subpath !== './package.json')
  .map(subpath => subpath === '.' ? 'index' : subpath.slice('./'.length))

/** What is run and not imported, and what is put before its call. */
const programs = {
  worker: { first: '', call: 'work' },
  cli: { first: '#!/usr/bin/env node\n', call: 'run' },
} as const

// Here, because tsup's own `clean` runs beside the build and removes the .d.ts doors again.
rmSync('dist', { recursive: true, force: true })

export default defineConfig({
  entry: { millrace: 'tools/entries.ts' },
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  splitting: false,
  sourcemap: true,
  skipNodeModulesBundle: true,
  dts: { entry: Object.fromEntries(doors.map(door => [door, `src/${door}.ts`])) },
  esbuildOptions(options) {
    // import() of an optional library becomes require(), which also works where modules run in a vm context (jest).
    options.supported = { 'dynamic-import': false }
    // By __filename alone: tsup's own shim asks `document` first, which is there in Electron's windows and in jsdom.
    options.define = { 'import.meta.url': 'moduleUrl' }
    options.banner = { js: `'use strict'\nconst moduleUrl = require('node:url').pathToFileURL(__filename).href` }
  },
  async onSuccess() {
    installNative()
    await writeDoors()
  },
})

async function writeDoors(): Promise<void> {
  const require = createRequire(import.meta.url)
  const file = require.resolve('./dist/millrace.cjs')
  delete require.cache[file]
  const built = require(file) as Record<string, object>
  const odd = [...doors, ...Object.keys(built).filter(name => !Object.hasOwn(programs, name))].find(door => !doors.includes(door) || !(door in built))
  if (odd !== undefined) throw new Error(`'${odd}' is missing from package.json's exports or from tools/entries.ts`)
  for (const [name, { first, call }] of Object.entries(programs)) writeFileSync(`dist/${name}.cjs`, `${first}'use strict'\nrequire('./millrace.cjs').${name}.${call}()\n`)
  for (const door of doors) writeDoor(door, Object.keys(built[door] ?? {}).sort())
}

function writeDoor(door: string, names: readonly string[]): void {
  const assignments = names.map(name => `exports.${name} = ${door}.${name}\n`).join('')
  writeFileSync(`dist/${door}.cjs`, `'use strict'\nconst { ${door} } = require('./millrace.cjs')\n${assignments}`)
  writeFileSync(`dist/${door}.js`, `export { ${names.join(', ')} } from './${door}.cjs'\n`)
  writeFileSync(`dist/${door}.d.ts`, `export * from './${door}.cjs'\n`)
}
