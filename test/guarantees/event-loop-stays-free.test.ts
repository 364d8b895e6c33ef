// The event loop stays free: reading and sending large amounts give way to it. Counted are the turns that others get;
// how late they come is measured by bench/, not asserted here.
import { open, type Topic } from 'millrace'
import { expect, test } from 'vitest'

const COUNT = 300_000

/** Turns of the event loop until the work is done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let done = false
  const turn = (): void => {
    turns++
    if (!done) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  done = true
  return turns
}

async function filled(): Promise<Topic<number>> {
  const log = await open('memory:')
  const topic = await log.topic<number>('orders')
  await topic.send(Array.from({ length: COUNT }, (_, value) => ({ key: `k${value % 1000}`, value })))
  return topic
}

test('one send of a large array gives way', async () => {
  const log = await open('memory:')
  const topic = await log.topic('orders')
  const records = Array.from({ length: COUNT }, (_, value) => ({ value }))
  expect(await turnsDuring(() => topic.send(records))).toBeGreaterThan(10)
})

test('a read of records that are all in memory gives way', async () => {
  const topic = await filled()
  const turns = await turnsDuring(async () => {
    let sum = 0
    for await (const record of topic.read()) sum += record.value!
    expect(sum).toBe(COUNT * (COUNT - 1) / 2)
  })
  expect(turns).toBeGreaterThan(10)
})

test('a read by batches gives way', async () => {
  const topic = await filled()
  const turns = await turnsDuring(async () => {
    for (let round = 0; round < 20; round++) for await (const batch of topic.batches()) for (const record of batch) void record.offset
  })
  expect(turns).toBeGreaterThan(10)
})

test('a view that replays its topic gives way', async () => {
  const topic = await filled()
  expect(await turnsDuring(() => topic.view())).toBeGreaterThan(10)
})
