// The codecs: how fast batches of 256 KiB go in and come out, and how small they get.
import { sized } from './support/flags.mjs'
import { bytesTopic, makeRecords } from './support/records.mjs'
import { print } from './support/report.mjs'
import { compare, timed } from './support/rounds.mjs'
import { inLog, storageNotes } from './support/scratch.mjs'

const COUNT = sized(200_000)
const FIGURES = ['records/s', 'CPU ns']
const CODECS = /** @type {const} */ (['none', 'snappy', 'lz4', 'gzip', 'zstd'])

const records = makeRecords(COUNT)
const notes = await storageNotes()

await compare({
  title: "compression: send(array), the rival is 'none'",
  figures: FIGURES,
  notes,
  rival: 'none',
  contenders: Object.fromEntries(CODECS.map(codec => [codec, () => inLog(async log => {
    const topic = await bytesTopic(log, 'events', { compression: codec })
    return await timed('records', COUNT, () => topic.send(records))
  })])),
})

await inLog(async log => {
  const topics = await Promise.all(CODECS.map(async codec => {
    const topic = await bytesTopic(log, codec, { compression: codec })
    await topic.send(records)
    return { codec, topic }
  }))
  await compare({
    title: "compression: read(), the rival is 'none'",
    figures: FIGURES,
    notes,
    rival: 'none',
    contenders: Object.fromEntries(topics.map(({ codec, topic }) => [codec, () => timed('records', COUNT, async () => {
      let seen = 0
      for await (const record of topic.read()) seen += record.offset >= 0 ? 1 : 0
      if (seen !== COUNT) throw new Error(`${codec}: read ${seen} of ${COUNT}`)
    })])),
  })
  print('compression: bytes for each record of 8 + 100', ['', 'bytes'], topics.map(({ codec, topic }) => [codec, (topic.partitions[0]?.bytes ?? 0) / COUNT]))
})
