// Segments that a real broker wrote, read by us record for record: written by three clients with every codec, by
// LogAppendTime, with timestamps in no order, in transactions, after the cleaner, after deleted records, after a kill.
// A read shows what Kafka's own consumer was shown under the same isolation, and ends where that did.
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open, type EventLog, type Isolation, type LogRecord, type OpenOptions, type Topic } from '../../src/index.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { plainFiles } from '../../src/platform/storage-choice.ts'
import { SegmentIndex } from '../../src/storage/segment-index.ts'
import { segmentsCases, segmentsDirectory, storedAs, type ExpectedPartition, type ExpectedRecord, type SegmentsCase } from '../kafka/support/kafka-segments.ts'
import { adoptSegments, leaveAs, topicOf, type Left } from './support/adopt-segments.ts'

type Bytes = Uint8Array<ArrayBufferLike>
type BytesTopic = Topic<Bytes, Bytes>

describe.each(segmentsCases().map(each => [each.name, each] as const))('What a broker left in the case %s', (_name, segments) => {
  test.each<Left>(['closed', 'killed', 'powered off'])('is read record for record when the directory was %s', async left => {
    const { log, complaints } = await opened(await adopt(segments, left))
    for (const [folder, expected] of Object.entries(segments.partitions)) await expectToRead(await topicIn(log, folder), onceOpened(folder, expected))
    expect(complaints).toEqual([])
  })

  test.each<Left>(['killed', 'powered off'])('is read record for record when the directory was %s, and what was known of producers is gone', async left => {
    const directory = await adopt(segments, left)
    for (const file of filesOf(directory).keys()) if (/\.(snapshot|txnindex)$/.test(file)) rmSync(file)
    const following = await opened(directory, { readOnly: true })
    for (const [folder, expected] of Object.entries(segments.partitions)) await expectToRead(await topicIn(following.log, folder), expected)
    const { log, complaints } = await opened(directory)
    for (const [folder, expected] of Object.entries(segments.partitions)) await expectToRead(await topicIn(log, folder), onceOpened(folder, expected))
    expect([...following.complaints, ...complaints]).toEqual([])
  })

  test.each<Left>(['closed', 'killed', 'powered off'])('is read record for record by a read-only open of a directory that was %s, which changes nothing', async left => {
    const directory = await adopt(segments, left)
    const before = filesOf(directory)
    const { log, complaints } = await opened(directory, { readOnly: true })
    for (const [folder, expected] of Object.entries(segments.partitions)) await expectToRead(await topicIn(log, folder), expected)
    expect(complaints).toEqual([])
    await log.close()
    expect(filesOf(directory)).toEqual(before)
  })

  test.each<Left>(['closed', 'killed', 'powered off'])('can be written on when the directory was %s, and is whole after the next opening', async left => {
    const directory = await adopt(segments, left)
    const { log } = await opened(directory)
    for (const folder of Object.keys(segments.partitions)) await (await topicIn(log, folder)).send(ours)
    await log.close()

    const again = await opened(directory)
    for (const [folder, left] of Object.entries(segments.partitions)) {
      const expected = onceOpened(folder, left)
      const topic = await topicIn(again.log, folder)
      const records = await recordsOf(topic)
      expectSame(records.slice(0, -1), committedOf(expected))
      expectSame((await recordsOf(topic, 'read_uncommitted')).slice(0, -1), expected.records)
      expect(records.at(-1)).toMatchObject({ offset: expected.endOffset, timestamp: ours.timestamp })
      expect(Buffer.from(records.at(-1)!.value!).toString()).toBe('ours')
    }
    expect(again.complaints).toEqual([])
  })
})

test.each<Left>(['closed', 'killed', 'powered off'])('Without a start offset, which a broker keeps only where it lies inside a segment, a partition begins with its first segment, and that is told: %s', async left => {
  const segments = segmentsCases().find(({ name }) => name === 'deleted-records')!
  const directory = await adopt(segments, left)
  rmSync(join(directory, 'log-start-offset-checkpoint'))
  const { log, complaints } = await opened(directory)
  const topic = await topicIn(log, 'deleted-records-0')
  expect(topic.partitions[0]!.offsets()).toEqual({ start: 60, stable: 120, end: 120 })
  expect((await recordsOf(topic)).map(record => record.offset)).toEqual(Array.from({ length: 60 }, (_, i) => 60 + i))
  await expect(topic.read({ from: { offset: 59 } }).next()).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  expect(complaints).toEqual([expect.objectContaining({ error: expect.objectContaining({ code: 'OFFSETS_MISSING', details: { partition: 'deleted-records-0', from: 0, to: 60 } }) as unknown })])
})

test('Indexes of 10 MiB, as a broker makes them, are read, take no more memory than their entries, and are cut when they are written', () => {
  const directory = temporaryDirectory()
  const base = join(directory, '00000000000000000040')
  for (const suffix of ['.log', '.index', '.timeindex']) cpSync(join(segmentsDirectory, 'unclean', 'unclean-0', `00000000000000000040${suffix}`), base + suffix)
  for (const suffix of ['.index', '.timeindex']) truncateSync(base + suffix, 10 * 1024 * 1024)

  const index = new SegmentIndex(plainFiles('as a test wants it'), directory, 40)
  index.load(statSync(`${base}.log`).size)
  expect(index.lastEntry()).toEqual({ lastOffset: 51, position: 415 })
  expect(index.bytes).toBe(5 * 8 + 5 * 12)
  index.flush()
  expect([statSync(`${base}.index`).size, statSync(`${base}.timeindex`).size]).toEqual([5 * 8, 5 * 12])
})

const ours = { key: Buffer.from('k'), value: Buffer.from('ours'), timestamp: 1_750_000_000_000 }

