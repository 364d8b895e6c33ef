// Kafka reads what we write. Its dump tool goes through every kind of segment, of a log that was closed and of a copy
// of one that is open, and finds each record that was sent; a broker takes our partitions for its own, and Kafka's
// consumer reads them back byte for byte (the tool prints text, and of headers the names alone).
import { appendFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dumpLog, dumpLogFaults } from '../../tools/kafka/kafka.mjs'
import { OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES, entryPosition, timeEntryTimestamp } from '../../src/format/index-entries.ts'
import { CODECS, leaderEpoch } from '../../src/format/record-batch.ts'
import { open } from '../../src/index.ts'
import { adoptSegments, leaveAs, topicOf } from '../interop/support/adopt-segments.ts'
import buildDist from '../support/build-dist.ts'
import { describeWithKafka, expectKafkaReads } from './support/kafka-here.ts'
import { consumeAll, giveToBroker, withBroker } from './support/kafka-serves.ts'
import { segmentsCases, type ExpectedPartition, type SegmentsCase } from './support/kafka-segments.ts'
import { OurLog, writeEveryKind, type SentRecord } from './support/our-log.ts'
import type { DumpResult, DumpedFile, DumpedRecord } from '../../tools/kafka/dump-log.mjs'

const scratch = mkdtempSync(join(tmpdir(), 'our-segments-'))
const closed = join(scratch, 'closed')
const live = join(scratch, 'live')
/** As in Kafka: a batch gets an entry when it begins further than that behind the last one that has one. */
const indexIntervalBytes = 4096
let sent: ReadonlyMap<string, readonly SentRecord[]>
let startOffsets: ReadonlyMap<string, number>
/** What had been sent when the live log was copied. */
let sentBefore: ReadonlyMap<string, readonly SentRecord[]>

let closedRead: ReturnType<typeof expectKafkaReads> | undefined
const readClosed = () => closedRead ??= expectKafkaReads(closed)

afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

let written: Promise<void> | undefined

/** Once for all, and not at all where Kafka is not to be had. */
function writeOnce(): void {
  beforeAll(() => written ??= write())
}

async function write(): Promise<void> {
  buildDist()
  const ours = await OurLog.afterKill(closed)
  await writeEveryKind(ours)
  sentBefore = new Map([...ours.sent].map(([folder, records]) => [folder, [...records]]))
  const topics = await Promise.all(ours.log.topics().map(({ name }) => ours.topic(name)))
  const underWay = topics.map(topic => ours.send(topic, { key: Buffer.from('late'), value: Buffer.from('sent, and not stored yet') }))
  ours.copyTo(live)
  await Promise.all(underWay)
  await ours.log.close()
  ;({ sent, startOffsets } = ours)
}

