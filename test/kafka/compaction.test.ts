// What compaction leaves is what Kafka's own cleaner leaves of the same records, round after round of the clock; and
// Kafka's dump tool, a broker and its consumer take our compacted partitions as they take their own.
// SEED=… repeats the histories of a run.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { TestClock } from '../../src/testing.ts'
import { batchesOf, cleanByKafka, cleanedOffsets, copyDirtySegments, type KafkaBatch, type KafkaRecord } from './support/kafka-cleaner.ts'
import { describeWithKafka, expectKafkaReads } from './support/kafka-here.ts'
import { keyedHistories } from './support/keyed-histories.ts'
import { consumeAll, giveToBroker, seekEach, withBroker, type Questions } from './support/kafka-serves.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const histories = keyedHistories(SEED)
const topics = histories.map(({ topic }) => topic)
const configs = Object.fromEntries(histories.map(({ topic, config }) => [topic, config]))
/** Between two rounds, and each round takes some hours: horizons of two hours pass by the second, of a day by the third. */
const pauseBetween = '6h'

const scratch = mkdtempSync(join(tmpdir(), 'compaction-'))
const ours = join(scratch, 'ours')
const kafkas = join(scratch, 'kafkas')
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

/** What is there after a cleaning, by ours or by Kafka. */
interface Cleaned {
  readonly batches: ReadonlyMap<string, readonly KafkaBatch[]>
  /** By topic. */
  readonly cleanedTo: ReadonlyMap<string, number>
}

interface Round {
  readonly now: number
  /** By topic, where it begins. */
  readonly starts: ReadonlyMap<string, number>
  readonly ours: Cleaned
  readonly kafkas: Cleaned
}

let rounds: readonly Round[]
let compacting: Promise<readonly Round[]> | undefined

/** Once for all, and not at all where Kafka is not to be had. */
function compactOnce(): void {
  beforeAll(async () => { rounds = await (compacting ??= compactRounds()) }, 300_000)
}

describeWithKafka(`Kafka's cleaner and ours leave the same of the same records (SEED=${SEED}):`, () => {
  compactOnce()

  test.each([1, 2, 3])('offset, timestamp, key, value and headers of each, in round %i', number => {
    for (const topic of topics) expect(differences(rounds[number - 1]!, topic), topic).toEqual({ onlyOurs: [], onlyKafkas: [] })
  })

  test('in batches with the same offsets, delete horizon, largest timestamp and epoch', () => {
    for (const { ours, kafkas } of rounds) for (const topic of topics.filter(name => name !== 'once-deleted')) {
      const kept = batchesWithRecords(ours, topic)
      expect(kept.map(headOf), topic).toEqual(batchesWithRecords(kafkas, topic).filter(({ lastOffset }) => lastOffset >= kept[0]!.baseOffset).map(headOf))
    }
  })

  test('up to the same offset', () => {
    for (const { ours, kafkas } of rounds) for (const topic of topics) expect(ours.cleanedTo.get(topic), topic).toBe(kafkas.cleanedTo.get(topic))
  })

  test('but for emptied batches: of ours there is one at the end of each segment that needs it, of theirs one at the end of all', () => {
    for (const { ours, kafkas } of rounds) for (const topic of topics) {
      const batches = ours.batches.get(topic)!
      batches.forEach(({ records, segment }, i) => { if (records.length === 0) expect(batches[i + 1]?.segment, topic).not.toBe(segment) })
      for (const { records, lastOffset } of kafkas.batches.get(topic)!) if (records.length === 0) expect(lastOffset + 1, topic).toBe(kafkas.cleanedTo.get(topic))
    }
  })

  test('but for records without a key, sent before the topic was compacted: Kafka drops them, we keep them', () => {
    const keyless = ({ batches }: Cleaned) => recordsIn(batches.get('once-deleted')!).filter(({ key }) => key === null)
    expect(keyless(rounds[0]!.kafkas)).toEqual([])
    expect(keyless(rounds[0]!.ours).length).toBeGreaterThan(100)
  })

  test('and there was something to decide: horizons that had passed and others, records that went and stayed, segments', () => {
    const tombstones = (round: Round, topic: string, horizon: (at: number) => boolean) =>
      recordsIn(round.ours.batches.get(topic)!.filter(batch => batch.deleteHorizonMs !== null && horizon(batch.deleteHorizonMs))).filter(({ key, value }) => key !== null && value === null).length
    const [first, second, third] = rounds as readonly [Round, Round, Round]
    for (const topic of ['codec-gzip', 'append-time', 'rarely-overwritten']) expect(tombstones(first, topic, at => at > first.now), topic).toBeGreaterThan(0)
    expect(tombstones(second, 'rarely-overwritten', at => at < second.now + 86_400_000)).toBeGreaterThan(0)
    for (const round of [second, third]) for (const topic of topics) expect(tombstones(round, topic, at => at < round.now), topic).toBe(0)
    for (const topic of ['codec-gzip', 'append-time', 'rarely-overwritten']) {
      expect(third.ours.batches.get(topic)!.some(({ baseOffset, lastOffset, records }) => records.length > 0 && records.length <= lastOffset - baseOffset), topic).toBe(true)
    }
    expect(new Set(third.ours.batches.get('rarely-overwritten')!.map(({ segment }) => segment)).size).toBeGreaterThan(5)
  })
})

