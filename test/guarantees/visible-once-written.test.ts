// A record is visible once it is written, before its send resolves, and readers are woken by the append.
import { testLog } from 'millrace/testing'
import { expect, test } from 'vitest'

test('a record is there for others before its sender, who waits for the device, is acknowledged', async () => {
  const log = await testLog()
  const topic = await log.topic('orders')
  let acknowledged = false
  const sending = topic.producer({ durability: 'power' }).send({ value: 1 }).then(() => { acknowledged = true })
  while (topic.partitions[0]!.endOffset === 0) await Promise.resolve() // the end of this tick
  expect((await topic.partitions[0]!.get(0))?.value).toBe(1)
  expect(acknowledged).toBe(false)
  await sending
  await log.close()
})

test('what sendSync returned is there for whoever looks next', async () => {
  const log = await testLog()
  const topic = await log.topic('orders')
  const { offset } = topic.producer({ durability: 'power' }).sendSync({ value: 'now' })
  expect(topic.partitions[0]!.endOffset).toBe(offset + 1)
  expect((await topic.partitions[0]!.get(offset))?.value).toBe('now')
  await log.close()
})

test('waiting readers are woken without any time passing, on every partition and on those that are added', async () => {
  const log = await testLog()
  const topic = await log.topic('orders', { partitions: 2 })
  const following = topic.read({ from: 'latest', follow: true })
  for (const partition of [0, 1, 2]) {
    const next = following.next()
    await log.clock.settle()
    if (partition === 2) await topic.alter({ partitions: 3 })
    await topic.send({ value: partition, partition })
    expect((await next).value).toMatchObject({ partition, value: partition })
  }
  await following.return!()
  await log.close()
})

test('a record that lingers is not visible before it is written', async () => {
  const log = await testLog()
  const topic = await log.topic('orders')
  const sending = topic.producer({ linger: '10ms' }).send({ value: 1 })
  await log.clock.advance('9ms')
  expect(topic.partitions[0]!.endOffset).toBe(0)
  await log.clock.advance('1ms')
  expect(topic.partitions[0]!.endOffset).toBe(1)
  await sending
  await log.close()
})
