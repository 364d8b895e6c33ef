// Steps that change what there is: topics made, opened again, altered, deleted, and their beginnings cut off.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ClosedError, ConflictError, NotFoundError, OutOfRangeError, type Codec, type TopicOptions } from '../../src/index.ts'
import { ModelTopic } from './model-log.ts'
import { anyTopic, number, offsetNear, pick, step, topicOf, type Step } from './step.ts'
import { TOPIC_KINDS } from './topic-kinds.ts'

const MOST_PARTITIONS = 5
const CODECS: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
export const segmentBytes = fc.constantFrom(1024, 4096, 64 * 1024)

export interface NewTopic { readonly kind: number; readonly partitions: number; readonly segmentBytes: number; readonly codec: number }

export const newTopic: fc.Arbitrary<NewTopic> = fc.record({ kind: fc.nat({ max: TOPIC_KINDS.length - 1 }), partitions: fc.integer({ min: 1, max: 3 }), segmentBytes, codec: number })

export function topicOptions({ kind, partitions, segmentBytes, codec }: NewTopic): TopicOptions {
  return { ...TOPIC_KINDS[kind]!.options, partitions, segmentBytes, compression: pick(CODECS, codec), segmentAge: '1h' }
}

const create = step('create', newTopic, {
  when: ({ topics }, { kind }) => !topics.has(TOPIC_KINDS[kind]!.name),
  async run(bench, drawn) {
    const kind = TOPIC_KINDS[drawn.kind]!
    bench.topics.set(kind.name, await bench.during(bench.log.topic<unknown, unknown>(kind.name, topicOptions(drawn))))
    bench.model.topics.set(kind.name, new ModelTopic(kind, drawn.partitions))
  },
})

const openAgain = step('open again', fc.record({ topic: number, contradict: fc.boolean() }), {
  when: anyTopic,
  async run(bench, { topic: drawn, contradict }) {
    const { kind, name } = topicOf(bench.model, drawn)
    if (!contradict) assert.equal(await bench.during(bench.log.topic<unknown, unknown>(name, kind.options)), bench.topics.get(name), 'one handle for a topic')
    else await assert.rejects(bench.log.topic<unknown, unknown>(name, { key: 'bytes' }), ConflictError)
  },
})

const alter = step('alter', fc.record({ topic: number, more: fc.nat({ max: 2 }), segmentBytes: fc.option(segmentBytes, { nil: undefined }), codec: fc.option(number, { nil: undefined }) }), {
  when: anyTopic,
  async run(bench, drawn) {
    const topic = topicOf(bench.model, drawn.topic)
    const partitions = Math.max(topic.partitions.length, Math.min(MOST_PARTITIONS, topic.partitions.length + drawn.more))
    const given = { partitions, ...(drawn.segmentBytes === undefined ? {} : { segmentBytes: drawn.segmentBytes }), ...(drawn.codec === undefined ? {} : { compression: pick(CODECS, drawn.codec) }) }
    await bench.during(bench.topic(topic).alter(given))
    topic.grow(partitions)
    const { settings } = bench.topic(topic)
    assert.deepEqual({ ...settings, ...given }, settings, 'what was given holds')
  },
})

const truncateBefore = step('truncateBefore', fc.record({ topic: number, partition: number, offset: number }), {
  when: anyTopic,
  async run(bench, drawn) {
    const topic = topicOf(bench.model, drawn.topic)
    const index = drawn.partition % topic.partitions.length
    const partition = topic.partitions[index]!
    const offset = offsetNear(partition, drawn.offset)
    const truncating = bench.topic(topic).partitions[index]!.truncateBefore(offset)
    if (offset > partition.end) return await assert.rejects(truncating, OutOfRangeError)
    await bench.during(truncating)
    if (offset > partition.start) partition.openedEmpty = false
    partition.start = Math.max(partition.start, offset)
  },
})

const deleteTopic = step('delete', number, {
  when: anyTopic,
  async run(bench, drawn) {
    const topic = topicOf(bench.model, drawn)
    const handle = bench.topic(topic)
    bench.model.topics.delete(topic.name)
    await bench.during(bench.log.deleteTopic(topic.name))
    for (const follower of bench.followers) if (follower.topic === topic) follower.assertClosed()
    for (const sending of bench.model.sendings.filter(({ topic: of }) => of === topic)) {
      await bench.log.clock.advance(Math.max(0, sending.answeredBy - bench.now))
      await bench.during(sending.promise)
      assert(sending.failure instanceof ClosedError, 'what was sent to a topic that is deleted is refused')
    }
    assert.throws(() => handle.read(), NotFoundError)
    await assert.rejects(handle.send({ value: null }), NotFoundError)
    await bench.forgetTopic(topic)
    await bench.settle()
  },
})

export const topicSteps: readonly fc.Arbitrary<Step>[] = [create, create, openAgain, alter, alter, truncateBefore, truncateBefore, deleteTopic]
