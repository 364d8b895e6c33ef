// Times resolved to offsets where a batch is as late as the time, but no record of it that is there.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'

const HOUR_MS = 3_600_000

test('a time leads to the first record as late, also where the log starts behind a later record of the same batch', async () => {
  await using log = await testLog()
  const noon = log.clock.now() - 24 * HOUR_MS
  const topic = await log.topic('readings')
  await topic.send([{ value: 'late', timestamp: noon + 2 * HOUR_MS }, { value: 'early', timestamp: noon }])
  await topic.send([{ value: 'between', timestamp: noon + HOUR_MS }])
  const [partition] = topic.partitions
  expect(await partition!.offsetAt(noon + 1)).toBe(0)

  await partition!.truncateBefore(1)
  expect(await partition!.offsetAt(noon)).toBe(1)
  expect(await partition!.offsetAt(noon + 1)).toBe(2)
  expect(await partition!.offsetAt(noon + HOUR_MS + 1)).toBe(partition!.endOffset)
  expect((await topic.read({ from: { timestamp: noon + 1 } }).next()).value?.value).toBe('between')
})
