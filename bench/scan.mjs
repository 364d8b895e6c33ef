// Reading all there is from the page cache: batch by batch (`batches-visited`), record by record (`read`), and with key and
// value looked at (`materialised`). The C loop reads the very segments of the log.
import { appendBuffered, pairAt, scan } from './support/framed-file.mjs'
import { isAsked, sized } from './support/flags.mjs'
import { PASSES, gauge, gaugeNotes, rawLoop } from './support/raw-loop.mjs'
import { bytesTopic, fill, makeRecords, segmentPaths } from './support/records.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, inScratch, storageNotes } from './support/scratch.mjs'

const RIVAL = 'node:fs, framed by hand'

const count = sized(1_000_000)
const offsetSum = count * (count - 1) / 2
const byteSum = count * (8 + 100)
const notes = { ...await storageNotes(), ...gaugeNotes }

/** @param {string} name @param {string} what @param {Readonly<Record<string, import('./support/rounds.mjs').Contender>>} contenders */
async function item(name, what, contenders) {
  if (!isAsked(name)) return
  await compare({ title: `${name}: ${count} records of 8 + 100 bytes, ${what}`, figures: ['records/s', 'CPU ns'], gauge, rival: RIVAL, notes, contenders })
}

await inScratch(async directory => {
  appendBuffered(directory, makeRecords(count))
  await inLog(async log => {
    const topic = await bytesTopic(log, 'numbers')
    await fill(topic, count)
    const raw = rawLoop(() => ['scan', PASSES, ...segmentPaths(log, topic)])
    const frames = () => {
      let seen = 0
      scan(directory, () => { seen++ })
      return seen
    }

    await item('batches-visited', 'each visited', {
      ...raw,
      [RIVAL]: () => reading(count, frames),
      'batches()': () => reading(offsetSum, async () => {
        let sum = 0
        for await (const batch of topic.batches()) for (const record of batch) sum += record.offset
        return sum
      }),
    })
    await item('read', 'offsets', {
      ...raw,
      [RIVAL]: () => reading(count, frames),
      'read()': () => reading(offsetSum, async () => {
        let sum = 0
        for await (const record of topic.read()) sum += record.offset
        return sum
      }),
    })
    await item('materialised', 'key and value', {
      ...raw,
      [RIVAL]: () => reading(byteSum, () => {
        let sum = 0
        scan(directory, (bytes, start, end) => {
          const { key, value } = pairAt(bytes, start, end)
          sum += key.length + value.length
        })
        return sum
      }),
      'read()': () => reading(byteSum, async () => {
        let sum = 0
        for await (const { key, value } of topic.read()) if (key !== null && value !== null) sum += key.length + value.length
        return sum
      }),
      'batches()': () => reading(byteSum, async () => {
        let sum = 0
        for await (const batch of topic.batches()) for (const { key, value } of batch) if (key !== null && value !== null) sum += key.length + value.length
        return sum
      }),
    })
  })
})

/** @param {number} expected @param {() => number | Promise<number>} work  returns a sum over all records, so that none is left out */
async function reading(expected, work) {
  let sum = NaN
  const figures = await timed('records', count, async () => { sum = await work() })
  if (sum !== expected) throw new Error(`not every record was read: ${sum} instead of ${expected}`)
  return figures
}
