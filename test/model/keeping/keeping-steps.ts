// Steps of a log at peace: sends, policies, time, rounds that are asked for, topics that come and go, and who reads.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { CODECS } from '../../../src/format/record-batch.ts'
import type { Partition, TopicOptions } from '../../../src/index.ts'
import type { KeepingBench } from './bench.ts'
import { beginByRetention, KeptTopic } from './kept-topic.ts'
import { plainKept } from './plain-kept.ts'
import { beginSend, drawnSend, type DrawnSend } from './sending.ts'
import { number, offsetNear, step, topicOf, type Step } from './step.ts'
import { Follower, HalfRead, WatchedView, type Watcher } from './watchers.ts'

export const GROUP = 'billing'
const NAMES = ['users', 'events'] as const
const DAY_MS = 86_400_000

type Policies = Pick<TopicOptions, 'cleanup' | 'segmentBytes' | 'segmentAge' | 'retention' | 'retentionBytes' | 'minDirtyRatio' | 'tombstoneRetention' | 'compactionLag' | 'compression' | 'retainUntilConsumedBy'>

const policies: fc.Arbitrary<Policies> = fc.record({
  cleanup: fc.constantFrom('delete', 'compact', 'compact', 'compact+delete'),
  segmentBytes: fc.constantFrom(1024, 2048, 16_384),
  segmentAge: fc.constantFrom('1m', '1h', '7d'),
  retention: fc.constantFrom(0, '1m', '2h', '3d', 'forever', 'forever'),
  retentionBytes: fc.constantFrom(1, 3000, 20_000, '1GiB', '1GiB'),
  minDirtyRatio: fc.constantFrom(0, 0.3, 0.5, 1),
  tombstoneRetention: fc.constantFrom(0, '1m', '1h', '24h'),
  compactionLag: fc.constantFrom({ min: 0, max: 'forever' }, { min: '1m', max: 'forever' }, { min: '2h', max: '1d' }, { min: 0, max: '1m' }),
  compression: fc.constantFrom(...CODECS),
  retainUntilConsumedBy: fc.constantFrom([], [], [GROUP]),
}, { requiredKeys: [] })

export async function createTopic(bench: KeepingBench, drawn: number, given: Policies): Promise<void> {
  const name = NAMES[drawn % NAMES.length]!
  if (bench.model.topics.has(name)) return
  const topic = await bench.during(bench.log.topic<string, string>(name, { value: 'string', segmentBytes: 1024, cleanup: 'compact', timestamps: name === 'events' ? 'append' : 'create', ...given }))
  bench.model.topics.set(name, new KeptTopic(name, topic.settings))
}

const create = step('create', fc.record({ topic: number, policies }), async (bench, { topic, policies }) => { await createTopic(bench, topic, policies) }, false)

const remove = step('delete', number, async (bench, drawn) => {
  const topic = topicOf(bench.model, drawn)
  for (const watcher of bench.watchers) if (watcher.topic === topic) await bench.during(drop(bench, watcher))
  bench.model.topics.delete(topic.name)
  await bench.during(Promise.all([bench.log.deleteTopic(topic.name), ...(drawn % 2 === 0 ? [bench.log.housekeep()] : [])]))
  takeRacedStarts(bench)
})

async function drop(bench: KeepingBench, watcher: Watcher): Promise<void> {
  bench.watchers.delete(watcher)
  await watcher.stop()
}

const send = step('send', drawnSend, async (bench, drawn) => {
  const { done, pending } = beginSend(bench, topicOf(bench.model, drawn.topic), drawn)
  await bench.during(done)
  assert.equal(pending.failure, undefined)
  takeStarts(bench)
})

const sendMany = step('send many', fc.record({ topic: number, count: fc.integer({ min: 20, max: 80 }), keys: fc.constantFrom(3, 30, 1000), bytes: fc.nat({ max: 150 }) }), async (bench, { topic, count, keys, bytes }) => {
  const records = Array.from({ length: count }, (_, i) => ({ key: i * 7 % keys, bytes: i % 13 === 5 ? null : bytes, age: undefined, header: false }))
  for (let i = 0; i < count; i += 5) await bench.during(beginSend(bench, topicOf(bench.model, topic), { topic, records: records.slice(i, i + 5), codec: i % 5, durability: 'process', together: i % 2 === 0 }).done)
  takeStarts(bench)
})

export async function alterTopic(bench: KeepingBench, topic: KeptTopic, given: Policies): Promise<void> {
  await bench.topic(topic).alter(given.compactionLag === undefined && given.segmentAge === undefined ? given : { ...given })
  const { settings } = bench.topic(topic)
  topic.noteLimit(bench.segments(topic), bench.now)
  topic.use(settings)
}

const alter = step('alter', fc.record({ topic: number, policies }), async (bench, { topic, policies }) => {
  await bench.during(alterTopic(bench, topicOf(bench.model, topic), policies))
})