describeWithKafka(`Of our compacted partitions (SEED=${SEED})`, () => {
  compactOnce()

  test("Kafka's dump tool finds segments and indexes sound, however deep it looks", async () => {
    const dumped = await expectKafkaReads(ours, { compacted: topics })
    for (const topic of topics) expect(dumped.get(`${topic}-0`)!.flatMap(({ batches }) => batches).map(({ baseOffset }) => baseOffset), topic).toEqual(rounds[2]!.ours.batches.get(topic)!.map(({ baseOffset }) => baseOffset))
  })

  test("Kafka's cleaner takes nothing more", async () => {
    const last = rounds[2]!
    const again = join(scratch, 'again')
    copyDirtySegments(ours, again, topics)
    await cleanByKafka(again, last.now - 1, configs) // at `now` the tombstones go that were to be kept for no time
    const [batches] = await batchesOf([again], topics)
    for (const topic of topics) expect(keyedRecords(batches!.get(topic)!, last.starts.get(topic)!), topic).toEqual(keyedRecords(last.ours.batches.get(topic)!, last.starts.get(topic)!))
  })

  test('we read what Kafka reads', async () => {
    const log = await open(ours, { readOnly: true })
    try {
      for (const topic of topics) {
        const offsets: number[] = []
        for await (const record of (await log.topic(topic)).read({ from: 'earliest' })) offsets.push(record.offset)
        expect(offsets, topic).toEqual(visibleRecords(rounds[2]!, topic).map(({ offset }) => offset))
      }
    } finally {
      await log.close()
    }
  })

  test("a broker serves every record to Kafka's consumer, from any offset and by timestamp", { timeout: 240_000 }, async () => {
    const last = rounds[2]!
    const questions = Object.fromEntries(topics.map(topic => [`${topic}-0`, questionsAbout(topic, last)]))
    expect(Object.values(questions).flatMap(({ timestamps }) => timestamps).length).toBeGreaterThan(50)
    const directory = join(scratch, 'broker')
    await withBroker(directory, bootstrap => consumeAll(bootstrap, topics))
    giveToBroker(ours, directory, topics.map(topic => `${topic}-0`))
    const { read, found } = await withBroker(directory, async bootstrap => ({ read: await consumeAll(bootstrap, topics), found: await seekEach(bootstrap, questions) }))
    for (const topic of topics) {
      const records = visibleRecords(last, topic)
      expect(read[`${topic}-0`]!.records.map(({ offset, timestamp, key, value, headers }) => ({ offset, timestamp, key, value, headers })), topic).toEqual(records)
      const { offsets, timestamps } = questions[`${topic}-0`]!
      expect(found[`${topic}-0`], topic).toEqual({
        offsets: offsets.map(asked => records.find(({ offset }) => offset >= asked)!.offset),
        timestamps: timestamps.map(asked => records.find(({ timestamp }) => timestamp >= asked)?.offset ?? null),
      })
    }
  })
})

// ---------------------------------------------------------------- the rounds

async function compactRounds(): Promise<Round[]> {
  const clock = new TestClock(new SteppedClock())
  const made: Omit<Round, 'ours' | 'kafkas'>[] = []
  for (let i = 0; i < 3; i++) {
    made.push(await runRound(clock))
    for (const [name, directory] of [['ours', ours], ['kafkas', kafkas]] as const) cpSync(directory, join(scratch, `round-${i}`, name), { recursive: true })
    await clock.advance(pauseBetween)
  }
  const directories = made.flatMap((_, i) => ['ours', 'kafkas'].map(name => join(scratch, `round-${i}`, name)))
  const [batches, cleanedTo] = [await batchesOf(directories, topics), directories.map(cleanedOffsets)]
  const cleaned = (i: number): Cleaned => ({ batches: batches[i]!, cleanedTo: cleanedTo[i]! })
  return made.map((round, i) => ({ ...round, ours: cleaned(2 * i), kafkas: cleaned(2 * i + 1) }))
}