// ---------------------------------------------------------------- what is expected of a topic

async function expectToRead(topic: BytesTopic, expected: ExpectedPartition): Promise<void> {
  const partition = topic.partitions[0]!
  expect(partition.offsets()).toEqual({ start: expected.startOffset, stable: expected.stableOffset, end: expected.endOffset })
  expectSame(await recordsOf(topic), committedOf(expected))
  expectSame(await recordsOf(topic, 'read_uncommitted'), expected.records)
  await expectEveryOffset(topic, expected)
  await expectTimes(topic, expected)
}

/** Opening to write aborts what nobody is there to end. Then so many records are committed, those behind the stable offset among them. */
const committedOnceAborted: Readonly<Record<string, readonly number[]>> = { 'open-transaction-0': [0, 3] }

function onceOpened(folder: string, left: ExpectedPartition): ExpectedPartition {
  if (left.stableOffset === left.endOffset) return left
  const endOffset = left.endOffset + 1
  return { ...left, endOffset, stableOffset: endOffset, committedOffsets: committedOnceAborted[folder]! }
}

function committedOf({ committedOffsets, records }: ExpectedPartition): ExpectedRecord[] {
  const committed = new Set(committedOffsets)
  return records.filter(({ offset }) => committed.has(offset))
}

function expectSame(records: readonly LogRecord<Bytes, Bytes>[], expected: readonly ExpectedRecord[]): void {
  expect(records.map(record => record.offset)).toEqual(expected.map(record => record.offset))
  expect(records.map((record, i) => inFormOf(expected[i]!, record))).toEqual(expected.map(contentOf))
}

/** get, and a read from there, whether a record is there, or compaction took it, it was aborted, its transaction is open, or it is a marker. */
async function expectEveryOffset(topic: BytesTopic, partitionExpected: ExpectedPartition): Promise<void> {
  const { startOffset, endOffset, records } = partitionExpected
  const partition = topic.partitions[0]!
  const committed = committedOf(partitionExpected)
  const byOffset = new Map(committed.map(record => [record.offset, record]))
  for (let offset = startOffset; offset < endOffset; offset++) {
    const expected = byOffset.get(offset)
    const record = await partition.get(offset)
    if (expected === undefined) expect(record, `offset ${offset}`).toBeUndefined()
    else expect(inFormOf(expected, record!)).toEqual(contentOf(expected))
    for (const [isolation, shown] of [['read_committed', committed], ['read_uncommitted', records]] as const) {
      const next = shown.find(other => other.offset >= offset)?.offset
      expect((await topic.read({ from: { offset }, isolation }).next()).value?.offset).toBe(next)
      expect(await firstFetched(partition, offset, isolation)).toBe(next)
    }
  }
  for (const offset of [startOffset - 1, endOffset]) if (offset >= 0) expect(await partition.get(offset)).toBeUndefined()
}

/** Compaction leaves batches without records. */
async function firstFetched(partition: BytesTopic['partitions'][number], offset: number, isolation: Isolation): Promise<number | undefined> {
  for (let from = offset; ;) {
    const batches = await partition.fetch({ from, isolation })
    const [record] = batches.flatMap(batch => [...batch])
    if (record !== undefined || batches.length === 0) return record?.offset
    from = batches.at(-1)!.lastOffset + 1
  }
}

/** The first offset whose record is as late; by the broker's order, not by time. */
async function expectTimes(topic: BytesTopic, { endOffset, records }: ExpectedPartition): Promise<void> {
  for (const time of new Set(records.flatMap(({ timestamp }) => [timestamp, timestamp + 1]))) {
    const first = records.find(record => record.timestamp >= time)?.offset ?? endOffset
    expect(await topic.partitions[0]!.offsetAt(time), `time ${time}`).toBe(first)
  }
}

function contentOf({ offset, timestamp, key, value, headers }: ExpectedRecord) {
  return { offset, timestamp, key, value, headers }
}

function inFormOf(expected: ExpectedRecord, { offset, timestamp, key, value, headers }: LogRecord<Bytes, Bytes>) {
  const base64 = (bytes: Bytes | null) => bytes === null ? null : Buffer.from(bytes).toString('base64')
  return { offset, timestamp, key: storedAs(expected.key, key), value: storedAs(expected.value, value), headers: [...headers].map(([name, bytes]) => [name, base64(bytes)]) }
}

// ---------------------------------------------------------------- support

async function adopt({ name, partitions }: SegmentsCase, left: Left): Promise<string> {
  const directory = temporaryDirectory()
  await adoptSegments(directory, name, Object.keys(partitions))
  leaveAs(left, directory)
  return directory
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'kafka-segments-'))
  onTestFinished(() => { rmSync(directory, { recursive: true, force: true }) })
  return directory
}

/** With every error, warning and recovery that it tells of. */
async function opened(directory: string, options?: OpenOptions) {
  const log = await open(directory, options)
  onTestFinished(() => log.close())
  const complaints: unknown[] = []
  for (const event of ['error', 'warning', 'recovered'] as const) log.on(event, complaint => { complaints.push(complaint) })
  await nextTurn() // what happened while it opened is told then
  return { log, complaints }
}

async function topicIn(log: EventLog, folder: string): Promise<BytesTopic> {
  return await log.topic<Bytes, Bytes>(topicOf(folder), { key: 'bytes', value: 'bytes' })
}

async function recordsOf(topic: BytesTopic, isolation: Isolation = 'read_committed'): Promise<LogRecord<Bytes, Bytes>[]> {
  const records: LogRecord<Bytes, Bytes>[] = []
  for await (const record of topic.read({ isolation })) records.push(record)
  return records
}

/** Every file below the directory, by its hash. */
function filesOf(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return new Map(files.sort().map(file => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]))
}