/** Rounds come by themselves: what they delete at most, and at least, is known from before. */
const advance = step('advance', fc.constantFrom(1000, 30_000, 61_000, 3_700_000, DAY_MS, 3 * DAY_MS), async (bench, ms) => {
  const most = await begins(bench, ms)
  const least = ms > 61_000 ? await begins(bench, ms - 61_000) : undefined
  const before = new Map(bench.model.all.map(topic => [topic, topic.end]))
  await bench.during(bench.log.clock.advance(ms))
  if (ms >= 61_000) for (const [topic, end] of before) topic.durable = Math.max(topic.durable, end)
  for (const topic of bench.model.all) {
    const { start } = bench.topic(topic).partitions[0]!.offsets()
    const limit = topic.isCompacted ? undefined : most.get(topic) // compaction makes segments older, where records go, and younger, where they are merged
    assert(start <= Math.max(topic.start, limit ?? topic.end), `${topic.name} begins at ${start}, at most ${limit} was to go`)
    const sure = topic.isCompacted ? undefined : least?.get(topic)
    assert(sure === undefined || start >= sure, `${topic.name} begins at ${start}, all before ${sure} was to go`)
    topic.start = start
  }
})

/** Where each topic is to begin, if rounds came in that time. */
async function begins(bench: KeepingBench, inMs: number): Promise<Map<KeptTopic, number | undefined>> {
  const begins = new Map<KeptTopic, number | undefined>()
  for (const topic of bench.model.all) {
    const keepFrom = await consumedBelow(bench, topic)
    begins.set(topic, topic.isDeleted ? beginByRetention(bench.segments(topic), topic.settings, { now: bench.now + inMs, keepFrom, rolls: topic.isCompacted && inMs === 0 }) : 0)
  }
  return begins
}

async function consumedBelow(bench: KeepingBench, topic: KeptTopic): Promise<number> {
  if (topic.settings.retainUntilConsumedBy.length === 0) return Infinity
  return (await bench.log.group(GROUP).committed(topic.name)).get(0) ?? 0
}

/** What retention did beside other things. */
export function takeStarts(bench: KeepingBench): void {
  for (const topic of bench.model.all) {
    const { start } = bench.topic(topic).partitions[0]!.offsets()
    if (topic.isDeleted) topic.start = Math.max(topic.start, start)
  }
}

const housekeep = step('housekeep', fc.integer({ min: 1, max: 3 }), async (bench, times) => {
  const expected = await begins(bench, 0)
  const ends = bench.compactionEnds()
  const [report] = await bench.during(Promise.all(Array.from({ length: times }, () => bench.log.housekeep())))
  assert.deepEqual(report!.failures, [])
  for (const [topic, begin] of expected) {
    const { start } = bench.topic(topic).partitions[0]!.offsets()
    if (begin !== undefined && times === 1) assert.equal(start, Math.max(topic.start, begin), `where ${topic.name} begins`)
    assert(topic.isDeleted || start === topic.start, `${topic.name} is not to be deleted from`)
    topic.start = start
    topic.durable = topic.end
  }
  await bench.noteCompacted(ends)
}, false)

interface Race { readonly sends: readonly DrawnSend[]; readonly truncate: number | undefined; readonly alter: Policies | undefined; readonly remove: boolean; readonly rounds: number; readonly commit: number | undefined; readonly turns: number }

const race = step('race', fc.record({
  sends: fc.array(drawnSend, { maxLength: 4 }), truncate: fc.option(number, { nil: undefined, freq: 2 }), alter: fc.option(policies, { nil: undefined, freq: 2 }),
  remove: fc.constantFrom(false, false, false, true), rounds: fc.integer({ min: 1, max: 3 }), commit: fc.option(number, { nil: undefined, freq: 2 }), turns: fc.nat({ max: 60 }),
}) as fc.Arbitrary<Race>, async (bench, { sends, truncate, alter, remove, rounds, commit, turns }) => {
  const target = topicOf(bench.model, truncate ?? 0)
  const { settings: settingsBefore } = target
  const work: Promise<unknown>[] = Array.from({ length: rounds }, () => bench.log.housekeep())
  for (const drawn of sends) work.push(beginSend(bench, topicOf(bench.model, drawn.topic), { ...drawn, records: drawn.records.map(record => ({ ...record, key: record.key ?? 1 })) }).done)
  for (let turn = 0; turn < turns; turn++) await new Promise<void>(resolve => { setImmediate(resolve) })
  if (commit !== undefined) work.push(bench.log.group(GROUP).reset(target.name, { offset: bench.topic(target).partitions[0]!.startOffset }).catch(() => undefined))
  const offset = truncate === undefined ? 0 : offsetNear(target, truncate)
  if (truncate !== undefined) work.push(bench.topic(target).partitions[0]!.truncateBefore(offset))
  if (alter !== undefined) work.push(alterTopic(bench, target, alter))
  await bench.during(Promise.all(work))
  target.noteLimit(bench.segments(target), bench.now, settingsBefore)
  if (truncate !== undefined) target.start = Math.max(target.start, offset)
  takeRacedStarts(bench)
  if (!remove) return
  for (const watcher of bench.watchers) if (watcher.topic === target) await bench.during(drop(bench, watcher))
  const { settings } = target
  bench.model.topics.delete(target.name)
  const round = bench.log.housekeep()
  for (let turn = 0; turn < turns; turn++) await new Promise<void>(resolve => { setImmediate(resolve) })
  await bench.during(Promise.all([round, bench.log.deleteTopic(target.name)]))
  takeRacedStarts(bench)
  await createTopic(bench, NAMES.indexOf(target.name as typeof NAMES[number]), { cleanup: settings.cleanup })
})

