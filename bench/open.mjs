// Opening and creating: an empty log, and one with 1,000 partitions that was closed in order.
import { mkdirSync, openSync, closeSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'millrace'
import { compare, timed } from './support/measure.mjs'
import { inScratch } from './support/scratch.mjs'

const PARTITIONS = 1000

await inScratch(async directory => {
  const log = await open(directory)
  const topic = await log.topic('wide', { partitions: PARTITIONS })
  await topic.send(Array.from({ length: PARTITIONS }, (_, partition) => ({ value: 'one', partition })))
  await log.close()
  await compare(`${PARTITIONS} partitions`, 'partitions', {
    'node:fs, list and stat each directory': () => timed(PARTITIONS, () => {
      for (const name of readdirSync(directory)) if (name.startsWith('wide-')) for (const file of readdirSync(join(directory, name))) statSync(join(directory, name, file))
    }),
    'node:fs, make each directory and a file': () => inScratch(other => timed(PARTITIONS, () => {
      for (let i = 0; i < PARTITIONS; i++) {
        mkdirSync(join(other, `wide-${i}`))
        closeSync(openSync(join(other, `wide-${i}`, '0.log'), 'w'))
      }
    })),
    'open()': async () => {
      /** @type {import('millrace').EventLog | undefined} */
      let opened
      const timing = await timed(PARTITIONS, async () => { opened = await open(directory) })
      await opened?.close()
      return timing
    },
    'open() and close()': () => timed(PARTITIONS, async () => { await (await open(directory)).close() }),
    "log.topic('wide', { partitions: 1000 }), created": () => inScratch(async other => {
      const created = await open(other)
      const timing = await timed(PARTITIONS, () => created.topic('wide', { partitions: PARTITIONS }))
      await created.close()
      return timing
    }),
  })
})
