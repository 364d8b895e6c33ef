// Reading all there is, from the page cache: record by record, and batch by batch.
import { appendBuffered, scan } from './support/framed-file.mjs'
import { compare, timed } from './support/measure.mjs'
import { bytesTopic, fill, makeRecords } from './support/records.mjs'
import { inLog, inScratch } from './support/scratch.mjs'

const COUNT = 2_000_000

await inScratch(async directory => {
  appendBuffered(directory, makeRecords(COUNT))
  await inLog(async log => {
    const topic = await bytesTopic(log, 'numbers')
    await fill(topic, COUNT)
    let bytes = 0
    await compare('read', 'records', {
      'node:fs, key and value as views': () => timed(COUNT, () => { scan(directory, (key, value) => { bytes += key.length + value.length }) }),
      'read(), offsets alone': () => timed(COUNT, async () => { for await (const record of topic.read()) bytes += record.offset }),
      'read(), key and value': () => timed(COUNT, async () => { for await (const record of topic.read()) bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) }),
      'batches(), offsets alone': () => timed(COUNT, async () => { for await (const batch of topic.batches()) for (const record of batch) bytes += record.offset }),
      'batches(), key and value': () => timed(COUNT, async () => { for await (const batch of topic.batches()) for (const record of batch) bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) }),
      'batches(), records not looked at': () => timed(COUNT, async () => { for await (const batch of topic.batches()) bytes += batch.count }),
    })
    if (bytes === 0) throw new Error('nothing was read')
  })
})
