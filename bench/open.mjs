// Opening and creating a topic of 1,000 partitions; the log was closed in order.
import { mkdirSync, openSync, closeSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'millrace'
import { flags, sized } from './support/flags.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inScratch, storageNotes } from './support/scratch.mjs'

const RIVAL = 'node:fs, list and stat each directory'
const PARTITIONS = sized(1000)
const OPTIONS = { storage: flags.storage }

await inScratch(async directory => {
  const log = await open(directory, OPTIONS)
  const topic = await log.topic('wide', { partitions: PARTITIONS })
  await topic.send(Array.from({ length: PARTITIONS }, (_, partition) => ({ value: 'one', partition })))
  await log.close()
  await compare({
    title: `open: ${PARTITIONS} partitions`,
    figures: ['partitions/s', 'CPU ns'],
    notes: await storageNotes(),
    rival: RIVAL,
    contenders: {
      [RIVAL]: () => timed('partitions', PARTITIONS, () => {
        for (const name of readdirSync(directory)) if (name.startsWith('wide-')) for (const file of readdirSync(join(directory, name))) statSync(join(directory, name, file))
      }),
      'node:fs, make each directory and a file': () => inScratch(other => timed('partitions', PARTITIONS, () => {
        for (let i = 0; i < PARTITIONS; i++) {
          mkdirSync(join(other, `wide-${i}`))
          closeSync(openSync(join(other, `wide-${i}`, '0.log'), 'w'))
        }
      })),
      'open()': async () => {
        /** @type {import('millrace').EventLog | undefined} */
        let opened
        const figures = await timed('partitions', PARTITIONS, async () => { opened = await open(directory, OPTIONS) })
        await opened?.close()
        return figures
      },
      'open() and close()': () => timed('partitions', PARTITIONS, async () => { await (await open(directory, OPTIONS)).close() }),
      "log.topic('wide'), created": () => inScratch(async other => {
        const created = await open(other, OPTIONS)
        const figures = await timed('partitions', PARTITIONS, () => created.topic('wide', { partitions: PARTITIONS }))
        await created.close()
        return figures
      }),
    },
  })
})
