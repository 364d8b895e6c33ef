// A partition that numbered batches and markers are appended to: what it answers, what of it is on the disk when, and
// what is known again when it is opened.
import { beforeEach, describe, expect, test } from 'vitest'
import { batchesOf } from '../../src/log/chunk-batches.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { DiskRoom } from '../../src/storage/disk-room.ts'
import { PartitionCursor } from '../../src/storage/partition-cursor.ts'
import { RetiredFiles } from '../../src/storage/retired-files.ts'
import type { RecoveryFacts } from '../../src/storage/recovery.ts'
import type { WritableOptions, WritablePartition } from '../../src/storage/writable-partition.ts'
import { numberedBatch, type Numbers } from '../support/numbered-batches.ts'
import { DIRECTORY, batchOf, newPartition, recordsFrom, recordsIn, reopen } from '../support/partitions.ts'

const OPTIONS: Partial<WritableOptions> = { segmentBytes: () => 64 * 1024 }

let fs: SimulatedFileSystem
let partition: WritablePartition

beforeEach(async () => {
  fs = new SimulatedFileSystem()
  partition = await newPartition(fs, OPTIONS)
})

function send(values: readonly string[], numbers: Numbers): number {
  return partition.append(numberedBatch(values, numbers))
}

/** In a transaction. */
function add(id: number, sequence: number, ...values: string[]): number {
  return send(values, { id, sequence, transactional: true })
}

function end(type: 'commit' | 'abort', id: number, epoch = 0): void {
  partition.endTransaction({ producerId: id, producerEpoch: epoch }, { type, coordinatorEpoch: 0 }, 1000)
}

async function committed(log = partition): Promise<string[]> {
  const cursor = new PartitionCursor(log, log.startOffset, 'read_committed')
  const texts: string[] = []
  for (let chunk = await cursor.next(1); chunk !== undefined; chunk = await cursor.next(1)) for (const batch of batchesOf(chunk)) texts.push(...recordsIn(batch).map(([, text]) => text))
  return texts
}

async function openAgain(facts: Partial<RecoveryFacts> = {}, disk = fs): Promise<void> {
  fs = disk
  partition = (await reopen(fs, facts, OPTIONS)).partition
}

async function closeAndOpen(): Promise<void> {
  await partition.close()
  await openAgain({ trust: 'clean', recoveryPoint: partition.endOffset })
}

const kill = (): Promise<void> => openAgain({}, fs.survivorOfKill())
const names = (suffix: string): number[] => fs.list(DIRECTORY).filter(name => name.endsWith(suffix)).map(name => Number.parseInt(name, 10))
const path = (offset: number, suffix: string): string => `${DIRECTORY}/${String(offset).padStart(20, '0')}${suffix}`
const refused = (code: string): unknown => expect.objectContaining({ code })

describe('numbered batches', () => {
  test('one of the last five that is sent again gets its first offset, and is not stored twice', () => {
    const offsets = [0, 1, 2, 3, 4, 5].map(i => send(['a', 'b'], { id: 7, sequence: i * 2 }))
    partition.append(batchOf(['another']))
    for (const i of [1, 2, 3, 4, 5]) expect(send(['a', 'b'], { id: 7, sequence: i * 2 })).toBe(offsets[i])
    expect(() => send(['a', 'b'], { id: 7, sequence: 0 })).toThrow(refused('SEQUENCE_OUT_OF_ORDER'))
    expect(partition.endOffset).toBe(13)
  })

  test.each<[string, () => Promise<void>]>([['closing', closeAndOpen], ['a kill', kill]])("a producer's last batch is known after %s, and the next follows it", async (_how, again) => {
    send(['a', 'b'], { id: 7, epoch: 2, sequence: 2 ** 31 - 2 })
    await again()
    expect(send(['a', 'b'], { id: 7, epoch: 2, sequence: 2 ** 31 - 2 })).toBe(0)
    expect(() => send(['late'], { id: 7, epoch: 1, sequence: 0 })).toThrow(refused('PRODUCER_FENCED'))
    expect(() => send(['gap'], { id: 7, epoch: 2, sequence: 1 })).toThrow(refused('SEQUENCE_OUT_OF_ORDER'))
    expect(send(['c'], { id: 7, epoch: 2, sequence: 0 })).toBe(2)
  })

  test('without any there is no file for producers', async () => {
    partition.append(batchOf(['plain']))
    partition.roll()
    await closeAndOpen()
    expect([...names('.snapshot'), ...names('.txnindex')]).toEqual([])
  })

  test('a batch that finds no room has not been sent: the same sequence comes next', () => {
    send(['a'], { id: 7, sequence: 0 })
    fs.failNext('write', { error: 'ENOSPC', path: /\.log$/ })
    expect(() => send(['b'], { id: 7, sequence: 1 })).toThrow(refused('DISK_FULL'))
    expect(send(['b'], { id: 7, sequence: 1 })).toBe(1)
  })

  test('neither has one before which no snapshot could be written', () => {
    fs.failNext('write', { error: 'ENOSPC', path: /\.snapshot$/ })
    expect(() => send(['a'], { id: 7, sequence: 0 })).toThrow(refused('DISK_FULL'))
    expect(partition.endOffset).toBe(0)
    expect(send(['a'], { id: 7, sequence: 0 })).toBe(0)
  })
})

