import { expect, test } from 'vitest'
import type { MillraceError } from '../../src/base/errors.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { DiskRoom } from '../../src/storage/disk-room.ts'
import { RetiredFiles } from '../../src/storage/retired-files.ts'
import { DIRECTORY, fill, newPartition } from '../support/partitions.ts'

async function retiring() {
  const clock = new SteppedClock()
  const fs = new SimulatedFileSystem({ clock })
  const troubles: MillraceError[] = []
  const room = new DiskRoom(fs, '/log', { clock })
  const retired = new RetiredFiles(fs, clock, error => { troubles.push(error) }, room)
  const partition = await newPartition(fs, { retired, room: room.partition('t-0', { isInternal: false }) })
  fill(partition, 100)
  await partition.sync()
  const deleted = (): string[] => fs.list(DIRECTORY).filter(name => name.endsWith('.deleted'))
  return { clock, fs, troubles, room, retired, partition, deleted }
}

test('files of segments that were given up are renamed at once and removed a minute later', async () => {
  const { clock, partition, deleted, fs, retired } = await retiring()
  await partition.truncateBefore(50)
  expect(deleted().length).toBeGreaterThan(0)
  expect(fs.list(DIRECTORY).filter(name => name.endsWith('.log')).length).toBe(partition.segmentCount)
  await clock.advance(59_999)
  expect(deleted().length).toBeGreaterThan(0)
  await clock.advance(1)
  expect(deleted()).toEqual([])
  expect(retired.bytes).toBe(0)
})

test('each waits its own minute', async () => {
  const { clock, partition, deleted } = await retiring()
  await partition.truncateBefore(30)
  const first = deleted()
  await clock.advance(30_000)
  await partition.truncateBefore(60)
  const both = deleted()
  expect(both.length).toBeGreaterThan(first.length)
  await clock.advance(30_000)
  expect(deleted()).toEqual(both.filter(name => !first.includes(name)))
  await clock.advance(30_000)
  expect(deleted()).toEqual([])
})

test('they count as used until they are removed', async () => {
  const { clock, partition, room, retired } = await retiring()
  const before = room.usedBytes
  await partition.truncateBefore(50)
  expect(room.usedBytes).toBe(before)
  expect(retired.bytes).toBe(before - partition.bytes)
  await clock.advance(60_000)
  expect(room.usedBytes).toBe(partition.bytes)
})

test('all go at once where room is short, or the log is closed', async () => {
  const { partition, retired, deleted } = await retiring()
  await partition.truncateBefore(50)
  await retired.removeAll()
  expect(deleted()).toEqual([])
  expect(retired.bytes).toBe(0)
})

test('a file that can not be removed is told, and keeps no other from its turn', async () => {
  const { clock, fs, partition, deleted, troubles } = await retiring()
  await partition.truncateBefore(50)
  const [first] = deleted()
  fs.failNext('remove', { error: 'EIO', path: /\.deleted$/ })
  await clock.advance(60_000)
  expect(troubles.length).toBe(1)
  expect(deleted().map(name => name.slice(0, 20))).toEqual(deleted().map(() => first!.slice(0, 20)))
})
