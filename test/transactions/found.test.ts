// What was found by crashes and random histories, told as stories: each is tried under many draws of what a power cut
// leaves behind. All of them are about a decision that something else takes the place of before its markers are on the
// device: then half of the transaction is found without marker and without decision, and is aborted.
import { describe, expect, test } from 'vitest'
import type { Topic } from '../../src/index.ts'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { testLog, type TestLog } from '../../src/testing.ts'

const DRAWS = 60
/** Where each is tried after every call to the disk. */
const FEW_DRAWS = 5

async function write(log: TestLog, value: string, partitions: readonly number[], { throws = false } = {}): Promise<void> {
  const orders = await log.topic<string>('orders')
  const boom = new Error('thrown by the test')
  const done = log.transaction(async tx => {
    await tx.send(orders, partitions.map(partition => ({ value, partition })))
    if (throws) throw boom
  }, { id: 'writer' })
  if (throws) await expect(done).rejects.toBe(boom)
  else await done
}

/** One partition's markers are on the device then, and not the other's. */
async function syncPartition(log: TestLog, partition: number): Promise<void> {
  const orders: Topic<string> = await log.topic<string>('orders')
  await orders.send({ value: 'plain', partition })
}

async function countOf(log: TestLog, value: string): Promise<number> {
  let count = 0
  for await (const record of (await log.topic<string>('orders')).read()) if (record.value === value) count++
  return count
}

async function start(seed: number): Promise<TestLog> {
  const log = await testLog({ seed, durability: 'power' })
  await log.topic('orders', { partitions: 3, value: 'string' })
  return log
}

describe("a transaction that was committed with 'power' survives a power cut as a whole", () => {
  test('though the next one of its id was aborted', async () => {
    for (let seed = 0; seed < DRAWS; seed++) {
      const log = await start(seed)
      await write(log, 'committed', [0, 1])
      await syncPartition(log, 0)
      await write(log, 'aborted', [2], { throws: true })
      const next = await log.powerCut({ seed })
      expect([await countOf(next, 'committed'), await countOf(next, 'aborted')], `seed ${seed}`).toEqual([2, 0])
    }
  })

  test('though the process was killed, and its id went on in the next one', async () => {
    for (let seed = 0; seed < DRAWS; seed++) {
      const log = await start(seed)
      await write(log, 'first', [0, 1])
      await syncPartition(log, 0)
      const second = await log.crash()
      await write(second, 'second', [2])
      const last = await second.powerCut({ seed })
      expect([await countOf(last, 'first'), await countOf(last, 'second')], `seed ${seed}`).toEqual([2, 1])
    }
  })

  test('or not at all, though its process was killed between decision and markers, and the next one has synced a part of them', async () => {
    for (let seed = 0; seed < FEW_DRAWS; seed++) {
      for (let calls = 1; ; calls++) {
        const log = await start(seed)
        await write(log, 'before', [0, 1, 2])
        const disk = log.disk as SimulatedFileSystem
        disk.crashAfter(calls)
        const wasAcknowledged = await write(log, 'cut short', [0, 1]).then(() => true, () => false)
        const isOver = !disk.crashed
        if (isOver) break
        const second = await log.crash()
        await syncPartition(second, 0)
        const last = await second.powerCut({ seed })
        expect(wasAcknowledged ? [2] : [0, 2], `seed ${seed}, killed at call ${calls}`).toContain(await countOf(last, 'cut short'))
      }
    }
  })
})
