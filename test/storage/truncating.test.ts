import { expect, test } from 'vitest'
import { ClosedError } from '../../src/base/errors.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { DIRECTORY, fill, newPartition } from '../support/partitions.ts'

const nextTurn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

/** A partition that is being truncated, and waits for its start offset to be saved. */
async function truncating() {
  const fs = new SimulatedFileSystem()
  let save!: () => void
  const saved = new Promise<void>(resolve => { save = resolve })
  const log = await newPartition(fs, { saveStartOffset: () => saved })
  fill(log, 100)
  const truncation = log.truncateBefore(50).then(() => 'done', (error: unknown) => (error as { code: string }).code)
  await nextTurn()
  const segments = () => fs.list(DIRECTORY).filter(name => name.endsWith('.log')).length
  return { log, save, truncation, segments }
}

test('closing waits for a truncation, so that nobody else has the directory while files are removed', async () => {
  const { log, save, truncation, segments } = await truncating()
  let closed = false
  const closing = log.close().then(() => { closed = true })
  for (let turn = 0; turn < 10; turn++) await nextTurn()
  expect(closed).toBe(false)
  const before = segments()
  save()
  await closing
  expect(segments()).toBeLessThan(before)
  expect(await truncation).toBe('done')
})

test('a truncation of a topic that is deleted meanwhile removes no file more: by then another topic may have the name', async () => {
  const { log, save, truncation, segments } = await truncating()
  log.abandon(new ClosedError('TOPIC_DELETED', 'the topic was deleted', { hint: 'none' }))
  const before = segments()
  save()
  expect(await truncation).toBe('TOPIC_DELETED')
  expect(segments()).toBe(before)
})

test('an offset that is none is shown as what it is', async () => {
  const log = await newPartition(new SimulatedFileSystem())
  await expect(log.truncateBefore('1' as unknown as number)).rejects.toThrow("truncateBefore: '1' is no offset")
})

test('a truncation whose reason is gone when its turn comes does nothing', async () => {
  const log = await newPartition(new SimulatedFileSystem())
  fill(log, 100)
  expect(await log.truncateBefore(50, () => false)).toBe(false)
  expect([log.startOffset, await log.truncateBefore(50), log.startOffset]).toEqual([0, true, 50])
})
