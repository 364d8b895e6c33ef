// What random histories have found, told as stories: each is tried under many draws of what a power cut leaves behind
// and of the order in which background work ends.
import { describe, expect, test } from 'vitest'
import { LimitError, StorageError, type Topic } from '../../src/index.ts'
import { testLog, type TestLog } from '../../src/testing.ts'

const DRAWS = 60
const LARGE = 'x'.repeat(2000)

async function start(seed: number): Promise<{ log: TestLog; topic: Topic<string, string> }> {
  const log = await testLog({ seed })
  return { log, topic: await log.topic<string, string>('orders', { value: 'string', segmentBytes: '1KiB' }) }
}

async function valuesOf(log: TestLog): Promise<(string | null)[]> {
  const values: (string | null)[] = []
  for await (const { value } of (await log.topic<string>('orders')).read()) values.push(value)
  return values
}

describe('after a power cut', () => {
  test('the rest of a torn write does not end the log before records that were acknowledged later', async () => {
    for (let seed = 0; seed < DRAWS; seed++) {
      const first = await start(seed)
      await first.topic.send({ value: 'a' })
      await first.log.close()
      const log = await first.log.crash()
      const topic = await log.topic<string>('orders')
      log.disk.failNext('write', { error: 'ENOSPC', path: /orders-0\/\d+\.log$/, writtenBytes: 1 })
      await expect(topic.send({ value: 'refused' })).rejects.toThrow(LimitError)
      await topic.producer({ durability: 'power' }).send({ value: LARGE }) // in the next segment
      expect(await valuesOf(await log.powerCut({ seed })), `seed ${seed}`).toEqual(['a', LARGE])
    }
  })

  test.for([0, 1])('times are found in a segment that was synced first and sealed later, with %i rounds of syncs after it', async rounds => {
    for (let seed = 0; seed < DRAWS; seed++) {
      const { log, topic } = await start(seed)
      const { timestamp } = await topic.send({ value: 'a' })
      await log.clock.advance('30s') // the recovery point is its end
      await topic.producer({ durability: 'power' }).send({ value: LARGE })
      if (rounds > 0) await log.clock.advance('30s') // the recovery point is beyond it: nobody looks at it again
      const [partition] = (await (await log.powerCut({ seed })).topic('orders')).partitions
      expect(partition!.segments().map(({ largestTimestamp }) => largestTimestamp), `seed ${seed}`).toEqual([timestamp, timestamp + 30_000])
      expect(await partition!.offsetAt(timestamp)).toBe(0)
    }
  })
})

test('nothing is acknowledged beside a sync that failed, whichever of two ends first', async () => {
  for (let seed = 0; seed < DRAWS; seed++) {
    const { log, topic } = await start(seed)
    await topic.send({ value: 'a' })
    log.disk.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log$/ })
    await expect(topic.producer({ durability: 'power' }).send({ value: LARGE }), `seed ${seed}`).rejects.toThrow(StorageError) // it rolls: two files are synced
  }
})

test('a log that a power cut has emptied goes on, whatever ends its process had before', async () => {
  for (let seed = 0; seed < DRAWS; seed++) {
    let { log, topic } = await start(seed)
    for (let ends = 0; ends < 2; ends++) {
      await topic.send({ value: 'a' })
      log = await log.crash()
      topic = await log.topic<string, string>('orders')
    }
    log = await log.powerCut({ seed })
    topic = await log.topic<string, string>('orders')
    await topic.send([{ value: 'b' }])
    await topic.send([{ value: 'c' }])
    log = await log.crash()
    expect((await valuesOf(log)).slice(-2), `seed ${seed}`).toEqual(['b', 'c'])
  }
})
