// Loops over records share the event loop with everything else in the process, and lose no time where nothing waits.
import { expect, test, vi } from 'vitest'
import { open, type Topic } from '../../src/index.ts'

// A call takes a millisecond: performance.now() is what the test says, as a global and as an import.
let nowMs = 0
vi.stubGlobal('performance', { now: () => nowMs })
vi.mock('node:perf_hooks', () => ({ performance: { now: () => nowMs } }))

const records = Array.from({ length: 50 }, (_, i) => ({ value: i }))

async function onTopic(work: (topic: Topic) => Promise<void>): Promise<void> {
  const log = await open('memory:')
  try {
    await work(await log.topic('numbers'))
  } finally {
    await log.close()
  }
}

/** How many turns the event loop makes beside the work. */
async function turnsBeside(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let immediate = setImmediate(count)
  function count() {
    turns++
    immediate = setImmediate(count)
  }
  await work()
  clearImmediate(immediate)
  return turns
}

test('a loop that awaits one send after the other lets the event loop turn every five milliseconds', async () => {
  await onTopic(async topic => {
    const turns = await turnsBeside(async () => {
      for (const record of records) {
        await topic.send(record)
        nowMs++
      }
    })
    expect(turns).toBeGreaterThanOrEqual(Math.floor(records.length / 6))
  })
})

test('a loop that awaits one array after the other lets the event loop turn every five milliseconds', async () => {
  await onTopic(async topic => {
    const turns = await turnsBeside(async () => {
      for (let i = 0; i < records.length; i++) {
        await topic.send(records)
        nowMs++
      }
    })
    expect(turns).toBeGreaterThanOrEqual(Math.floor(records.length / 6))
  })
})

test.each([
  { what: 'get', call: (topic: Topic, offset: number) => topic.partitions[0]!.get(offset) },
  { what: 'fetch', call: (topic: Topic, offset: number) => topic.partitions[0]!.fetch({ from: offset, maxBytes: 1 }) },
])('a loop that awaits one $what after the other lets the event loop turn every five milliseconds', async ({ call }) => {
  await onTopic(async topic => {
    await topic.send(records)
    const turns = await turnsBeside(async () => {
      for (let offset = 0; offset < records.length; offset++) {
        await call(topic, offset)
        nowMs++
      }
    })
    expect(turns).toBeGreaterThanOrEqual(Math.floor(records.length / 6))
  })
})

test('a loop over the batches of one chunk lets the event loop turn every five milliseconds', async () => {
  await onTopic(async topic => {
    for (const record of records) await topic.send(record)
    let batches = 0
    const turns = await turnsBeside(async () => {
      for await (const { count } of topic.batches()) {
        batches += count
        nowMs++
      }
    })
    expect(batches).toBe(records.length)
    expect(turns).toBeGreaterThanOrEqual(Math.floor(records.length / 6))
  })
})

test('a record of the batch that is at hand comes before all else that waits', async () => {
  await onTopic(async topic => {
    await topic.send(records)
    const iterator = topic.read()
    for (let taken = 0; taken < 10; taken++) await iterator.next()
    const order: string[] = []
    await Promise.all([iterator.next().then(() => order.push('record')), Promise.resolve().then(() => order.push('another'))])
    expect(order).toEqual(['record', 'another'])
    await iterator.return?.()
  })
})

test('a round of housekeeping over many partitions lets the event loop turn, also where there is nothing to do', async () => {
  const clock = { now: () => 1_800_000_000_000 + nowMs++, setTimeout: () => ({ cancel: () => undefined }) }
  const log = await open('memory:', { clock })
  await log.topic('numbers', { partitions: 50 })
  await log.housekeep()
  expect(await turnsBeside(() => log.housekeep())).toBeGreaterThan(10)
  await log.close()
})
