// examples/compression.mjs
// Compression: each batch as a whole, so it pays where many records are sent together. Readers need not know.
// gzip and zstd are part of newer Nodes; snappy and lz4, and zstd on Node 20, are optional packages that npm installs.
import { open } from 'millrace'

const log = await open('memory:')
const lines = Array.from({ length: 5_000 }, (_, i) => ({ value: { at: i, level: 'info', message: `request ${i % 50} took ${i % 7} ms` } }))

/** @type {import('millrace').Codec[]} */
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
for (const compression of codecs) {
  /** @type {import('millrace').Topic<{ at: number, level: string, message: string }, string>} */
  const topic = await log.topic(`lines.${compression}`, { compression }) // here, not at the first record, a missing package is reported
  await topic.send(lines)
  let count = 0
  for await (const record of topic.read()) if (record.value?.level === 'info') count++
  console.log(compression, topic.partitions[0]?.bytes, 'bytes', count, 'records')
}
await log.close()
