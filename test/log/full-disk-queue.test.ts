// A queue on a disk that is full: what its readers have handled makes room for what comes.
import { describe, expect, test } from 'vitest'
import { LimitError } from '../../src/index.ts'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { testLog } from '../../src/testing.ts'

test.each(['process', 'power'] as const)("a full disk takes commits, retainUntilConsumedBy lets go, and sends resume ('%s')", async durability => {
  const log = await testLog({ diskBytes: '4MiB', durability })
  const jobs = await log.topic<Uint8Array>('jobs', { value: 'bytes', segmentBytes: '64KiB', retention: 0, retainUntilConsumedBy: ['workers'] })
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

describe('a send that is refused by maxDiskBytes', () => {
  test('has what retention lets go deleted within a second, and not at the next interval', async () => {
    const log = await testLog({ maxDiskBytes: '2MiB' })
    const events = await log.topic<Uint8Array>('events', { value: 'bytes', segmentBytes: '128KiB', retentionBytes: '1MiB' })
    const event = { value: new Uint8Array(8192) }
    const fill = async (): Promise<void> => { for (;;) await events.send(event) }
    for (let time = 0; time < 5; time++) {
      await expect(fill()).rejects.toMatchObject({ code: 'DISK_ALLOWANCE_USED', hint: expect.stringContaining('retentionBytes') as string })
      await log.clock.advance('1s')
      await events.send(event)
      expect(events.partitions[0]!.bytes).toBeLessThan(1.2 * 1024 * 1024)
    }
    await log.close()
  })

  test('finds room once a queue has handled what there is', async () => {
    const log = await testLog({ maxDiskBytes: '1MiB' })
    const jobs = await log.topic<Uint8Array>('jobs', { value: 'bytes', segmentBytes: '64KiB', retention: 0, retainUntilConsumedBy: ['workers'] })
    const job = { value: new Uint8Array(8192) }
    await log.group('workers').run(jobs, () => undefined, { from: 'earliest' })
    const fill = async (): Promise<void> => { for (;;) await jobs.send(job) }
    for (let time = 0; time < 5; time++) {
      await expect(fill()).rejects.toMatchObject({ code: 'DISK_ALLOWANCE_USED' })
      await log.idle()
      await log.clock.advance('1s')
      await jobs.send(job)
    }
    await log.close()
  })

  test('keeps no timer going where nobody sends', async () => {
    const log = await testLog({ maxDiskBytes: '256KiB' })
    const kept = await log.topic<Uint8Array>('kept', { value: 'bytes' })
    const fill = async (): Promise<void> => { for (;;) await kept.send({ value: new Uint8Array(8192) }) }
    await expect(fill()).rejects.toMatchObject({ code: 'DISK_ALLOWANCE_USED' })
    await log.clock.advance('1h')
    const calls = (log.disk as SimulatedFileSystem).trace()
    await log.clock.advance('1d')
    expect(calls.length).toBe(0)
    await log.close()
  })
})

test('a full disk is made room on within a second too', async () => {
  const log = await testLog({ diskBytes: '4MiB' })
  const events = await log.topic<Uint8Array>('events', { value: 'bytes', segmentBytes: '128KiB', retentionBytes: '1MiB' })
  const fill = async (): Promise<void> => { for (;;) await events.send({ value: new Uint8Array(8192) }) }
  await expect(fill()).rejects.toMatchObject({ code: 'DISK_FULL' })
  await log.clock.advance('1s')
  await events.send({ value: new Uint8Array(8192) })
  await log.close()
})
