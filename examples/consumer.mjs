// examples/consumer.mjs
// A consumer is a member of a group with a loop of your own: it says when it goes on and what is committed. This one
// puts readings together by five, and commits when it has stored their average. run() does the rest for you, where a
// handler for each record will do.
import { open } from 'millrace'

const log = await open('memory:')

/** @type {import('millrace').Topic<number>} */
const readings = await log.topic('readings')
await readings.send(Array.from({ length: 12 }, (_, n) => ({ key: 'boiler', value: 60 + n })))

const averages = await log.topic('averages')
const group = log.group('averages')

const consumer = await group.join(readings, { from: 'earliest', commit: 'manual' })
let together = []
for await (const record of consumer) {
  together.push(record.value ?? 0)
  if (together.length === 5) {
    const average = together.reduce((sum, value) => sum + value) / 5
    await averages.send({ key: record.key, value: average })
    await consumer.commit() // all that was handed out, this record included
    console.log('average', average, 'committed up to', await group.committed(readings))
    together = []
  }
  if (record.offset === 11) break // two readings are in hand: nothing has come of them
}
await consumer.close()

// Whoever comes next begins with what was not committed, whatever `from` says: that is for partitions without a commit.
const next = await group.join(readings, { from: 'latest' })
for await (const { offset, value } of next) {
  console.log('the next member begins at offset', offset, 'with', value)
  break
}
await log.close() // its consumers are closed with it
