import { expect, test } from 'vitest'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { DIRECTORY, fill, newPartition, numbered, recordsFrom, reopen } from '../support/partitions.ts'

test('an index that has to be made anew while the disk is full costs no read', async () => {
  const fs = new SimulatedFileSystem()
  const log = await newPartition(fs, { segmentBytes: () => 40_000 })
  fill(log, 3000)
  await log.close()
  const disk = fs.survivorOfKill()
  for (const name of disk.list(DIRECTORY).filter(name => name.endsWith('.index'))) disk.open(`${DIRECTORY}/${name}`, 'write').truncate(0)
  const troubles: string[] = []
  const { partition } = await reopen(disk, { trust: 'clean', recoveryPoint: 3000 }, { segmentBytes: () => 40_000, onTrouble: error => { troubles.push(error.code) } })
  disk.capacityBytes = disk.usedBytes
  for (const offset of [700, 1500, 700]) expect(await recordsFrom(partition, offset, 100_000)).toEqual(numbered(3000 - offset, offset))
  expect(new Set(troubles)).toEqual(new Set(['DISK_FULL']))
  disk.capacityBytes = Infinity
})
