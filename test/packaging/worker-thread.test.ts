// Heavy work runs on a thread of its own wherever its file is found; where it is not, the same work is done without.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
let place: string

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'millrace-thread-'))
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
})
afterAll(() => { rmSync(place, { recursive: true }) })

/** Compacts 2 MiB, and tells how many threads were started and what is left. */
const PROGRAM = `
  let threads = 0
  process.on('worker', () => { threads++ })
  const log = await open('data-' + process.pid)
  const topic = await log.topic('table', { cleanup: 'compact', value: 'bytes' })
  for (let i = 0; i < 40; i++) await topic.send(Array.from({ length: 50 }, (_, n) => ({ key: 'key-' + n, value: Buffer.alloc(1024, i) })))
  const { segmentsCompacted, failures } = await log.housekeep()
  let left = 0
  for await (const { value } of topic.read()) left += value[0] === 39 ? 1 : 1000
  await log.close()
  console.log(JSON.stringify({ threads, segmentsCompacted, failures: failures.length, left }))
`

function run(args: readonly string[]): unknown {
  return JSON.parse(execFileSync(process.execPath, args, { cwd: place, encoding: 'utf8', env: { ...process.env, NODE_NO_WARNINGS: '1' } }))
}

function write(name: string, source: string): string {
  writeFileSync(join(place, name), source)
  return join(place, name)
}

const COMPACTED = { segmentsCompacted: 1, failures: 0, left: 50 }

test('a compaction runs on a thread of its own, for who imports the package', () => {
  expect(run([write('import.mjs', `import { open } from '${join(root, 'dist/index.js')}'\n${PROGRAM}`)])).toEqual({ ...COMPACTED, threads: 1 })
})

test('… and for who requires it', () => {
  expect(run([write('require.cjs', `const { open } = require('${join(root, 'dist/index.cjs')}')\n;(async () => {${PROGRAM}})()`)])).toEqual({ ...COMPACTED, threads: 1 })
})

test('bundled into one file, without that of the thread, it runs where it is', () => {
  const source = write('app.cjs', `const { open } = require('${join(root, 'dist/index.cjs')}')\n;(async () => {${PROGRAM}})()`)
  const outfile = join(place, 'bundle/app.cjs')
  buildSync({ entryPoints: [source], outfile, bundle: true, platform: 'node', format: 'cjs', external: ['fs-ext', 'lz4-napi', 'snappy', '@hpcc-js/wasm-zstd', 'zstddec'], logLevel: 'error' })
  expect(run([outfile])).toEqual({ ...COMPACTED, threads: 0 })
})

test("where Node's permission model forbids threads, it runs where it is", () => {
  const program = write('forbidden.mjs', `import { open } from '${join(root, 'dist/index.js')}'\n${PROGRAM}`)
  expect(run(['--experimental-permission', '--allow-fs-read=*', '--allow-fs-write=*', program])).toEqual({ ...COMPACTED, threads: 0 })
})
