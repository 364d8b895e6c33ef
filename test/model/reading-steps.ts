// Steps that read: ranges by every kind of position, single records, fetches, times.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { OutOfRangeError, type Position, type RecordBatch, type Topic } from '../../src/index.ts'
import type { ModelPartition, ModelRecord, ModelTopic } from './model-log.ts'
import { plainRecord } from './plain-record.ts'
import { anyTopic, number, offsetNear, pick, step, topicOf, type Step } from './step.ts'

type Place = { readonly kind: 'earliest' | 'latest' | 'offset' | 'timestamp' | 'date' | 'map'; readonly drawn: number }

const place: fc.Arbitrary<Place> = fc.record({ kind: fc.constantFrom('earliest', 'latest', 'offset', 'timestamp', 'date', 'map'), drawn: number })

function timeNear({ partitions }: ModelTopic, drawn: number): number {
  const times = partitions.flatMap(({ records }) => records.map(({ timestamp }) => timestamp))
  return times.length === 0 ? drawn : pick(times, drawn) + drawn % 3 - 1
}

function position(topic: ModelTopic, { kind, drawn }: Place): Position {
  switch (kind) {
    case 'earliest':
    case 'latest': return kind
    case 'offset': return { offset: offsetNear(pick(topic.partitions, drawn), drawn) }
    case 'timestamp': return { timestamp: timeNear(topic, drawn) }
    case 'date': return new Date(timeNear(topic, drawn))
    case 'map': return new Map(topic.partitions.flatMap((partition, i) => (drawn >> i) % 3 === 0 ? [] : [[i, offsetNear(partition, drawn)] as const]))
  }
}

function resolve(index: number, partition: ModelPartition, position: Position, absent: 'earliest' | 'latest'): number {
  if (position === 'earliest') return partition.start
  if (position === 'latest') return partition.end
  if (position instanceof Date) return partition.offsetAt(position.getTime())
  if (position instanceof Map) return (position as Map<number, number>).get(index) ?? resolve(index, partition, absent, absent)
  return 'offset' in position ? position.offset : partition.offsetAt((position as { timestamp: number }).timestamp)
}

const readRange = step('read', fc.record({ topic: number, from: fc.option(place, { nil: undefined }), to: fc.option(place, { nil: undefined }), partitions: fc.option(fc.nat({ max: 31 }), { nil: undefined }), batches: fc.boolean() }), {
  when: anyTopic,
  async run(bench, drawn) {
    const topic = topicOf(bench.model, drawn.topic)
    const from = position(topic, drawn.from ?? { kind: 'earliest', drawn: 0 })
    const to = drawn.to && position(topic, drawn.to)
    const chosen = topic.partitions.flatMap((partition, index) => drawn.partitions === undefined || (drawn.partitions >> index) % 2 === 1 ? [{ index, partition }] : [])
    const options = { from, ...(to === undefined ? {} : { to }), ...(drawn.partitions === undefined ? {} : { partitions: chosen.map(({ index }) => index) }) }
    const begin = chosen.map(({ index, partition }) => resolve(index, partition, from, 'earliest'))
    const reading = drawn.batches ? readBatches(bench.topic(topic), options) : readRecords(bench.topic(topic), options)
    if (chosen.some(({ partition }, i) => begin[i]! < partition.start || begin[i]! > partition.end)) return await assert.rejects(reading, OutOfRangeError)
    const shown = await reading
    for (const [i, { index, partition }] of chosen.entries()) {
      const end = to === undefined ? partition.end : resolve(index, partition, to, 'latest')
      assert.deepEqual(shown.get(index) ?? [], partition.between(begin[i]!, end), `${topic.name}-${index} from ${begin[i]} to ${end}`)
      shown.delete(index)
    }
    assert.equal(shown.size, 0, 'nothing of other partitions')
  },
})

type Shown = Map<number, [number, ModelRecord][]>

async function readRecords(topic: Topic, options: object): Promise<Shown> {
  const shown: Shown = new Map()
  for await (const record of topic.read(options)) shown.set(record.partition, [...shown.get(record.partition) ?? [], [record.offset, plainRecord(record)]])
  return shown
}

async function readBatches(topic: Topic, options: object): Promise<Shown> {
  const shown: Shown = new Map()
  for await (const batch of topic.batches(options)) shown.set(batch.partition, [...shown.get(batch.partition) ?? [], ...recordsOf(batch)])
  return shown
}

function recordsOf(batch: RecordBatch): [number, ModelRecord][] {
  assert.equal(batch.lastOffset - batch.baseOffset + 1, batch.count)
  assert.equal(batch.bytes.length, Buffer.from(batch.bytes).readInt32BE(8) + 12, 'a batch is as long as it says')
  return [...batch].map(record => {
    assert(record.offset >= batch.baseOffset && record.offset <= batch.lastOffset)
    return [record.offset, plainRecord(record)]
  })
}

const get = step('get', fc.record({ topic: number, partition: number, offset: number }), {
  when: anyTopic,
  async run(bench, { topic: drawn, partition: drawnPartition, offset: drawnOffset }) {
    const topic = topicOf(bench.model, drawn)
    const index = drawnPartition % topic.partitions.length
    const partition = topic.partitions[index]!
    const offset = offsetNear(partition, drawnOffset)
    const record = await bench.topic(topic).partitions[index]!.get(offset)
    assert.deepEqual(record && [record.offset, plainRecord(record)], offset < partition.start ? undefined : partition.between(offset, offset + 1)[0])
  },
})

const fetch = step('fetch', fc.record({ topic: number, partition: number, from: number, maxBytes: fc.constantFrom(1, 200, 4000, '1MiB') }), {
  when: anyTopic,
  async run(bench, drawn) {
    const topic = topicOf(bench.model, drawn.topic)
    const index = drawn.partition % topic.partitions.length
    const partition = topic.partitions[index]!
    const from = offsetNear(partition, drawn.from)
    const fetching = bench.topic(topic).partitions[index]!.fetch({ from, maxBytes: drawn.maxBytes })
    if (from < partition.start || from > partition.end) return await assert.rejects(fetching, OutOfRangeError)
    const batches = await fetching
    const [first] = batches
    assert.equal(first === undefined, from === partition.end, 'at least one batch, if there is any')
    if (first === undefined) return
    assert(first.baseOffset <= from && from <= first.lastOffset, 'the first batch holds the offset')
    const end = batches.at(-1)!.lastOffset + 1
    assert.deepEqual(batches.flatMap(recordsOf), partition.between(from, end))
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0)
    assert(batches.length === 1 || bytes <= (drawn.maxBytes === '1MiB' ? 1024 * 1024 : drawn.maxBytes as number), `fetch took ${bytes} bytes in ${batches.length} batches where ${drawn.maxBytes} were asked for`)
  },
})

const offsetAt = step('offsetAt', fc.record({ topic: number, partition: number, time: number }), {
  when: anyTopic,
  async run(bench, drawn) {
    const topic = topicOf(bench.model, drawn.topic)
    const index = drawn.partition % topic.partitions.length
    const time = timeNear(topic, drawn.time)
    assert.equal(await bench.topic(topic).partitions[index]!.offsetAt(time), topic.partitions[index]!.offsetAt(time), `the first offset as late as ${time}`)
  },
})

export const readingSteps: readonly fc.Arbitrary<Step>[] = [readRange, readRange, get, fetch, offsetAt]
