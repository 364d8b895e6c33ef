import { expect, test } from 'vitest'
import { crc32c } from '../../src/native/crc32c.ts'
import { writeInt32 } from '../../src/format/integers.ts'
import { ATTRIBUTES_AT, CONTROL, CRC_AT } from '../../src/format/record-batch.ts'
import { LocalLog } from '../../src/log/local-log.ts'
import { KeyView } from '../../src/log/key-view.ts'
import { readOpenOptions } from '../../src/log/open-options.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { testLog } from '../../src/testing.ts'
import { batchOf } from '../support/partitions.ts'

/** As a transaction's end is marked: a batch that is shown to nobody. */
function controlBatch(): Buffer {
  const batch = batchOf(['commit'])
  batch[ATTRIBUTES_AT + 1]! |= CONTROL
  writeInt32(batch, CRC_AT, crc32c(batch, ATTRIBUTES_AT, batch.length))
  return batch
}

test('partitions that are added come to a follower that always has something left to read', async () => {
  const log = await testLog()
  const topic = await log.topic<string>('orders')
  for (let i = 0; i < 20; i++) await topic.send({ value: 'old' })
  let reads = 0
  for await (const record of topic.read({ follow: true, maxBufferedBytes: 1 })) {
    if (++reads === 1) await topic.alter({ partitions: 2 })
    if (reads === 1) await topic.send({ value: 'new', partition: 1 })
    if (record.partition === 1) break
    await topic.send({ value: 'more', partition: 0 })
    expect(reads).toBeLessThan(200)
  }
  await log.close()
})

test('a view is caught up where the log ends with batches that hold no records', async () => {
  const log = await LocalLog.open(new SimulatedFileSystem(), '/log', 'memory:', readOpenOptions({}))
  const topic = await log.topic('orders', { value: 'string' })
  const writer = log.writer({ durability: 'process', compression: undefined, linger: 0, batchBytes: 1024, maxBufferedBytes: 1024 })
  await writer.send(topic, { key: 'a', value: 'one' })
  topic.writable(0).append(controlBatch())
  const view = new KeyView(topic, error => { throw error as Error })
  await view.start()
  topic.writable(0).append(controlBatch())
  await view.caughtUp()
  await writer.send(topic, { key: 'a', value: 'two' })
  await view.caughtUp()
  expect([...view.entries()]).toEqual([['a', 'two']])
  await view.close()
  await log.close(0)
})
