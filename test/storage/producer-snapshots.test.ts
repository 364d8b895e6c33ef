// The .snapshot files of a partition: which is found, believed, kept and synced.
import { beforeEach, describe, expect, test } from 'vitest'
import type { ProducerSnapshotEntry } from '../../src/format/producer-snapshot.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { ProducerSnapshots } from '../../src/storage/producer-snapshots.ts'

const DIRECTORY = '/log/t-0'

let fs: SimulatedFileSystem
let snapshots: ProducerSnapshots

beforeEach(() => {
  fs = new SimulatedFileSystem()
  fs.makeDirectory(DIRECTORY)
  snapshots = ProducerSnapshots.find(fs, DIRECTORY)
})

const path = (offset: number): string => `${DIRECTORY}/${String(offset).padStart(20, '0')}.snapshot`

/** One producer, whose id says which snapshot it is. */
function entries(id: number, count = 1): ProducerSnapshotEntry[] {
  return Array.from({ length: count }, (_, i) => ({ producerId: id + i, producerEpoch: 0, lastSequence: 1, lastOffset: 1, offsetDelta: 0, timestamp: 1000, coordinatorEpoch: -1, currentTransactionFirstOffset: undefined }))
}

describe('which is read', () => {
  test('the newest at or before the offset', () => {
    for (const offset of [20, 5, 10]) snapshots.write(offset, entries(offset))
    for (const found of [snapshots, ProducerSnapshots.find(fs, DIRECTORY)]) {
      expect(found.read(4)).toBeUndefined()
      expect([5, 9, 10, 19, 20, 1000].map(offset => found.read(offset)!.offset)).toEqual([5, 5, 10, 10, 20, 20])
      expect(found.read(12)).toEqual({ offset: 10, entries: entries(10) })
      expect(found.latest).toBe(20)
    }
  })

  test.each<[what: string, damage: () => void]>([
    ['a flipped bit', () => { fs.corrupt(path(20), 12, 1) }],
    ['a torn end', () => { truncate(20, 30) }],
    ['an empty file', () => { truncate(20, 0) }],
    ['a file that is gone', () => { fs.remove(path(20)) }],
  ])('an older one where the newest can not be believed: %s', (_what, damage) => {
    for (const offset of [10, 20]) snapshots.write(offset, entries(offset))
    damage()
    expect(ProducerSnapshots.find(fs, DIRECTORY).read(25)).toEqual({ offset: 10, entries: entries(10) })
  })

  test('none that waits to be deleted, nor what another tool left', () => {
    snapshots.write(10, entries(10))
    fs.rename(path(10), `${path(10)}.deleted`)
    fs.open(`${DIRECTORY}/12.snapshot`, 'create').close()
    expect(ProducerSnapshots.find(fs, DIRECTORY).none).toBe(true)
  })
})

describe('what stays', () => {
  test('all where a segment begins, and the newest', () => {
    for (const offset of [0, 5, 10, 15, 20]) snapshots.write(offset, entries(offset))
    snapshots.prune(offset => offset === 0 || offset === 10)
    expect(files()).toEqual([0, 10, 20].map(path))
    expect(snapshots.read(19)!.offset).toBe(10)
  })

  test('none behind the end of the log', () => {
    for (const offset of [0, 5, 10]) snapshots.write(offset, entries(offset))
    expect(snapshots.removeAfter(5)).toBe(true)
    expect(snapshots.removeAfter(5)).toBe(false)
    expect(files()).toEqual([0, 5].map(path))
    expect(snapshots.latest).toBe(5)
  })
})

describe('writing', () => {
  test('one that is written again with less is as if it had been written once', () => {
    snapshots.write(10, entries(1, 5))
    snapshots.write(10, entries(1, 2))
    expect(snapshots.read(10)!.entries).toEqual(entries(1, 2))
  })

  test('one that is on the device is never written again: a power cut could tear what a walk begins with', async () => {
    snapshots.write(10, entries(1))
    await snapshots.sync(10)
    const calls = fs.calls
    snapshots.write(10, entries(2))
    expect(fs.calls).toBe(calls)
    expect(snapshots.read(10)!.entries).toEqual(entries(1))
  })

  test('the one that a walk from the offset begins with is on the device once it is synced', async () => {
    for (const offset of [5, 10]) snapshots.write(offset, entries(offset))
    await snapshots.sync(9)
    await fs.syncDirectory(DIRECTORY)
    for (let seed = 0; seed < 30; seed++) expect(ProducerSnapshots.find(fs.survivorOfPowerCut(seed), DIRECTORY).read(9)).toEqual({ offset: 5, entries: entries(5) })
  })

  test('a sync that failed is tried again', async () => {
    snapshots.write(10, entries(1))
    fs.failNext('sync', { error: 'EMFILE' })
    await expect(snapshots.sync(10)).rejects.toThrow()
    const calls = fs.trace()
    await snapshots.sync(10)
    expect(calls.map(({ operation }) => operation)).toContain('sync')
  })

  test('one that found no room leaves no doubt about it when there is', () => {
    fs.failNext('write', { error: 'ENOSPC', writtenBytes: 7 })
    expect(() => { snapshots.write(10, entries(1)) }).toThrow()
    expect(snapshots.none).toBe(true)
    snapshots.write(10, entries(1))
    expect(ProducerSnapshots.find(fs, DIRECTORY).read(10)).toEqual({ offset: 10, entries: entries(1) })
  })
})

function files(): string[] {
  return fs.list(DIRECTORY).map(name => `${DIRECTORY}/${name}`)
}

function truncate(offset: number, bytes: number): void {
  const file = fs.open(path(offset), 'write')
  file.truncate(bytes)
  file.close()
}
