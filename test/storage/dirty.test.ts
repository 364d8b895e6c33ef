import { beforeEach, expect, test } from 'vitest'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import type { WritablePartition } from '../../src/storage/writable-partition.ts'
import { batchOf, newPartition } from '../support/partitions.ts'

let fs: SimulatedFileSystem
let partition: WritablePartition
let told: number

beforeEach(async () => {
  fs = new SimulatedFileSystem()
  told = 0
  partition = await newPartition(fs, { onDirty: () => { told++ }, onTrouble: () => {} })
})

const append = (): number => partition.append(batchOf(['value']))

test('a partition tells once that it was written to, and again when it is written to after a sync was asked for', async () => {
  expect(told).toBe(0)
  for (let i = 0; i < 3; i++) append()
  expect(told).toBe(1)
  const sync = partition.sync()
  append()
  expect(told).toBe(2)
  await sync
  append()
  expect(told).toBe(2)
  await partition.sync()
  await partition.sync()
  append()
  expect(told).toBe(3)
})

test('it tells when names of its directory changed: at a roll, and when segments were removed', async () => {
  append()
  await partition.sync()
  told = 0
  partition.roll()
  expect(told).toBe(1)
  await partition.sync()
  await partition.truncateBefore(1)
  expect(told).toBe(2)
})

test('a sync that no descriptor was free for leaves it to those who asked, and what is written later is told', async () => {
  append()
  fs.failNext('sync', { error: 'EMFILE' })
  await expect(partition.sync()).rejects.toThrow('EMFILE')
  append()
  expect(told).toBe(2)
})

test('it tells when it was recovered, and whatever is written from then on', async () => {
  append()
  fs.failNext('sync', { error: 'EIO' })
  await expect(partition.sync()).rejects.toThrow('EIO')
  told = 0
  await partition.recover()
  expect(told).toBe(1)
  await partition.sync()
  append()
  expect(told).toBe(2)
})
