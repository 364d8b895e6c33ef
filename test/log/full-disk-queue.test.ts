// A queue on a disk that is full: what its readers have handled makes room for what comes.
import { expect, test } from 'vitest'
import { LimitError } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'

test.each(['process', 'power'] as const)("a full disk takes commits, retainUntilConsumedBy lets go, and sends resume ('%s')", async durability => {
  const log = await testLog({ diskBytes: '4MiB', durability })
  const jobs = await log.topic<Uint8Array>('jobs', { value: 'bytes', segmentBytes: '64KiB', retention: 1, retainUntilConsumedBy: ['workers'] })
  const job = { value: new Uint8Array(8192) }
  let sent = 0
  const fill = async (): Promise<void> => { for (;;) { await jobs.send(job); sent++ } }
  await expect(fill()).rejects.toBeInstanceOf(LimitError)
  await log.clock.advance('1h')
  expect(jobs.partitions[0]!.startOffset).toBe(0) // nobody has handled anything
  await expect(jobs.send(job)).rejects.toBeInstanceOf(LimitError)

  let handled = 0
  const runner = await log.group('workers').run(jobs, () => { handled++ }, { from: 'earliest' })
  await log.idle()
  expect(handled).toBe(sent)
  expect(await log.group('workers').committed(jobs)).toEqual(new Map([[0, sent]]))
  await log.clock.advance('1m')
  expect(jobs.partitions[0]!.startOffset).toBeGreaterThan(0)
  for (let i = 0; i < sent / 2; i++) await jobs.send(job)
  await log.idle()
  expect(handled).toBe(sent + Math.ceil(sent / 2))
  await runner.stop()
  await log.close()
})
