// What a group delivers, from the page cache: to a consumer by batches and by records, to a runner's handler, and to four
// groups at the same time. Each round is a group of its own, so all of it is committed as well. The same records by
// read() and batches() stand beside it.
import { bytesTopic, fill } from './support/records.mjs'
import { sized } from './support/flags.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const count = sized(1_000_000)
let groups = 0

await inLog(async log => {
  const topic = await bytesTopic(log, 'numbers')
  await fill(topic, count)

  const newGroup = () => log.group(`group-${++groups}`)

  /** @param {import('millrace').ConsumerGroup} group */
  async function byRecords(group) {
    let seen = 0
    const consumer = await group.join(topic, { from: 'earliest' })
    for await (const _ of consumer) if (++seen === count) break
    await consumer.close()
    return seen
  }

  /** @param {(handled: () => void) => () => unknown} handlerOf @param {object} [options] */
  async function byRunner(handlerOf, options) {
    let seen = 0
    let allSeen = () => {}
    const done = new Promise(resolve => { allSeen = () => resolve(undefined) })
    const runner = await newGroup().run(topic, handlerOf(() => { if (++seen === count) allSeen() }), { from: 'earliest', ...options })
    await Promise.race([done, runner.done])
    await runner.stop()
    return seen
  }

  await compare({
    title: `groups: ${count} records of 8 + 100 bytes, one partition, delivered and committed`,
    figures: ['records/s', 'CPU ns'],
    rival: 'read()',
    notes: await storageNotes(),
    contenders: {
      'batches(), each visited': () => delivering(count, async () => {
        let seen = 0
        for await (const batch of topic.batches()) for (const _ of batch) seen++
        return seen
      }),
      'read()': () => delivering(count, async () => {
        let seen = 0
        for await (const _ of topic.read()) seen++
        return seen
      }),
      'consumer.batches(), each visited': () => delivering(count, async () => {
        let seen = 0
        const consumer = await newGroup().join(topic, { from: 'earliest' })
        for await (const batch of consumer.batches()) {
          for (const _ of batch) seen++
          if (seen === count) break
        }
        await consumer.close()
        return seen
      }),
      'consumer, by records': () => delivering(count, () => byRecords(newGroup())),
      'run, the handler returns no promise': () => delivering(count, () => byRunner(handled => () => { handled() })),
      'run, an async handler': () => delivering(count, () => byRunner(handled => async () => { handled() })),
      "run, concurrency 16, order 'key'": () => delivering(count, () => byRunner(handled => async () => { handled() }, { concurrency: 16, order: 'key' })),
      'four groups at once, by records each': () => delivering(4 * count, async () => {
        const seen = await Promise.all(Array.from({ length: 4 }, () => byRecords(newGroup())))
        return seen.reduce((sum, each) => sum + each, 0)
      }),
    },
  })
})

/** @param {number} expected @param {() => Promise<number>} work */
async function delivering(expected, work) {
  let seen = 0
  const figures = await timed('records', expected, async () => { seen = await work() })
  if (seen !== expected) throw new Error(`${seen} records were delivered, not ${expected}`)
  return figures
}