/** A policy may have been altered in the middle: it may have deleted before, or after. */
export function takeRacedStarts(bench: KeepingBench): void {
  for (const topic of bench.model.all) topic.start = Math.max(topic.start, bench.topic(topic).partitions[0]!.offsets().start)
}

const truncateBefore = step('truncateBefore', fc.record({ topic: number, offset: number }), async (bench, drawn) => {
  const topic = topicOf(bench.model, drawn.topic)
  const offset = offsetNear(topic, drawn.offset)
  await bench.during(bench.topic(topic).partitions[0]!.truncateBefore(offset))
  topic.start = Math.max(topic.start, offset)
})

const commit = step('commit', fc.record({ topic: number, offset: number }), async (bench, drawn) => {
  const topic = topicOf(bench.model, drawn.topic)
  const offset = offsetNear(topic, drawn.offset)
  await bench.during(bench.log.group(GROUP).reset(topic.name, { offset }))
  assert.equal((await bench.log.group(GROUP).committed(topic.name)).get(0), offset)
})

const watch = step('watch', fc.record({ topic: number, kind: fc.constantFrom('follow', 'tail', 'consume', 'half', 'view'), stop: fc.boolean() }), async (bench, { topic: drawn, kind, stop }) => {
  const topic = topicOf(bench.model, drawn)
  if (bench.watchers.size > 5 || (stop && bench.watchers.size > 0)) return await bench.during(drop(bench, [...bench.watchers][drawn % bench.watchers.size]!))
  const handle = bench.topic(topic)
  switch (kind) {
    case 'half': bench.watchers.add(new HalfRead(topic, handle.read())); break
    case 'view': bench.watchers.add(new WatchedView(topic, await bench.during(handle.view()), await bench.stored(topic))); break
    case 'consume': {
      const consumer = await bench.during(bench.log.group(`readers ${bench.model.nextNumber++}`).join(topic.name, { from: 'earliest', onMissing: 'earliest' }))
      bench.watchers.add(new Follower('a consumer', topic, consumer, topic.start, () => consumer.close({ leave: true })))
      break
    }
    default: {
      const iterator = handle.read({ from: kind === 'follow' ? 'earliest' : 'latest', follow: true })
      bench.watchers.add(new Follower('a follower', topic, iterator, kind === 'follow' ? topic.start : topic.end, () => iterator.return!()))
    }
  }
})

const readOn = step('read on', fc.integer({ min: 1, max: 40 }), async (bench, count) => {
  for (const watcher of bench.watchers) if (watcher instanceof HalfRead) await bench.during(watcher.take(count))
})

const lookUp = step('look up', fc.record({ topic: number, offset: number, maxBytes: fc.constantFrom(1, 500, '1MiB'), time: number }), async (bench, drawn) => {
  const topic = topicOf(bench.model, drawn.topic)
  const partition = bench.topic(topic).partitions[0]! as unknown as Partition
  const stored = [...await bench.stored(topic)].sort((a, b) => a - b)
  const offset = offsetNear(topic, drawn.offset)
  const record = await partition.get(offset)
  assert.equal(record?.offset, stored.includes(offset) ? offset : undefined, `get(${offset})`)
  const fetched = (await partition.fetch({ from: offset, maxBytes: drawn.maxBytes })).flatMap(batch => [...batch]).filter(record => record.offset >= offset)
  const expected = stored.filter(at => at >= offset)
  assert.deepEqual(fetched.map(record => record.offset), expected.slice(0, fetched.length), `fetch from ${offset}`)
  for (const record of fetched) assert.equal(plainKept(record).number, topic.records.get(record.offset)!.number)
  const times = stored.map(at => topic.records.get(at)!.timestamp)
  const time = times.length === 0 ? drawn.time : times[drawn.time % times.length]! + drawn.offset % 3 - 1
  const first = stored.find((_, i) => times[i]! >= time)
  const found = await partition.offsetAt(time)
  assert.equal(found, first ?? topic.end, `offsetAt(${time})`)
})

export const keepingSteps: readonly fc.Arbitrary<Step>[] = [create, remove, send, send, send, sendMany, sendMany, alter, alter, advance, advance, housekeep, housekeep, housekeep, race, race, truncateBefore, commit, watch, watch, readOn, lookUp, lookUp]
