// What a runner handles whose handlers send one record for each that they get, and what it costs that each effect
// happens exactly once, in transactions of 500 records: beside at-least-once with the same handler, which waits for each
// send, and with 500 of them at a time, which share a batch. And both where nothing is sent. Each round is a group of its own.
import { bytesTopic, fill } from './support/records.mjs'
import { sized } from './support/flags.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const RIVAL = 'at-least-once, send, 500 at a time'

const count = sized(200_000)
let groups = 0

await inLog(async log => {
  const source = await bytesTopic(log, 'numbers')
  await fill(source, count)
  const target = await bytesTopic(log, 'copies')
  const side = /** @type {const} */ ({ concurrency: 500, order: 'key' })

  /** @param {(handled: () => void) => (record: any, context: any) => unknown} handlerOf @param {object} options */
  async function handling(handlerOf, options) {
    globalThis.gc?.()
    const before = target.partitions[0]?.endOffset ?? 0
    let seen = 0
    let allSeen = () => {}
    const done = new Promise(resolve => { allSeen = () => resolve(undefined) })
    const figures = await timed('records', count, async () => {
      const runner = await log.group(`group-${++groups}`).run(source, /** @type {any} */ (handlerOf(() => { if (++seen === count) allSeen() })), { from: 'earliest', ...options })
      await Promise.race([done, runner.done])
      await runner.stop()
    })
    if (seen !== count) throw new Error(`${seen} records were handled, not ${count}`)
    const written = (target.partitions[0]?.endOffset ?? 0) - before
    if (written > 0 && written < count) throw new Error(`${written} records were written, not ${count}`)
    return figures
  }

  /** @param {() => void} handled */
  const nothing = handled => () => { handled() }
  /** @param {() => void} handled */
  const sending = handled => async (/** @type {any} */ { key, value }) => {
    await target.send({ key, value })
    handled()
  }
  /** @param {() => void} handled */
  const inTransaction = handled => async (/** @type {any} */ { key, value }, /** @type {any} */ { tx }) => {
    await tx.send(target, { key, value })
    handled()
  }

  await compare({
    title: `exactly-once: ${count} records of 8 + 100 bytes, one partition, handled and committed`,
    figures: ['records/s', 'CPU ns'],
    rival: RIVAL,
    notes: await storageNotes(),
    contenders: {
      'at-least-once, send': () => handling(sending, {}),
      [RIVAL]: () => handling(sending, side),
      'exactly-once, tx.send': () => handling(inTransaction, { delivery: 'exactly-once' }),
      'exactly-once, tx.send, 500 at a time': () => handling(inTransaction, { delivery: 'exactly-once', ...side }),
      'at-least-once, nothing sent': () => handling(nothing, {}),
      'exactly-once, nothing sent': () => handling(nothing, { delivery: 'exactly-once' }),
    },
  })
})