describeWithKafka("Kafka's dump tool, iterating deeply, finds what was sent and no fault", () => {
  writeOnce()

  test('in every kind of segment, after close', async () => {
    expectSent(await readClosed(), sent)
  })

  test('in a copy of the log while it was open, its active segments cut at their ends', async () => {
    expectSent(await expectKafkaReads(live), sentBefore)
  })

  test('in the catalog of topics: creations, alterations and deletions', async () => {
    const records = recordsOf((await readClosed()).get('__topics-0')!)
    const partitionsOf = (topic: string) => records.filter(record => record.key === topic).map(({ value }) => value === null ? null : (JSON.parse(value) as { settings: { partitions: number } }).settings.partitions)
    expect(new Set(records.map(record => record.key))).toEqual(new Set([...sent.keys(), 'deleted-0'].map(folder => folder.replace(/-\d+$/, ''))))
    expect(partitionsOf('partitioned')).toEqual([2, 3])
    expect(partitionsOf('deleted')).toEqual([1, null])
  })

  test('in what a broker wrote and we wrote on, after a kill', async () => {
    const directory = join(scratch, 'adopted')
    for (const segmentsCase of segmentsCases()) await writeOn(segmentsCase, directory)
    await expectKafkaReads(directory, { compacted: ['compacted.compacted', 'internal.kafka-consumer_offsets', 'internal.kafka-transaction_state'] })
  })

  test('with indexes that reach the end of their segments, time indexes with the largest timestamp last', async () => {
    for (const { file, batches } of [...(await readClosed()).values()].flat()) {
      const offsets = readFileSync(file.replace(/\.log$/, '.index'))
      const times = readFileSync(file.replace(/\.log$/, '.timeindex'))
      const lastIndexed = offsets.length === 0 ? 0 : entryPosition(offsets, offsets.length / OFFSET_ENTRY_BYTES - 1)
      expect((batches.at(-1)?.position ?? 0) - lastIndexed, file).toBeLessThanOrEqual(indexIntervalBytes)
      const largest = Math.max(-1, ...batches.flatMap(batch => batch.records.map(record => record.timestamp)))
      expect(times.length === 0 ? -1 : timeEntryTimestamp(times, times.length / TIME_ENTRY_BYTES - 1), file).toBe(largest)
    }
  })

  test('and what was written is of every kind', async () => {
    const segments = new Map([...await readClosed()].map(([folder, files]) => [folder, files.map(file => file.batches)]))
    for (const codec of CODECS) {
      const own = segments.get(`codec-${codec}-0`)!
      // A batch that compression does not shrink is stored as it is.
      expect(new Set(own.flat().filter(batch => batch.records.length > 3).map(batch => batch.codec))).toEqual(new Set([codec]))
      expect(segments.get('mixed-codecs-0')!.flat().map(batch => batch.codec)).toContain(codec)
      expect(own.length).toBeGreaterThan(1)
      const counts = own.flat().map(batch => batch.records.length)
      expect([Math.min(...counts), Math.max(...counts)]).toEqual([1, 400])
    }
    for (const topic of ['append-time', 'packed-append-time', 'out-of-order', 'rolled-by-age', 'truncated', 'killed']) expect(segments.get(`${topic}-0`)!.length, topic).toBeGreaterThan(2)
    for (const topic of ['codec-none', 'codec-gzip', 'mixed-codecs']) expect(largestIndex(`${topic}-0`), topic).toBeGreaterThan(0)
    expect(new Set(epochsOf('killed-0'))).toEqual(new Set([0, 1]))
  })
})

describeWithKafka('A fault planted in what we wrote is reported:', () => {
  writeOnce()

  test('one zero byte behind the last batch, told on standard output alone, the tool ending with status 0', async () => {
    const { contents } = await dumpPlanted('.log', file => { appendFileSync(file, Buffer.alloc(1)) })
    expect(contents).toMatchObject({ status: 0, stderr: '' })
    expect(contents.stdout).toContain('Found 1 invalid bytes at the end of')
  })

  test('64 zero bytes behind the last batch, told as an exception', async () => {
    const { contents } = await dumpPlanted('.log', file => { appendFileSync(file, Buffer.alloc(64)) })
    expect(contents.stderr).toContain('CorruptRecordException')
  })

  test.each([['with the offset of another batch', 3], ['that points between two batches', 7]])('an offset index entry %s', async (_entry, position) => {
    const { contents } = await dumpPlanted('.index', file => { flip(file, position) })
    expect(contents).toMatchObject({ status: 0 })
    expect(contents.stderr).toContain('Mismatches in :')
  })

  test('a time index entry with another timestamp', async () => {
    const { contents } = await dumpPlanted('.timeindex', file => { flip(file, 7) })
    expect(contents).toMatchObject({ status: 0 })
    expect(contents.stderr).toContain('Found timestamp mismatch in :')
  })
})

describeWithKafka('A broker', () => {
  writeOnce()

  test("serves our partitions as its own, and Kafka's consumer reads them back byte for byte", { timeout: 240_000 }, async () => {
    const directory = join(scratch, 'broker')
    const folders = [...sent.keys()].filter(folder => folder.endsWith('-0'))
    const topics = folders.map(folder => folder.replace(/-0$/, ''))
    await withBroker(directory, bootstrap => consumeAll(bootstrap, topics))
    giveToBroker(closed, directory, folders)

    const read = await withBroker(directory, bootstrap => consumeAll(bootstrap, topics))
    for (const folder of folders) expectConsumed(read[folder]!, folder)
    // What it did not like when it loaded them, or made anew.
    const loading = readFileSync(join(directory, 'server.log'), 'utf8').split('\n').filter(line => folders.some(folder => line.includes(`[LogLoader partition=${folder},`)))
    expect(loading.length).toBeGreaterThan(0)
    expect(loading.filter(line => /\] (?:WARN|ERROR) |Recovering unflushed/.test(line))).toEqual([])
  })
})

// ---------------------------------------------------------------- what the dump tool has to find

