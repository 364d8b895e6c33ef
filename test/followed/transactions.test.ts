// What a follower knows of transactions, at every moment: beside a writer on one simulated disk, against a plain list of
// what was written. Segments are small, so that transactions span them.
import { describe, expect, test } from 'vitest'
import { batchesOf } from '../../src/log/chunk-batches.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { FollowedPartition } from '../../src/storage/followed-partition.ts'
import { IndexCache } from '../../src/storage/index-cache.ts'
import { PartitionCursor } from '../../src/storage/partition-cursor.ts'
import type { PartitionLog } from '../../src/storage/partition-log.ts'
import { NumberedProducer } from '../support/numbered-producer.ts'
import { DIRECTORY, batchOf, fill, newPartition, recordsIn, reopen } from '../support/partitions.ts'
import { TransactionHistory } from '../support/transaction-history.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const STEPS = 120

async function follow(fs: SimulatedFileSystem): Promise<FollowedPartition> {
  return await FollowedPartition.open({ fs, directory: DIRECTORY, label: 't-0', indexes: new IndexCache(), compactedBelow: () => 0, startOffset: () => 0, isOurs: () => true })
}

async function committedOf(log: PartitionLog, from = 0): Promise<[offset: number, value: string][]> {
  const cursor = new PartitionCursor(log, from, 'read_committed')
  const records: [number, string][] = []
  for (let chunk = await cursor.next(500); chunk !== undefined; chunk = await cursor.next(500)) for (const batch of batchesOf(chunk)) records.push(...recordsIn(batch))
  return records.filter(([offset]) => offset >= from)
}

async function expectToKnow(follower: FollowedPartition, history: TransactionHistory, from = 0): Promise<void> {
  follower.refresh()
  expect({ end: follower.endOffset, stable: follower.stableOffset }).toEqual({ end: history.partition.endOffset, stable: history.stableOffset })
  expect(await committedOf(follower, from)).toEqual(history.committed(from))
  expect(follower.abortedIn(0, follower.endOffset)).toEqual(history.partition.abortedIn(0, follower.endOffset))
}

describe.for([0, 1, 2, 3, 4])(`a follower shows what was committed, and nothing else (seed ${SEED} + %i)`, i => {
  const random = () => new SeededRandom(SEED + i)

  test('after each step, whether it was there from the beginning, looks now and then, or has just come', async () => {
    const fs = new SimulatedFileSystem()
    const history = new TransactionHistory(random(), await newPartition(fs))
    const constant = await follow(fs)
    const seldom = await follow(fs)
    for (let step = 0; step < STEPS; step++) {
      history.step()
      await expectToKnow(constant, history)
      await expectToKnow(await follow(fs), history, history.partition.endOffset >> 1)
      if (step % 17 === 0) await expectToKnow(seldom, history)
    }
    expect(history.partition.segmentCount).toBeGreaterThan(3)
    history.endAll()
    for (const follower of [constant, seldom, await follow(fs)]) await expectToKnow(follower, history)
  })

  test('where the writer is killed and comes again, or closes and comes again', async () => {
    const fs = new SimulatedFileSystem()
    const history = new TransactionHistory(random(), await newPartition(fs))
    const constant = await follow(fs)
    for (let step = 0; step < STEPS; step++) {
      history.step()
      if (step % 20 === 19) {
        const closes = step % 40 === 19
        if (closes) await history.partition.close()
        await expectToKnow(await follow(fs), history)
        history.partition = (await reopen(fs, { trust: closes ? 'clean' : 'page-cache', recoveryPoint: history.partition.syncedOffset })).partition
      }
      await expectToKnow(constant, history)
    }
  })

  test('where snapshots and transaction indexes are gone: every segment is read', async () => {
    const fs = new SimulatedFileSystem()
    const history = new TransactionHistory(random(), await newPartition(fs))
    for (let step = 0; step < STEPS; step++) history.step()
    history.endAll()
    do history.step(); while (!history.partition.segments.at(-1)!.hasProducers) // what tells that there should be some
    for (const name of fs.list(DIRECTORY)) if (/\.(snapshot|txnindex)$/.test(name)) fs.remove(`${DIRECTORY}/${name}`)
    await expectToKnow(await follow(fs), history)
  })
})

