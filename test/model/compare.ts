// One topic of the log beside the same topic of the model: records, offsets, segments, files and figures.
import assert from 'node:assert/strict'
import type { Partition, SegmentStats } from '../../src/index.ts'
import type { Bench } from './bench.ts'
import type { ModelPartition, ModelTopic } from './model-log.ts'
import { plainRecord } from './plain-record.ts'

export async function compareTopic(model: ModelTopic, bench: Bench): Promise<void> {
  const topic = bench.topic(model)
  assert.equal(topic.settings.partitions, model.partitions.length)
  assert.equal(topic.partitions.length, model.partitions.length)
  const stats = bench.log.stats().topics.find(({ name }) => name === model.name)!.partitions
  for (const [index, expected] of model.partitions.entries()) {
    const partition = topic.partitions[index]!
    assert.deepEqual(partition.offsets(), { start: expected.start, stable: expected.end, end: expected.end }, `offsets of ${model.name}-${index}`)
    const segments = partition.segments()
    compareSegments(model, index, expected, segments, partition)
    assert.deepEqual(stats[index], { index, startOffset: expected.start, stableOffset: expected.end, endOffset: expected.end, bytes: partition.bytes, segments: segments.length })
    const files = bench.disk.list(`/log/${model.name}-${index}`).filter(name => name.endsWith('.log'))
    assert.deepEqual(files, segments.map(({ baseOffset }) => `${String(baseOffset).padStart(20, '0')}.log`), `files of ${model.name}-${index}`)
  }
  await compareRecords(model, bench)
}

async function compareRecords(model: ModelTopic, bench: Bench): Promise<void> {
  const shown = model.partitions.map((): [number, unknown][] => [])
  for await (const record of bench.topic(model).read()) shown[record.partition]!.push([record.offset, plainRecord(record)])
  for (const [index, partition] of model.partitions.entries()) {
    assert.deepEqual(shown[index], partition.between(partition.start, partition.end), `records of ${model.name}-${index}`)
  }
}

function compareSegments(model: ModelTopic, index: number, expected: ModelPartition, segments: readonly SegmentStats[], partition: Partition): void {
  const name = `segments of ${model.name}-${index}: ${JSON.stringify(segments)}`
  assert.equal(segments.reduce((sum, { bytes }) => sum + bytes, 0), partition.bytes, name)
  assert(segments.length > 0 && segments[0]!.baseOffset <= expected.start, name)
  assert.equal(segments.at(-1)!.endOffset, expected.end, name)
  for (const [i, segment] of segments.entries()) {
    const next = segments[i + 1]
    assert.equal(segment.active, next === undefined, name)
    assert.equal(segment.bytes > 0, segment.endOffset > segment.baseOffset, name)
    if (next === undefined) continue
    assert(next.baseOffset > expected.start || expected.openedEmpty, `whole segments are deleted: ${name}`)
    assert.equal(segment.endOffset, next.baseOffset, name)
    assert.equal(segment.largestTimestamp, largestTimestamp(expected, segment), name)
  }
}

function largestTimestamp({ records }: ModelPartition, { baseOffset, endOffset }: SegmentStats): number {
  return Math.max(...records.slice(baseOffset, endOffset).map(({ timestamp }) => timestamp))
}
