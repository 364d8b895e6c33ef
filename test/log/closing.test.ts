import { expect, test } from 'vitest'
import { LocalLog } from '../../src/log/local-log.ts'
import { readOpenOptions } from '../../src/log/open-options.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { batchOf } from '../support/partitions.ts'

const nextTurn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

interface OpenPartition { readonly fs: SimulatedFileSystem; readonly log: LocalLog; readonly topic: Awaited<ReturnType<LocalLog['topic']>> }

async function openPartition(seed: number): Promise<OpenPartition> {
  const fs = new SimulatedFileSystem({ seed })
  const log = await LocalLog.open(fs, '/log', 'memory:', readOpenOptions({ durability: 'power' }))
  const topic = await log.topic('orders', { segmentBytes: 1024 })
  for (let i = 0; i < 60; i++) topic.writable(0).append(batchOf(['x'.repeat(100)]))
  await topic.writable(0).sync()
  return { fs, log, topic }
}

test('a recovery that is under way when the log closes ends before the directory is given up', async () => {
  const outcomes = new Set<string>()
  for (let turns = 0; turns < 15; turns++) {
    const { fs, log, topic } = await openPartition(turns)
    const partition = topic.writable(0)
    partition.append(batchOf(['unsynced']))
    fs.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log/ })
    await expect(partition.sync()).rejects.toMatchObject({ code: 'PARTITION_FAILED' })
    const outcome = log.recoverPartition(topic, 0).then(() => 'done', (error: unknown) => (error as { code: string }).code)
    for (let turn = 0; turn < turns; turn++) await nextTurn()
    await log.close(1000)
    const calls = fs.trace()
    for (let turn = 0; turn < 50; turn++) await nextTurn()
    expect(calls, `closed after ${turns} turns`).toEqual([])
    outcomes.add(await outcome)
  }
  expect(outcomes).toEqual(new Set(['done', 'LOG_CLOSED']))
})
