// The longest stall of the main thread while 64 writers wait for the device and one sends with durability 'process' as fast
// as it can, all to one partition: so each write meets a sync of the same file. Storages run in turn, each in a
// process of its own. 'pages not ready' is the native part's variant that leaves the mapping's pages to be faulted in by
// the appends. Rows that can't be had here say why.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { MillraceError } from 'millrace'
import { buildNative } from '../tools/build-native.mjs'
import { flags, sized } from './support/flags.mjs'
import { latenessBeside } from './support/lateness.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { load, median, print } from './support/report.mjs'
import { inLog } from './support/scratch.mjs'

const WRITERS = 64
const MEASURED_MS = sized(5000)
const RECORDS_A_SEND = 1000

/** @type {Readonly<Record<string, Variant>>} */
const VARIANTS = {
  mapped: { storage: 'mapped' },
  'mapped, pages not ready': { storage: 'mapped', native: 'unpopulated' },
  'plain files': { storage: 'file' },
}

/** @typedef {{ storage: 'mapped' | 'file', native?: string }} Variant  native: a variant of tools/build-native.mjs */
/** @typedef {{ process: number, power: number, all: import('./support/lateness.mjs').Lateness, own: import('./support/lateness.mjs').Lateness }} Told by the child */

const [, , storage] = process.argv
if (storage === 'mapped' || storage === 'file') await measure(storage)
else bench()

function bench() {
  /** @type {Map<string, (Told | string)[]>} */
  const rounds = new Map(Object.keys(VARIANTS).map(name => [name, []]))
  for (let round = 0; round < flags.rounds; round++) {
    for (const [name, variant] of Object.entries(VARIANTS)) rounds.get(name)?.push(runChild(variant))
  }
  const rows = [...rounds].map(([name, told]) => {
    const refused = told.find(answer => typeof answer === 'string')
    if (typeof refused === 'string') return [`${name}: ${refused}`, NaN, NaN, NaN, NaN, NaN, NaN, NaN]
    const values = (/** @type {(told: Told) => number} */ of) => told.flatMap(answer => typeof answer === 'string' ? [] : [of(answer)])
    const longest = values(({ all }) => all.max)
    return [name, median(values(({ process }) => process)), median(values(({ power }) => power)), median(values(({ all }) => all.p99)), median(values(({ all }) => all.p999)), median(longest), Math.max(...longest), median(values(({ own }) => own.max))]
  })
  print(`stall: how late a 1 ms timer is, ms, beside ${WRITERS} 'power' writers and full-speed 'process' sends`,
    ['', "'process' records/s", "'power' records/s", 'p99', 'p99.9', 'longest', 'worst of all rounds', 'own longest'], rows, { rounds: flags.rounds, load: load() })
}

/** @param {Variant} variant @returns {Told | string} why it can't be had */
function runChild({ storage, native }) {
  const chosen = native === undefined ? {} : { MILLRACE_NATIVE: buildNative(native) ?? 'off' }
  const child = spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), storage], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...chosen } })
  if (child.status !== 0) throw new Error(`${storage}: ended with status ${child.status}`)
  return JSON.parse(child.stdout)
}

/** @param {'mapped' | 'file'} storage */
async function measure(storage) {
  try {
    await inLog(async log => {
      const topic = await bytesTopic(log, 'payments')
      const power = topic.producer({ durability: 'power' })
      const records = makeRecords(RECORDS_A_SEND)
      const end = performance.now() + MEASURED_MS
      const sent = { process: 0, power: 0 }
      const { seconds, all, own } = await latenessBeside(() => Promise.all([
        ...Array.from({ length: WRITERS }, async () => { for (; performance.now() < end; sent.power++) await power.send(records[sent.power % RECORDS_A_SEND] ?? { value: null }) }),
        (async () => { for (; performance.now() < end; sent.process += RECORDS_A_SEND) await topic.send(records) })(),
      ]))
      console.log(JSON.stringify({ process: sent.process / seconds, power: sent.power / seconds, all, own }))
    }, { storage })
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'STORAGE_UNAVAILABLE') throw error
    console.log(JSON.stringify(error.message))
  }
}
