// A write that failed leaves bytes behind the end of its segment. They are cut before the next one is made, but a power
// cut may take the cut back, and then the segment reaches into the one that follows it.
import { expect, test } from 'vitest'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { stampBatch } from '../../src/native/stamp.ts'
import { DIRECTORY, batchOf, fill, newPartition, numbered, recordsFrom, reopen } from '../support/partitions.ts'

function refused(offset: number): Buffer {
  const batch = batchOf(['never acknowledged'])
  stampBatch(batch, batch.length, offset, 0)
  return batch
}

test.each([
  ['a byte', () => Buffer.from([7])],
  ['half a batch', (offset: number) => refused(offset).subarray(0, 70)],
  ['a whole batch', refused],
  ['zeros', () => Buffer.alloc(4096)],
])('%s behind a sealed segment costs nothing of those that follow it', async (_, rest) => {
  const fs = new SimulatedFileSystem()
  const partition = await newPartition(fs)
  fill(partition, 3)
  partition.roll()
  fill(partition, 9)
  await partition.close()
  const file = fs.open(`${DIRECTORY}/00000000000000000000.log`, 'write')
  file.write(rest(3), file.bytes())
  file.close()
  const { partition: next, report } = await reopen(fs, { trust: 'device', recoveryPoint: 3 })
  expect(report.damage).toEqual([])
  expect(next.endOffset).toBe(9)
  expect(await recordsFrom(next, 0)).toEqual(numbered(9))
  await next.close()
  const { partition: last } = await reopen(fs, { trust: 'device' })
  expect(await recordsFrom(last, 0)).toEqual(numbered(9))
  await last.close()
})
