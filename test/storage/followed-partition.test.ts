import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { DescriptorCache } from '../../src/platform/descriptor-cache.ts'
import type { FileSystem } from '../../src/platform/file-system.ts'
import { NodeFileSystem } from '../../src/platform/node-file-system.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { FollowedPartition } from '../../src/storage/followed-partition.ts'
import { IndexCache } from '../../src/storage/index-cache.ts'
import { WritablePartition } from '../../src/storage/writable-partition.ts'
import { DIRECTORY, batchOf, fill, newPartition, numbered, optionsOn, recordsFrom } from '../support/partitions.ts'

/** Lets a test act between a listing and what follows it. */
class WatchedFileSystem extends SimulatedFileSystem {
  onListed: (() => void) | undefined

  override list(directory: string): string[] {
    const names = super.list(directory)
    this.onListed?.()
    return names
  }
}

interface Pair { readonly writer: WritablePartition; readonly follower: FollowedPartition }

async function follow(fs: FileSystem, writer: WritablePartition, directory = DIRECTORY): Promise<Pair> {
  const follower = await FollowedPartition.open({ fs, directory, label: 't-0', indexes: new IndexCache(), compactedBelow: () => 0, startOffset: () => writer.startOffset, isOurs: () => true })
  return { writer, follower }
}

function ends({ writer, follower }: Pair): [start: number, end: number][] {
  follower.refresh()
  return [[follower.startOffset, follower.endOffset], [writer.startOffset, writer.endOffset]]
}

test('a look that finds nothing new opens no file, however many segments there are', async () => {
  const fs = new SimulatedFileSystem()
  const pair = await follow(fs, await newPartition(fs))
  fill(pair.writer, 500)
  pair.follower.refresh()
  const calls = fs.trace()
  pair.follower.refresh()
  expect(pair.writer.segmentCount).toBeGreaterThan(10)
  expect(calls.filter(call => call.operation === 'open' || call.operation === 'read')).toEqual([])
})

test('every segment is read as before once it is no longer the last one', async () => {
  const fs = new SimulatedFileSystem()
  const pair = await follow(fs, await newPartition(fs))
  for (let count = 50; count <= 300; count += 50) {
    fill(pair.writer, count)
    pair.follower.refresh()
    for (const offset of [0, 1, count >> 1, count - 1]) expect(await recordsFrom(pair.follower, offset)).toEqual(numbered(count - offset, offset))
  }
})

describe('truncation by the writer', () => {
  test('of all that was seen: what follows is read from the new start on', async () => {
    const fs = new SimulatedFileSystem()
    const writer = await newPartition(fs)
    fill(writer, 3)
    const pair = await follow(fs, writer)
    fill(writer, 300)
    await writer.truncateBefore(250)
    expect(ends(pair)).toEqual([[250, 300], [250, 300]])
    fill(writer, 330)
    expect(ends(pair)).toEqual([[250, 330], [250, 330]])
    expect(await recordsFrom(pair.follower, 250)).toEqual(numbered(80, 250))
  })

  test('in the middle of the last segment that was seen: nothing is read again', async () => {
    const fs = new SimulatedFileSystem()
    const writer = await newPartition(fs, { segmentBytes: () => 100_000 })
    fill(writer, 30)
    const pair = await follow(fs, writer)
    fill(writer, 90)
    await writer.truncateBefore(60)
    expect(ends(pair)).toEqual([[60, 90], [60, 90]])
    expect(await recordsFrom(pair.follower, 60)).toEqual(numbered(30, 60))
  })

  test('between listing and opening a segment: the partition stays open, and the next look tells', async () => {
    const fs = new WatchedFileSystem()
    const writer = await newPartition(fs)
    fill(writer, 3)
    const pair = await follow(fs, writer)
    fill(writer, 200)
    const gone = writer.segments.filter(segment => segment.baseOffset > 0 && segment.endOffset <= 150)
    fs.onListed = () => {
      fs.onListed = undefined
      for (const segment of gone) fs.remove(segment.file.path)
    }
    pair.follower.refresh()
    expect(pair.follower.closed).toBe(false)
    expect(gone.length).toBeGreaterThan(1)
    await writer.truncateBefore(150)
    expect(ends(pair)).toEqual([[150, 200], [150, 200]])
  })
})

test('where the directory is gone, the topic was deleted', async () => {
  const fs = new SimulatedFileSystem()
  const writer = await newPartition(fs)
  fill(writer, 30)
  const { follower } = await follow(fs, writer)
  fs.rename(DIRECTORY, '/log/elsewhere')
  follower.refresh()
  expect(() => { follower.checkOpen() }).toThrow(expect.objectContaining({ name: 'ClosedError', code: 'TOPIC_DELETED' }))
})

describe('on files, each side with descriptors of its own', () => {
  let root: string | undefined
  afterEach(() => { if (root !== undefined) rmSync(root, { recursive: true }) })

  test('a log that its writer has recovered into a new file is followed on', async () => {
    root = mkdtempSync(join(tmpdir(), 'millrace-followed-'))
    const directory = join(root, 't-0')
    const disk = new NodeFileSystem(new DescriptorCache())
    disk.makeDirectory(directory)
    const writer = await WritablePartition.create({ ...optionsOn(new SimulatedFileSystem()), fs: disk, directory, segmentBytes: () => 100_000 })
    fill(writer, 30)
    const pair = await follow(new NodeFileSystem(new DescriptorCache()), writer, directory)
    expect(await recordsFrom(pair.follower, 0)).toEqual(numbered(30))
    const file = join(directory, '00000000000000000000.log')
    const bytes = Buffer.alloc(writer.bytes)
    disk.open(file, 'read').read(bytes, 0)
    disk.open(`${file}.rescued`, 'create').write(bytes, 0)
    disk.rename(`${file}.rescued`, file)
    fill(writer, 60)
    ends(pair) // a look that still has the old file, and finds out
    expect(ends(pair)).toEqual([[0, 60], [0, 60]])
    await writer.close()
  })
})

test('an incomplete batch at the end is none yet', async () => {
  const fs = new SimulatedFileSystem()
  const writer = await newPartition(fs, { segmentBytes: () => 100_000 })
  fill(writer, 30)
  const pair = await follow(fs, writer)
  const file = fs.open(`${DIRECTORY}/00000000000000000000.log`, 'write')
  file.write(batchOf(['half']).subarray(0, 65), writer.bytes)
  expect(ends(pair)).toEqual([[0, 30], [0, 30]])
  file.truncate(writer.bytes)
  fill(writer, 33)
  expect(ends(pair)).toEqual([[0, 33], [0, 33]])
})
