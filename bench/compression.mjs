// The codecs: how fast batches of 256 KiB go in and come out, and how small they get.
import { compare, print, timed } from './support/measure.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { inLog } from './support/scratch.mjs'

const COUNT = 200_000
const CODECS = /** @type {const} */ (['none', 'snappy', 'lz4', 'gzip', 'zstd'])

const records = makeRecords(COUNT)

await compare('send(array)', 'records', Object.fromEntries(CODECS.map(codec => [codec, () => inLog(async log => {
  const topic = await bytesTopic(log, 'events', { compression: codec })
  return await timed(COUNT, () => topic.send(records))
})])))

await inLog(async log => {
  const topics = await Promise.all(CODECS.map(async codec => {
    const topic = await bytesTopic(log, codec, { compression: codec })
    await topic.send(records)
    return { codec, topic }
  }))
  await compare('read()', 'records', Object.fromEntries(topics.map(({ codec, topic }) => [codec, () => timed(COUNT, async () => {
    let seen = 0
    for await (const record of topic.read()) seen += record.offset >= 0 ? 1 : 0
    if (seen !== COUNT) throw new Error(`${codec}: read ${seen} of ${COUNT}`)
  })])))
  print('Bytes for each record of 108', ['', 'bytes'], topics.map(({ codec, topic }) => [codec, ((topic.partitions[0]?.bytes ?? 0) / COUNT).toFixed(1)]))
})
