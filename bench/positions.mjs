// What the positions of many groups cost: opening a log that has 100,000 of them, and a commit there.
import { open } from 'millrace'
import { flags, sized } from './support/flags.mjs'
import { percentile } from './support/report.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inScratch, storageNotes } from './support/scratch.mjs'

const GROUPS = sized(100_000)
const COMMITS = sized(20_000)
const OPTIONS = { storage: flags.storage }

await inScratch(async directory => {
  const log = await open(directory, OPTIONS)
  const topic = await log.topic('orders')
  await topic.send(Array.from({ length: 10 }, (_, value) => ({ value })))
  for (let from = 0; from < GROUPS; from += 1000) await Promise.all(Array.from({ length: 1000 }, (_, i) => log.group(`group-${from + i}`).reset(topic, { offset: i % 10 })))
  await log.close()

  await compare({
    title: `positions: opening a log with ${GROUPS} groups, each with a position`,
    figures: ['groups/s', 'CPU ns', 'ms'],
    notes: await storageNotes(),
    contenders: {
      'open()': async () => {
        /** @type {import('millrace').EventLog | undefined} */
        let opened
        const figures = await timed('groups', GROUPS, async () => { opened = await open(directory, OPTIONS) })
        if (opened?.groups().length !== GROUPS) throw new Error('not every group is there')
        await opened.close()
        return { ...figures, ms: GROUPS / (figures['groups/s'] ?? NaN) * 1000 }
      },
    },
  })

  const opened = await open(directory, OPTIONS)
  const orders = await opened.topic('orders')
  await orders.send(Array.from({ length: COMMITS }, (_, value) => ({ value })))
  let groups = 0
  await compare({
    title: `positions: a commit of one record, awaited, in a log with ${GROUPS} groups`,
    figures: ['p50 µs', 'p99 µs'],
    notes: await storageNotes(),
    contenders: {
      'consumer.commit(record)': async () => {
        const times = /** @type {number[]} */ ([])
        const consumer = await opened.group(`committing-${++groups}`).join(orders, { from: 'earliest', commit: 'manual' })
        for await (const record of consumer) {
          const start = performance.now()
          await consumer.commit(record)
          times.push((performance.now() - start) * 1000)
          if (times.length === COMMITS) break
        }
        await consumer.close()
        times.sort((a, b) => a - b)
        return { 'p50 µs': percentile(times, 0.5), 'p99 µs': percentile(times, 0.99) }
      },
    },
  })
  await opened.close()
})
