// What a transaction costs: 100 records over 3 partitions, alone and with a group's position, beside the same records
// sent without one. With 'power' a single one after the other: two rounds of syncs each.
import { sized } from './support/flags.mjs'
import { bytesTopic } from './support/records.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const RECORDS = 100
const PARTITIONS = 3
const value = Buffer.alloc(100, 'v')
const records = Array.from({ length: RECORDS }, (_, i) => ({ value, partition: i % PARTITIONS }))

for (const durability of /** @type {const} */ (['process', 'power'])) {
  await inLog(async log => {
    const count = durability === 'process' ? sized(5000) : sized(100)
    const topic = await bytesTopic(log, 'numbers', { partitions: PARTITIONS })
    const input = await bytesTopic(log, 'input')
    const producer = topic.producer({ durability })
    const plain = await bytesTopic(log, 'plain')

    /** @param {() => Promise<unknown>} once */
    const repeated = once => timed('transactions', count, async () => { for (let i = 0; i < count; i++) await once() })

    await compare({
      title: `transactions: ${RECORDS} records of 100 bytes over ${PARTITIONS} partitions, '${durability}'`,
      figures: ['transactions/s', 'CPU ns'],
      rival: 'send(array) without a transaction',
      notes: await storageNotes(),
      contenders: {
        'send(array) without a transaction': () => repeated(() => producer.send(records)),
        'one record without a transaction': () => repeated(() => plain.send({ value })),
        'a transaction': () => repeated(() => log.transaction(async tx => { await tx.send(topic, records) }, { durability })),
        'a transaction and a position': async () => {
          await input.send(Array.from({ length: count }, () => ({ value: null })))
          const consumer = await log.group('positions').join(input, { from: 'latest', commit: 'manual' })
          await input.send(Array.from({ length: count }, () => ({ value: null })))
          const loop = consumer[Symbol.asyncIterator]()
          const figures = await repeated(async () => {
            const next = await loop.next()
            await log.transaction(async tx => {
              await tx.send(topic, records)
              tx.advance(consumer, next.value)
            }, { durability })
          })
          await loop.return?.()
          await consumer.close()
          return figures
        },
      },
    })
  }, { durability })
}
