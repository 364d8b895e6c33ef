// What readers are shown of transactions, through every public way to read, in the process that writes and in one that
// follows. Batches and markers are made by hand, below the door of transactions.
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { FollowedLog } from '../../src/log/followed-log.ts'
import { readOpenOptions } from '../../src/log/open-options.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { PartitionCursor } from '../../src/storage/partition-cursor.ts'
import type { WritablePartition } from '../../src/storage/writable-partition.ts'
import { EventLog, coordinate } from '../../src/surface/event-log.ts'
import type { Topic } from '../../src/surface/topic.ts'
import { openOn } from '../support/disk-log.ts'
import { NumberedProducer } from '../support/numbered-producer.ts'
import { TransactionHistory } from '../support/transaction-history.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const ISOLATIONS = ['read_committed', 'read_uncommitted'] as const
type Place = 'the process that writes' | 'a process that follows'
const PLACES: readonly Place[] = ['the process that writes', 'a process that follows']

interface Opened {
  readonly writer: WritablePartition
  readonly topic: Topic<string, string>
  readonly log: EventLog
  /** What was written is there for who waits. */
  look(): Promise<void>
}

async function openAt(place: Place): Promise<Opened> {
  const fs = new SimulatedFileSystem()
  const { local, log } = await openOn(fs, '/log')
  onTestFinished(() => log.close())
  await log.topic('orders', { key: 'string', value: 'string', segmentBytes: '1KiB' })
  const writer = local.topics.get('orders')!.writable(0)
  const clock = new SteppedClock({ busy: () => fs.pendingJobs })
  const reading = place === 'the process that writes' ? log : await followedOn(fs, clock)
  const topic = await reading.topic<string, string>('orders', { key: 'string', value: 'string' })
  return { writer, topic, log: reading, look: () => clock.advance(100) }
}

async function followedOn(fs: SimulatedFileSystem, clock: SteppedClock): Promise<EventLog> {
  const followed = await FollowedLog.open(fs, '/log', '/log', readOpenOptions({ readOnly: true, clock }))
  const log = new EventLog(followed, await coordinate(followed))
  onTestFinished(() => log.close())
  return log
}

/** One transaction aborted, two committed, one open, and records of no transaction between them. */
class Written {
  readonly #partition: WritablePartition
  readonly #plain = new NumberedProducer(1)
  readonly #open = new NumberedProducer(4)

  constructor(partition: WritablePartition) {
    this.#partition = partition
    const [a, b] = [new NumberedProducer(2), new NumberedProducer(3)]
    this.plain('0')
    this.#send(a, '1', '2')
    this.#send(b, '3')
    this.plain('4')
    a.end(partition, 'abort') // 5
    this.#send(a, '6')
    b.end(partition, 'commit') // 7
    a.end(partition, 'commit') // 8
    this.#send(this.#open, '9')
    this.plain('10')
  }

  plain(value: string): void {
    this.#plain.send(this.#partition, [{ key: `key ${value}`, value }], { transactional: false, timestamp: 1000 + Number(value) })
  }

  /** At offset 11. */
  end(type: 'commit' | 'abort'): void {
    this.#open.end(this.#partition, type)
  }

  #send(producer: NumberedProducer, ...values: string[]): void {
    producer.send(this.#partition, values.map(value => ({ key: `key ${value}`, value })), { timestamp: 1000 + Number(values[0]) })
  }
}

const SHOWN = { read_committed: [0, 3, 4, 6], read_uncommitted: [0, 1, 2, 3, 4, 6, 9, 10] }

async function offsetsOf(records: AsyncIterable<{ offset: number; value: string | null }>): Promise<number[]> {
  const offsets: number[] = []
  for await (const { offset, value } of records) {
    expect(value).toBe(String(offset))
    offsets.push(offset)
  }
  return offsets
}