describe('transactions', () => {
  test('the stable offset waits for the first open one, and committed records come in the order of the log', async () => {
    add(1, 0, 'a0')
    add(2, 0, 'b0')
    partition.append(batchOf(['plain']))
    add(1, 1, 'a1')
    expect([partition.stableOffset, await committed()]).toEqual([0, []])
    end('commit', 1)
    expect([partition.stableOffset, await committed()]).toEqual([1, ['a0']])
    add(3, 0, 'c0')
    end('abort', 2)
    expect([partition.stableOffset, await committed()]).toEqual([5, ['a0', 'plain', 'a1']])
    end('commit', 3)
    expect([partition.stableOffset, await committed()]).toEqual([8, ['a0', 'plain', 'a1', 'c0']])
    expect(await recordsFrom(partition, 6)).toHaveLength(2)
  })

  test('a batch that is not in it is refused while one is open', () => {
    add(1, 0, 'a')
    expect(() => send(['outside'], { id: 1, sequence: 1 })).toThrow(refused('TRANSACTION_OPEN'))
    end('commit', 1)
    expect(send(['outside'], { id: 1, sequence: 1 })).toBe(2)
  })

  test('one that was aborted over several segments is told for each part of it, also when it is opened again', async () => {
    add(1, 0, 'a0')
    partition.roll()
    add(1, 1, 'a1')
    add(2, 0, 'b0')
    partition.roll()
    add(1, 2, 'a2')
    end('commit', 2)
    partition.roll()
    end('abort', 1)
    const aborted = [{ producerId: 1, firstOffset: 0, lastOffset: 5, lastStableOffset: 6 }]
    for (const again of [async () => {}, closeAndOpen, kill]) {
      await again()
      for (const [from, to] of [[0, 1], [1, 3], [3, 5], [0, 6]] as const) expect(partition.abortedIn(from, to)).toEqual(aborted)
      expect(partition.abortedIn(6, 7)).toEqual([])
      expect(await committed()).toEqual(['b0'])
    }
    expect(names('.txnindex')).toEqual([5])
  })

  test('the segment that a roll begins in the middle of one knows where it began', async () => {
    add(1, 0, 'a0')
    partition.roll()
    add(1, 1, 'a1')
    await closeAndOpen()
    expect(partition.openTransactions).toEqual([{ producerId: 1, producerEpoch: 0, firstOffset: 0, lastTimestamp: 1000 }])
    expect(partition.stableOffset).toBe(0)
    end('abort', 1, 1)
    expect(await committed()).toEqual([])
    expect(partition.stableOffset).toBe(3)
  })

  test('one whose beginning was truncated stays open until its marker, and nothing of it is served before', async () => {
    add(1, 0, 'a0')
    partition.roll()
    add(1, 1, 'a1')
    partition.append(batchOf(['plain']))
    await partition.truncateBefore(1)
    expect(partition.openTransactions.map(({ firstOffset }) => firstOffset)).toEqual([0])
    expect([partition.stableOffset, await committed()]).toEqual([1, []])
    await openAgain({ startOffset: 1 }, fs.survivorOfKill())
    expect([partition.stableOffset, await committed()]).toEqual([1, []])
    end('abort', 1)
    expect([partition.stableOffset, await committed()]).toEqual([4, ['plain']])
    await openAgain({ startOffset: 1, trust: 'device', recoveryPoint: 1 }, fs.survivorOfKill())
    expect([partition.stableOffset, await committed()]).toEqual([4, ['plain']])
  })

  test('an old epoch ends no transaction', () => {
    send(['a'], { id: 1, epoch: 3, sequence: 0, transactional: true })
    expect(() => { end('commit', 1, 2) }).toThrow(refused('PRODUCER_FENCED'))
    expect(partition.stableOffset).toBe(0)
  })
})