test('what a snapshot says that is damaged is taken from the one before', async () => {
  const fs = new SimulatedFileSystem()
  const history = new TransactionHistory(new SeededRandom(7), await newPartition(fs))
  for (let step = 0; step < STEPS; step++) history.step()
  const newest = fs.list(DIRECTORY).filter(name => name.endsWith('.snapshot')).sort().at(-1)!
  const file = fs.open(`${DIRECTORY}/${newest}`, 'write')
  file.write(Buffer.from([255]), file.bytes() - 1)
  file.close()
  await expectToKnow(await follow(fs), history)
})

test('where recover() has left out what could not be read, a follower goes back with it', async () => {
  const fs = new SimulatedFileSystem()
  const writer = await newPartition(fs, { segmentBytes: () => 100_000 })
  const [kept, lost] = [new NumberedProducer(1), new NumberedProducer(2)]
  kept.send(writer, [{ value: 'kept' }])
  const { bytes } = writer
  const follower = await follow(fs)
  lost.send(writer, [{ value: 'lost' }])
  kept.end(writer, 'commit')
  follower.refresh()
  expect([follower.endOffset, follower.stableOffset]).toEqual([3, 1])

  replaceLog(fs, bytes)
  follower.refresh()
  expect([follower.endOffset, follower.stableOffset]).toEqual([1, 0])
  const { partition } = await reopen(fs)
  partition.endTransaction({ producerId: 1, producerEpoch: 1 }, { type: 'abort', coordinatorEpoch: 0 }, 1000)
  partition.append(batchOf(['plain']))
  follower.refresh()
  expect([follower.endOffset, follower.stableOffset]).toEqual([3, 3])
  expect(await committedOf(follower)).toEqual([[2, 'plain']])
})

/** As recover() does it: a copy of so much takes the place of the log. */
function replaceLog(fs: SimulatedFileSystem, bytes: number): void {
  const path = `${DIRECTORY}/00000000000000000000.log`
  write(fs, `${path}.rescued`, content(fs, path).subarray(0, bytes))
  fs.rename(`${path}.rescued`, path)
}

test('an abort that stands in a segment which compaction has merged meanwhile is found where it stands now', async () => {
  const fs = new SimulatedFileSystem()
  const writer = await newPartition(fs, { segmentBytes: () => 100_000 })
  const producer = new NumberedProducer(1)
  writer.append(batchOf(['first']))
  producer.send(writer, [{ value: 'aborted' }])
  writer.roll()
  producer.end(writer, 'abort')
  writer.roll()
  writer.append(batchOf(['last']))
  const follower = await follow(fs)
  const cursor = new PartitionCursor(follower, 0, 'read_committed')
  expect(recordsIn((await cursor.next(1))!.bytes)).toEqual([[0, 'first']])
  expect(follower.segments[0]!.transactions.entries).toEqual([])

  const [first, second] = [0, 2].map(base => `${DIRECTORY}/${String(base).padStart(20, '0')}`)
  write(fs, `${first}.log.swap`, Buffer.concat([content(fs, `${first}.log`), content(fs, `${second}.log`)]))
  write(fs, `${first}.txnindex`, content(fs, `${second}.txnindex`))
  fs.rename(`${first}.log.swap`, `${first}.log`)
  for (const suffix of ['.log', '.index', '.timeindex', '.txnindex']) fs.remove(second + suffix)
  const seen: [number, string][] = []
  for (let chunk = await cursor.next(1); chunk !== undefined; chunk = await cursor.next(1)) for (const batch of batchesOf(chunk)) seen.push(...recordsIn(batch))
  expect(seen).toEqual([[3, 'last']])
})

function content(fs: SimulatedFileSystem, path: string): Buffer {
  const file = fs.open(path, 'read')
  const bytes = Buffer.alloc(file.bytes())
  file.read(bytes, 0)
  file.close()
  return bytes
}

function write(fs: SimulatedFileSystem, path: string, bytes: Buffer): void {
  const file = fs.open(path, 'create')
  file.write(bytes, 0)
  file.close()
}

test('a log without numbered batches costs its follower no read of a snapshot or of an index of transactions', async () => {
  const fs = new SimulatedFileSystem()
  const writer = await newPartition(fs)
  fill(writer, 300)
  const calls = fs.trace()
  const follower = await follow(fs)
  fill(writer, 600)
  follower.refresh()
  await committedOf(follower)
  expect(calls.filter(({ path, operation }) => /snapshot|txnindex/.test(path) && operation === 'open')).toEqual([])
})