function expectSent(dumped: ReadonlyMap<string, readonly DumpedFile[]>, expected: ReadonlyMap<string, readonly SentRecord[]>): void {
  expect([...dumped.keys()].filter(folder => folder !== '__topics-0').sort()).toEqual([...expected.keys()].sort())
  for (const [folder, records] of expected) {
    const found = recordsOf(dumped.get(folder)!).filter(record => record.offset >= (startOffsets.get(folder) ?? 0))
    expect(found.map(asText), folder).toEqual(records.map(record => asText({ ...record, ...textsOf(record) })))
  }
}

function recordsOf(files: readonly DumpedFile[]): DumpedRecord[] {
  return files.flatMap(file => file.batches.flatMap(batch => batch.records))
}

/** Bytes that are no UTF-8 are printed as replacement characters, more or fewer: what is compared is that there are some. */
function asText({ offset, timestamp, timestampType, headerKeys, key, value }: Omit<DumpedRecord, 'sequence' | 'marker' | 'coordinatorEpoch'>) {
  const comparable = (text: string | null) => text?.includes('\uFFFD') === true ? 'not UTF-8' : text
  return { offset, timestamp, timestampType, headerKeys, key: comparable(key), value: comparable(value) }
}

function textsOf({ key, value, headers }: SentRecord) {
  const text = (bytes: Uint8Array | null) => bytes === null ? null : Buffer.from(bytes).toString()
  return { headerKeys: headers.map(([name]) => name).join(), key: text(key), value: text(value) }
}

function largestIndex(folder: string): number {
  return Math.max(...filesOf(join(closed, folder), '.index').map(file => statSync(file).size))
}

/** Of the first batch of each segment. */
function epochsOf(folder: string): number[] {
  return filesOf(join(closed, folder), '.log').map(file => readFileSync(file)).filter(bytes => bytes.length > 0).map(bytes => leaderEpoch(bytes, 0))
}

/** Opens a broker's partitions as after a kill, sends a record to each, and leaves them as <case>.<topic>-0. */
async function writeOn({ name, partitions }: SegmentsCase, target: string): Promise<void> {
  const directory = mkdtempSync(join(scratch, 'adopting-'))
  await adoptSegments(directory, name, Object.keys(partitions))
  leaveAs('killed', directory)
  const log = await open(directory)
  for (const topic of log.topics()) await topic.send({ key: Buffer.from('k'), value: Buffer.from('ours') })
  await log.close()
  for (const folder of Object.keys(partitions)) cpSync(join(directory, `${topicOf(folder)}-0`), join(target, `${name}.${topicOf(folder)}-0`), { recursive: true })
}

// ---------------------------------------------------------------- planted faults

/** What the tool says of a copy of a segment with many index entries, one of its files changed. */
async function dumpPlanted(suffix: string, plant: (file: string) => void): Promise<DumpResult> {
  const copy = join(mkdtempSync(join(scratch, 'planted-')), 'mixed-codecs-0')
  cpSync(join(closed, 'mixed-codecs-0'), copy, { recursive: true })
  const [first] = filesOf(copy, '.log').map(file => file.slice(0, -'.log'.length))
  plant(first + suffix)
  const result = await dumpLog(['.log', '.index', '.timeindex'].map(kind => first + kind))
  expect(dumpLogFaults(result)).not.toEqual([])
  return result
}

function flip(file: string, position: number): void {
  const bytes = readFileSync(file)
  bytes[position]! ^= 1
  writeFileSync(file, bytes)
}

// ---------------------------------------------------------------- the broker

function expectConsumed(read: ExpectedPartition, folder: string): void {
  const base64 = (bytes: Uint8Array | null) => bytes === null ? null : Buffer.from(bytes).toString('base64')
  const records = sent.get(folder)!
  const start = startOffsets.get(folder) ?? 0
  expect({ start: read.startOffset, stable: read.stableOffset, end: read.endOffset }, folder).toEqual({ start, stable: start + records.length, end: start + records.length })
  expect(read.records.map(({ leaderEpoch: _, ...record }) => record), folder).toEqual(records.map(({ key, value, headers, ...record }) => (
    { ...record, key: base64(key), value: base64(value), headers: headers.map(([name, bytes]) => [name, base64(bytes)]) })))
}

function filesOf(folder: string, suffix: string): string[] {
  return readdirSync(folder).filter(name => name.endsWith(suffix)).sort().map(name => join(folder, name))
}
