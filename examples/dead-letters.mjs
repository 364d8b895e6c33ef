// examples/dead-letters.mjs
// A handler that fails is called again, each time after a longer pause. What has no attempt left goes to a topic of dead
// letters, with headers that say where it was and why it is there, and the group goes on. Later it is sent once more.
import { open } from 'millrace'

const log = await open('memory:')

/** @type {import('millrace').Topic<{ text: string }>} */
const mails = await log.topic('mails')
const mailboxes = new Set(['ada'])

await log.group('mailer').run(mails, ({ key, value }, { attempt }) => {
  if (!mailboxes.has(key ?? '')) throw new Error(`attempt ${attempt}: there is no mailbox of ${key}`)
  console.log(`to ${key}:`, value?.text)
}, { from: 'earliest', retry: { attempts: 3, backoff: '10ms' }, deadLetter: 'mails.dead' })

await mails.send([{ key: 'bob', value: { text: 'your flour is here' } }, { key: 'ada', value: { text: 'your bran, too' } }])
await log.idle() // every group has handled what there is

const dead = await log.topic('mails.dead') // its keys and values are bytes, as they were stored
for await (const { headers } of dead.read()) {
  for (const [name] of headers) if (name !== 'millrace-origin-timestamp') console.log(name, headers.text(name))
}

// A group of its own remembers which letters were sent once more. The record is read where it came from: there it has
// its serde. All groups of that topic see it a second time.
mailboxes.add('bob')
await log.group('mailer.again').run(dead, async ({ headers }) => {
  const [partition, offset] = ['partition', 'offset'].map(name => Number(headers.text(`millrace-origin-${name}`)))
  const record = await mails.partitions[partition ?? 0]?.get(offset ?? 0)
  if (record !== undefined) await mails.send({ key: record.key, value: record.value })
}, { from: 'earliest' })
await log.idle()

await log.close()