describe('a disk without room', () => {
  const CAPACITY = 64 * 1024

  async function newPartitionIn(room: (disk: SimulatedFileSystem, clock: SteppedClock) => DiskRoom, capacityBytes = Infinity): Promise<void> {
    const clock = new SteppedClock()
    fs = new SimulatedFileSystem({ capacityBytes, clock })
    fs.makeDirectory('/log')
    const disk = room(fs, clock)
    await disk.open()
    partition = await newPartition(fs, { ...OPTIONS, segmentBytes: () => 8 * 1024, room: disk.partition('t-0', { isInternal: false }), retired: new RetiredFiles(fs, clock, () => {}, disk), onTrouble: () => {} })
  }

  function fill(): void {
    for (let i = 0; ; i++) {
      try {
        partition.append(batchOf(['x'.repeat(500)]))
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^DISK_(FULL|ALLOWANCE_USED)$/) as string })
        return
      }
      expect(i).toBeLessThan(1000)
    }
  }

  test.each(['commit', 'abort'] as const)('a full disk takes the marker that ends a transaction: %s', async type => {
    await newPartitionIn((disk, clock) => new DiskRoom(disk, '/log', { clock }), CAPACITY)
    add(1, 0, 'a')
    fill()
    end(type, 1)
    expect(partition.stableOffset).toBe(partition.endOffset)
    expect((await committed())[0]).toBe(type === 'commit' ? 'a' : 'x'.repeat(500))
    await openAgain({}, fs.survivorOfKill())
    expect(partition.openTransactions).toEqual([])
    expect((await committed())[0]).toBe(type === 'commit' ? 'a' : 'x'.repeat(500))
  })

  test('maxDiskBytes keeps no marker from being written', async () => {
    await newPartitionIn((disk, clock) => new DiskRoom(disk, '/log', { clock, maxBytes: 20 * 1024 }))
    add(1, 0, 'a')
    fill()
    end('abort', 1)
    expect(partition.stableOffset).toBe(partition.endOffset)
  })
})

describe('snapshot files', () => {
  test('there is one where each segment begins, and the newest of those between', async () => {
    partition = (await reopen(fs, {}, { ...OPTIONS, snapshotBytes: 300 })).partition
    for (let sequence = 0; sequence < 30; sequence++) {
      send(['x'.repeat(50)], { id: 1, sequence })
      if (sequence % 12 === 9) partition.roll()
    }
    const bases = names('.log')
    const kept = names('.snapshot')
    expect(bases).toEqual([0, 10, 22])
    expect(kept.slice(0, -1)).toEqual(bases)
    expect(kept.at(-1)).toBeGreaterThan(22)
  })

  test('those of segments that were deleted go with the next roll', async () => {
    for (let sequence = 0; sequence < 6; sequence++) {
      send(['a'], { id: 1, sequence })
      partition.roll()
    }
    await partition.truncateBefore(4)
    send(['a'], { id: 1, sequence: 6 })
    partition.roll()
    expect(names('.snapshot')).toEqual([4, 5, 6, 7])
  })

  test.each<[string, (file: string) => void]>([
    ['damaged', file => { fs.corrupt(file, 8, 1) }],
    ['deleted', file => { fs.remove(file) }],
  ])('a log whose newest were %s is read again from an older one, or from its beginning', async (_what, spoil) => {
    add(1, 0, 'a0')
    end('abort', 1)
    add(2, 0, 'b0')
    partition.roll()
    add(2, 1, 'b1')
    end('abort', 2)
    send(['c'], { id: 3, sequence: 40 })
    await partition.close()
    const all = names('.snapshot')
    const closed = fs
    for (const left of [2, 1, 0]) {
      const disk = closed.survivorOfKill()
      fs = disk
      for (const offset of all.slice(left)) spoil(path(offset, '.snapshot'))
      for (const trust of ['clean', 'page-cache', 'device'] as const) {
        if (disk.list(DIRECTORY).every(name => !name.endsWith('.snapshot')) && trust !== 'device') continue // a log without any has no producers
        await openAgain({ trust, recoveryPoint: 6 }, disk.survivorOfKill())
        expect(partition.openTransactions).toEqual([])
        expect(partition.abortedIn(0, 6)).toEqual([{ producerId: 1, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 }, { producerId: 2, firstOffset: 2, lastOffset: 4, lastStableOffset: 5 }])
        expect(send(['c'], { id: 3, sequence: 40 })).toBe(5)
        expect(() => send(['c'], { id: 3, sequence: 42 })).toThrow(refused('SEQUENCE_OUT_OF_ORDER'))
      }
    }
  })

  test('one behind the end that a power cut has left is removed for good, before others stand there', async () => {
    send(['a'], { id: 1, sequence: 0 })
    send(['b'], { id: 1, sequence: 1 })
    await partition.close()
    // The device has the snapshot, but of the log only its beginning.
    const log = fs.open(path(0, '.log'), 'write')
    log.truncate(log.bytes() / 2)
    await log.sync()
    await openAgain({ trust: 'device' })
    expect(partition.endOffset).toBe(1)
    partition.append(batchOf(['another']))
    for (let seed = 0; seed < 20; seed++) expect(fs.survivorOfPowerCut(seed).list(DIRECTORY)).not.toContain(path(2, '.snapshot').split('/').at(-1))
  })

  test.each(['with', 'without'])('aborted transactions of a log that a power cut took whole hide nothing that comes after (%s snapshots)', async kept => {
    add(1, 0, 'lost')
    add(1, 1, 'lost')
    end('abort', 1)
    partition.roll()
    await partition.close()
    for (const offset of [0, 3]) fs.remove(path(offset, '.log'))
    if (kept === 'without') for (const offset of names('.snapshot')) fs.remove(path(offset, '.snapshot'))
    fs.open(path(0, '.log'), 'create').close()
    await openAgain({ trust: 'device' })
    expect(partition.abortedIn(0, 10)).toEqual([])
    add(1, 0, 'new')
    end('commit', 1)
    partition.append(batchOf(['plain']))
    await closeAndOpen()
    expect(await committed()).toEqual(['new', 'plain'])
  })

  test.each(['page-cache', 'device'] as const)("a segment's index of transactions that makes no sense is made anew from a snapshot before it (%s)", async trust => {
    partition = (await reopen(fs, {}, { ...OPTIONS, snapshotBytes: 100 })).partition
    add(1, 0, 'a')
    partition.roll()
    end('abort', 1)
    add(1, 1, 'b')
    end('abort', 1)
    send(['c'], { id: 2, sequence: 0 })
    fs = fs.survivorOfKill()
    fs.corrupt(path(1, '.txnindex'), 0, 0xff)
    await openAgain({ trust, recoveryPoint: 3 })
    expect(partition.abortedIn(0, 10)).toEqual([{ producerId: 1, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 }, { producerId: 1, firstOffset: 2, lastOffset: 3, lastStableOffset: 4 }])
    await kill()
    expect(await committed()).toEqual(['c'])
  })
})