describe.for(PLACES)('in %s', place => {
  test('offsets() tell where the first open transaction begins', async () => {
    const { writer, topic } = await openAt(place)
    const written = new Written(writer)
    const partition = topic.partitions[0]!
    expect(partition.offsets()).toEqual({ start: 0, stable: 9, end: 11 })
    written.end('abort')
    expect(partition.offsets()).toEqual({ start: 0, stable: 12, end: 12 })
  })

  describe.for(ISOLATIONS)('under %s', isolation => {
    const shown = SHOWN[isolation]
    const from = (offset: number) => shown.filter(other => other >= offset)

    test('read and batches show the records there are, from every offset on', async () => {
      const { writer, topic } = await openAt(place)
      new Written(writer)
      for (let offset = 0; offset <= 11; offset++) {
        expect(await offsetsOf(topic.read({ from: { offset }, isolation }))).toEqual(from(offset))
        const batches: number[] = []
        for await (const batch of topic.batches({ from: { offset }, isolation })) for (const record of batch) batches.push(record.offset)
        expect(batches).toEqual(from(offset))
      }
      expect(await offsetsOf(topic.read({ to: { offset: 5 }, isolation }))).toEqual(shown.filter(offset => offset < 5))
    })

    test('fetch gives the next batches that are shown, whatever it has to step over', async () => {
      const { writer, topic } = await openAt(place)
      new Written(writer)
      for (let offset = 0; offset <= 11; offset++) {
        for (const maxBytes of [1, 1024]) {
          const batches = await topic.partitions[0]!.fetch({ from: offset, maxBytes, isolation })
          expect(batches.flatMap(batch => [...batch])[0]?.offset).toBe(from(offset)[0])
        }
      }
    })

    test("'latest' is where that reader has read everything", async () => {
      const { writer, topic, look } = await openAt(place)
      const written = new Written(writer)
      const reading = topic.read({ from: 'latest', follow: true, isolation })
      const next = reading.next()
      await look()
      written.end('commit')
      written.plain('12')
      await look()
      expect((await next).value).toMatchObject({ offset: isolation === 'read_committed' ? 9 : 12 })
      await reading.return!()
    })
  })

  test('get knows committed records alone', async () => {
    const { writer, topic } = await openAt(place)
    const written = new Written(writer)
    const found = async () => {
      const records = await Promise.all(Array.from({ length: 13 }, (_, offset) => topic.partitions[0]!.get(offset)))
      return records.flatMap(record => record === undefined ? [] : [record.offset])
    }
    expect(await found()).toEqual(SHOWN.read_committed)
    expect(await found()).toEqual(SHOWN.read_committed) // known by pieces now
    written.end('commit')
    expect(await found()).toEqual([...SHOWN.read_committed, 9, 10])
  })

  test('offsetAt finds a record by its time, whatever became of its transaction, and passes markers over', async () => {
    const { writer, topic } = await openAt(place)
    new Written(writer)
    const partition = topic.partitions[0]!
    for (const offset of [0, 1, 3, 4, 6, 9, 10]) expect(await partition.offsetAt(1000 + offset)).toBe(offset)
    expect(await partition.offsetAt(1007)).toBe(9)
    expect(await partition.offsetAt(1011)).toBe(11)
  })

  test('a view holds what is committed, and what was open once that has ended', async () => {
    const { writer, topic, look } = await openAt(place)
    const written = new Written(writer)
    const view = await topic.view()
    expect([...view.entries()].map(([, value]) => value)).toEqual(['0', '3', '4', '6'])
    written.end('commit')
    const caughtUp = view.caughtUp()
    await look()
    await caughtUp
    expect([...view.entries()].map(([, value]) => value)).toEqual(['0', '3', '4', '6', '9', '10'])
    await view.close()
  })

  test.for(['commit', 'abort'] as const)('a reader that waits at the stable offset is woken by the marker (%s), and until then asks no more often than something is written', async type => {
    const { writer, topic, look } = await openAt(place)
    const written = new Written(writer)
    const reading = topic.read({ follow: true })
    for (const offset of SHOWN.read_committed) expect((await reading.next()).value).toMatchObject({ offset })
    const next = reading.next()
    await look()

    const asked = vi.spyOn(PartitionCursor.prototype, 'next')
    onTestFinished(() => { asked.mockRestore() })
    for (let turn = 0; turn < 200; turn++) await nextTurn()
    expect(asked).not.toHaveBeenCalled()
    for (let value = 11; value < 31; value++) {
      written.plain(String(value))
      await look()
    }
    const ofTopic = asked.mock.contexts.filter(cursor => (cursor as PartitionCursor).segment?.directory.endsWith('orders-0'))
    expect(ofTopic.length).toBeLessThanOrEqual(2 * 20)
    written.end(type)
    await look()
    expect((await next).value).toMatchObject({ offset: type === 'commit' ? 9 : 10 })
    await reading.return!()
  })

  test.for([0, 1, 2, 3])(`of a random history over many segments, every read shows what was committed until then (seed ${SEED} + %i)`, async i => {
    const { writer, topic } = await openAt(place)
    const random = new SeededRandom(SEED + i)
    const history = new TransactionHistory(random, writer)
    for (let round = 0; round < 12; round++) {
      for (let step = 0; step < 12; step++) history.step()
      const partition = topic.partitions[0]!
      expect(partition.offsets()).toEqual({ start: 0, stable: history.stableOffset, end: writer.endOffset })
      const offset = random.below(history.stableOffset + 1)
      expect(await recordsOf(topic, { offset })).toEqual(history.committed(offset))
      expect(await recordsOf(topic, { offset: 0 }, 'read_uncommitted')).toEqual(history.all())
      const wanted = random.below(writer.endOffset)
      expect((await partition.get(wanted))?.value).toBe(history.committed(wanted).find(([at]) => at === wanted)?.[1])
    }
    expect(writer.segmentCount).toBeGreaterThan(5)
  })
})

