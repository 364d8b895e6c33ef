// What compaction's map of keys costs a record, without files: hashing a batch's keys, noting the newest offset of each, and
// looking it up; 10 million records with a million keys in batches of 256 KiB. Beside it what comes to hand: a Map of strings.
// It is no part of the library's surface, so it is bundled from src/, once with the native part and once without.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { buildNative } from '../tools/build-native.mjs'
import { sized } from './support/flags.mjs'
import { compare } from './support/rounds.mjs'
import { RECORDS_A_BATCH } from './support/records.mjs'
import { inScratch } from './support/scratch.mjs'

const RIVAL = 'a Map of strings'
const COUNT = sized(10_000_000)
const KEYS = sized(1_000_000)
const MAP_BYTES = 64 * 2 ** 20
/** Of batches that differ. They come again and again: all of them would take a gigabyte. */
const DISTINCT = sized(500)
const BATCHES = Math.ceil(COUNT / RECORDS_A_BATCH)

const seeds = Buffer.from('0123456789abcdef')
const root = fileURLToPath(new URL('..', import.meta.url))
const sources = ['src/storage/offset-map.ts', 'src/format/batch-encoder.ts', 'src/format/record-cursor.ts']

/** @typedef {typeof import('../src/storage/offset-map.ts') & typeof import('../src/format/batch-encoder.ts') & typeof import('../src/format/record-cursor.ts')} Parts */

/** @param {string} directory @param {string} native  what MILLRACE_NATIVE says @returns {Parts} */
function load(directory, native) {
  const outfile = join(directory, `${native === 'off' ? 'script' : 'native'}.cjs`)
  buildSync({
    stdin: { contents: sources.map(source => `export * from './${source}'`).join('\n'), resolveDir: root, loader: 'ts' },
    bundle: true, platform: 'node', target: 'node20', format: 'cjs', outfile, logLevel: 'error', logOverride: { 'empty-import-meta': 'silent' },
  })
  process.env['MILLRACE_NATIVE'] = native
  return createRequire(import.meta.url)(outfile)
}

/** @param {Parts} parts */
function makeBodies({ BatchEncoder }) {
  let state = 1
  const value = Buffer.alloc(100, 'x')
  return Array.from({ length: DISTINCT }, () => {
    const encoder = new BatchEncoder()
    while (encoder.count < RECORDS_A_BATCH) {
      state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0
      encoder.append(1000, Buffer.from(String((state >>> 0) % KEYS).padStart(8, '0')), value, [])
    }
    return Buffer.from(encoder.body())
  })
}

/**
 * One fill and one look-up of every record. @param {readonly Buffer[]} bodies
 * @param {(body: Buffer) => void} take  finds the batch's keys
 * @param {(index: number, offset: number) => void} put
 * @param {(index: number) => number | undefined} get
 */
async function passes(bodies, take, put, get) {
  globalThis.gc?.()
  const cost = (/** @type {(body: Buffer, offset: number) => void} */ visit) => {
    const begun = process.cpuUsage()
    for (let batch = 0; batch < BATCHES; batch++) visit(bodies[batch % DISTINCT] ?? Buffer.alloc(0), batch * RECORDS_A_BATCH)
    const { user, system } = process.cpuUsage(begun)
    return (user + system) * 1000 / (BATCHES * RECORDS_A_BATCH)
  }
  let sum = 0
  const takeNs = cost(take)
  const putNs = cost((body, offset) => {
    take(body)
    for (let i = 0; i < RECORDS_A_BATCH; i++) put(i, offset + i)
  })
  const getNs = cost(body => {
    take(body)
    for (let i = 0; i < RECORDS_A_BATCH; i++) sum += get(i) ?? NaN
  })
  if (!(sum > 0)) throw new Error('a key that was put is not known')
  return { 'both passes, ns': putNs + getNs, 'take, ns': takeNs, 'put, ns': putNs - takeNs, 'get, ns': getNs - takeNs }
}

await inScratch(async directory => {
  const native = buildNative()
  const script = load(directory, 'off')
  const bodies = makeBodies(script)
  /** @param {Parts} parts */
  const ours = ({ OffsetMap }) => async () => {
    const map = new OffsetMap({ maxBytes: MAP_BYTES, expectedKeys: COUNT, seeds })
    return await passes(bodies, body => { map.take(body, RECORDS_A_BATCH) }, (index, offset) => { map.putAt(index, offset) }, index => map.getAt(index))
  }
  await compare({
    title: `offset-map: ${COUNT} records of 8 + 100 bytes, ${KEYS} keys, CPU time a record`,
    figures: ['both passes, ns', 'take, ns', 'put, ns', 'get, ns'], rival: RIVAL,
    contenders: {
      [RIVAL]: async () => {
        /** @type {Map<string, number>} */
        const map = new Map()
        /** @type {string[]} */
        const keys = []
        const take = (/** @type {Buffer} */ body) => {
          const cursor = new script.RecordCursor(body, RECORDS_A_BATCH)
          for (let i = 0; cursor.next(); i++) keys[i] = body.toString('latin1', cursor.keyStart, cursor.keyStart + cursor.keyBytes)
        }
        return await passes(bodies, take, (index, offset) => { map.set(keys[index] ?? '', offset) }, index => map.get(keys[index] ?? ''))
      },
      'OffsetMap, in script': ours(script),
      ...native === undefined ? {} : { 'OffsetMap, native': ours(load(directory, native)) },
    },
  })
})