describe('a failing disk', () => {
  test('a marker that may be lost ends nothing: what it has committed is not served until recover()', async () => {
    partition = (await reopen(fs, {}, { ...OPTIONS, onFailed: () => {} })).partition
    partition.append(batchOf(['plain']))
    add(1, 0, 'a')
    await partition.sync()
    end('commit', 1)
    expect(await committed()).toEqual(['plain', 'a'])
    fs.failNext('sync', { error: 'EIO' })
    await expect(partition.sync()).rejects.toThrow(refused('PARTITION_FAILED'))
    expect(partition.readableTo('read_committed')).toBe(1)
    expect(partition.readableTo('read_uncommitted')).toBe(2)
    const cursor = new PartitionCursor(partition, 0, 'read_committed')
    expect((await cursor.next(1))!.nextOffset).toBe(1)
    expect(() => cursor.next(1)).toThrow(refused('PARTITION_FAILED'))
    await partition.recover()
    expect(await committed()).toEqual(partition.openTransactions.length > 0 ? ['plain'] : ['plain', 'a'])
  })

  test('while it recovers, an open transaction stays hidden', async () => {
    fs = new SimulatedFileSystem({ seed: 3 })
    partition = await newPartition(fs, { ...OPTIONS, onFailed: () => {} })
    add(1, 0, 'a')
    await partition.sync()
    partition.append(batchOf(['plain']))
    fs.failNext('sync', { error: 'EIO' })
    await expect(partition.sync()).rejects.toThrow(refused('PARTITION_FAILED'))
    const recovered = partition.recover()
    while (partition.failure !== undefined) {
      expect(partition.readableTo('read_committed')).toBe(0)
      expect(partition.stableOffset).toBe(0)
      await new Promise(resolve => { setImmediate(resolve) })
    }
    await recovered
  })

  test('an index of transactions that could not be synced for want of a descriptor is synced with the next', async () => {
    add(1, 0, 'a')
    end('abort', 1)
    partition = (await reopen(fs, {}, { ...OPTIONS, onTrouble: () => {} })).partition
    send(['b'], { id: 1, sequence: 1, transactional: true })
    end('abort', 1)
    fs.failNext('sync', { error: 'EMFILE', path: /\.txnindex$/ })
    partition.roll()
    await partition.sync().catch(() => {})
    send(['c'], { id: 2, sequence: 0 })
    await partition.sync()
    const { syncedOffset } = partition
    const disk = fs
    for (let seed = 0; seed < 20; seed++) {
      await openAgain({ trust: 'device', recoveryPoint: syncedOffset }, disk.survivorOfPowerCut(seed))
      expect(await committed()).toEqual(['c'])
    }
  })
})

test('a duplicate needs no room and is answered beyond every limit', () => {
  send(['a'], { id: 1, sequence: 0 })
  fs.capacityBytes = fs.usedBytes
  expect(send(['a'], { id: 1, sequence: 0 })).toBe(0)
})