/** Sends some more to every topic, and has both cleaners clean it. */
async function runRound(clock: TestClock): Promise<Omit<Round, 'ours' | 'kafkas'>> {
  const log = await open(ours, { clock, housekeeping: false })
  for (const history of histories) await history.write(log, clock)
  const starts = new Map(log.topics().map(({ name, partitions }) => [name, partitions[0]!.startOffset]))
  await log.close()
  copyDirtySegments(ours, kafkas, topics)
  await cleanByKafka(kafkas, clock.now(), configs)

  const again = await open(ours, { clock, housekeeping: false })
  const { failures } = await again.housekeep()
  await again.close()
  expect(failures).toEqual([])
  return { now: clock.now(), starts }
}

// ---------------------------------------------------------------- what was left

/** Records that one has and the other has not, or has otherwise. */
function differences({ starts, ours, kafkas }: Round, topic: string): { readonly onlyOurs: readonly string[], readonly onlyKafkas: readonly string[] } {
  const ofOurs = keyedRecords(ours.batches.get(topic)!, starts.get(topic)!)
  const ofKafkas = keyedRecords(kafkas.batches.get(topic)!, starts.get(topic)!)
  expect(ofKafkas.length, topic).toBeGreaterThan(0)
  const [inOurs, inKafkas] = [new Set(ofOurs), new Set(ofKafkas)]
  return { onlyOurs: ofOurs.filter(record => !inKafkas.has(record)), onlyKafkas: ofKafkas.filter(record => !inOurs.has(record)) }
}

/** What a reader may see: Kafka leaves files that hold deleted offsets alone. */
function keyedRecords(batches: readonly KafkaBatch[], start: number): string[] {
  return recordsIn(batches).filter(({ key, offset }) => key !== null && offset >= start).map(record => JSON.stringify(record))
}

function visibleRecords({ ours, starts }: Round, topic: string): KafkaRecord[] {
  return recordsIn(ours.batches.get(topic)!).filter(({ offset }) => offset >= starts.get(topic)!)
}

function recordsIn(batches: readonly KafkaBatch[]): KafkaRecord[] {
  return batches.flatMap(({ records }) => records)
}

function batchesWithRecords({ batches }: Cleaned, topic: string): KafkaBatch[] {
  return batches.get(topic)!.filter(({ records }) => records.length > 0)
}

/** The codec is not among it: with us a batch that is written anew takes the topic's, with Kafka it keeps its own. */
function headOf({ baseOffset, lastOffset, deleteHorizonMs, maxTimestamp, timestampType, leaderEpoch }: KafkaBatch) {
  return { baseOffset, lastOffset, deleteHorizonMs, maxTimestamp, timestampType, leaderEpoch }
}

/** Offsets and timestamps all over the partition, those of records and those between and around them. */
function questionsAbout(topic: string, round: Round): Questions {
  const records = visibleRecords(round, topic)
  const some = Array.from({ length: 10 }, (_, i) => records[Math.floor(i * (records.length - 1) / 9)]!)
  const lastOffset = records.at(-1)!.offset
  const latest = latestFound(topic, round)
  return {
    offsets: some.flatMap(({ offset }) => [offset, Math.min(offset + 1, lastOffset)]),
    timestamps: some.flatMap(({ timestamp }) => [timestamp - 1, timestamp, timestamp + 1]).filter(timestamp => timestamp <= latest),
  }
}

/**
 * Kafka looks for a timestamp in one segment, the first that claims to have one as late. It stops for nothing where that
 * is a segment without records (the file's own time is taken for theirs), and where deleted records were as late.
 */
function latestFound(topic: string, { ours, starts }: Round): number {
  if (starts.get(topic)! > 0) return -1
  const batches = ours.batches.get(topic)!
  const withRecords = new Set(batches.filter(({ records }) => records.length > 0).map(({ segment }) => segment))
  const bare = batches.find(({ segment }) => !withRecords.has(segment))?.segment ?? Infinity
  return Math.max(-1, ...recordsIn(batches.filter(({ segment }) => segment < bare)).map(({ timestamp }) => timestamp))
}
