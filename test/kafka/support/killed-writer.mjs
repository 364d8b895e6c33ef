// A process that sends records to the topic 'killed' until it is killed, and says on standard output how far they were
// acknowledged. Runs on dist/.   node killed-writer.mjs DIRECTORY
import { open } from 'millrace'
import { killedRecord } from './killed-records.mjs'

/** @type {import('millrace').TopicOptions<Uint8Array, Uint8Array>} */
const options = { key: 'bytes', value: 'bytes', segmentBytes: '4KiB' }

const log = await open(process.argv[2] ?? '')
const topic = await log.topic('killed', options)
for (let i = 0; ; i++) {
  const { offset } = await topic.send(killedRecord(i))
  process.stdout.write(`${offset}\n`)
}