async function recordsOf(topic: Topic<string, string>, from: { offset: number }, isolation: 'read_committed' | 'read_uncommitted' = 'read_committed'): Promise<[offset: number, value: string][]> {
  const records: [number, string][] = []
  for await (const { offset, value } of topic.read({ from, isolation, maxBufferedBytes: 1 })) records.push([offset, value!])
  return records
}

describe.for(ISOLATIONS)("a group's consumer under %s", isolation => {
  test('is handed what that shows, and goes on when a transaction ends', async () => {
    const { writer, topic, log } = await openAt('the process that writes')
    const written = new Written(writer)
    const consumer = await log.group('billing').join(topic, { from: 'earliest', isolation })
    const records = consumer[Symbol.asyncIterator]()
    for (const offset of SHOWN[isolation]) expect((await records.next()).value).toMatchObject({ offset })
    const next = records.next()
    written.end('abort')
    written.plain('12')
    if (isolation === 'read_committed') expect((await next).value).toMatchObject({ offset: 10 })
    const last = isolation === 'read_committed' ? records.next() : next
    expect((await last).value).toMatchObject({ offset: 12 })
    await consumer.close()
  })

  test('has nothing left where markers follow the last record that it handled', async () => {
    const { writer, topic, log } = await openAt('the process that writes')
    new Written(writer).end('abort')
    const handled: number[] = []
    const runner = await log.group('billing').run(topic, record => { handled.push(record.offset) }, { from: 'earliest', isolation })
    await log.idle()
    expect(handled).toEqual(isolation === 'read_committed' ? [0, 3, 4, 6, 10] : SHOWN[isolation])
    expect(await log.group('billing').lag()).toMatchObject([{ lag: 0, committed: 12 }])
    await runner.stop()
  })

  test("begins behind what it could read where it begins at 'latest'", async () => {
    const { writer, topic, log } = await openAt('the process that writes')
    const written = new Written(writer)
    const consumer = await log.group('billing').join(topic, { from: 'latest', isolation })
    written.end('commit')
    written.plain('12')
    expect((await consumer[Symbol.asyncIterator]().next()).value).toMatchObject({ offset: isolation === 'read_committed' ? 9 : 12 })
    await consumer.close()
  })
})

test("a group's positions in a transaction are seen by a process that follows once they are committed", async () => {
  const fs = new SimulatedFileSystem()
  const { log } = await openOn(fs, '/log')
  onTestFinished(() => log.close())
  const topic = await log.topic<string, string>('orders', { key: 'string', value: 'string' })
  await topic.send([{ value: 'a' }, { value: 'b' }])
  const consumer = await log.group('billing').join(topic, { from: 'earliest' })
  const records = consumer[Symbol.asyncIterator]()
  const followed = await followedOn(fs, new SteppedClock({ busy: () => fs.pendingJobs }))
  const committed = async () => [...await followed.group('billing').committed(topic.name)]
  const advance = async (outcome: 'commit' | 'abort') => {
    const record = (await records.next()).value!
    const transaction = log.transaction(async tx => {
      tx.advance(consumer, record)
      await tx.send(topic, { value: 'c' })
      expect(await committed()).toEqual(outcome === 'commit' ? [] : [[0, 1]])
      if (outcome === 'abort') throw new Error('aborts')
    })
    await transaction.catch((error: Error) => { expect(error.message).toBe('aborts') })
  }
  await advance('commit')
  expect(await committed()).toEqual([[0, 1]])
  await advance('abort')
  expect(await committed()).toEqual([[0, 1]])
  await consumer.close()
})
