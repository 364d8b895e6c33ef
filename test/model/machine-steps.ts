// Steps of the machine below the log: time, the ends of processes and of power, full and failing disks.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LimitError, StorageError } from '../../src/index.ts'
import { HEADER_BYTES } from '../../src/format/record-batch.ts'
import { ModelTopic, type ModelPartition } from './model-log.ts'
import { reopen, type End, type Underway } from './reopening.ts'
import { PRODUCERS } from './producers.ts'
import { drawnRecord, toSend, type DrawnRecord } from './sending-steps.ts'
import { anyTopic, number, offsetNear, step, topicOf, type Step } from './step.ts'
import { newTopic, topicOptions, type NewTopic } from './topic-steps.ts'
import { TOPIC_KINDS } from './topic-kinds.ts'

/** How often the log syncs everything by itself. */
const SYNC_INTERVAL_MS = 30_000
const LONGEST_LINGER_MS = 60
/** Waits for the device, so that it meets a sync that fails. */
const POWER_PRODUCER = 3
const end: fc.Arbitrary<End> = fc.constantFrom('close', 'kill', 'power cut')
const fewRecords = fc.array(drawnRecord, { minLength: 1, maxLength: 6 })

const advance = step('advance', fc.constantFrom(1, 5, 20, 60, 1_000, SYNC_INTERVAL_MS, 4_000_000), {
  async run(bench, ms) {
    if (ms >= SYNC_INTERVAL_MS) bench.model.allDurable()
    await bench.log.clock.advance(ms)
  },
})

/** A log that is closed answers every send first; readers that follow end with it. */
const restart = step('restart', fc.record({ end, seed: number }), {
  async run(bench, { end, seed }) {
    if (end === 'close') {
      await bench.log.close()
      await bench.rest()
      for (const follower of bench.followers) follower.assertClosed()
    }
    await reopen(bench, end, seed)
    if (end !== 'power cut') assert.deepEqual(bench.cuts, [], `nothing is cut after a ${end} at rest`)
  },
})

interface Busy {
  readonly calls: number
  readonly end: End
  readonly seed: number
  readonly topic: number
  readonly producers: readonly number[]
  readonly records: readonly DrawnRecord[]
  readonly truncate: number | undefined
  readonly grow: boolean
  readonly remove: number | undefined
  readonly create: NewTopic | undefined
}

const busy: fc.Arbitrary<Busy> = fc.record({
  calls: fc.integer({ min: 1, max: 60 }), end: fc.constantFrom<End>('kill', 'power cut'), seed: number, topic: number,
  producers: fc.array(fc.nat({ max: PRODUCERS.length - 1 }), { maxLength: 4 }), records: fewRecords,
  truncate: fc.option(number, { nil: undefined }), grow: fc.boolean(), remove: fc.option(number, { nil: undefined }), create: fc.option(newTopic, { nil: undefined }),
})

/** The process dies at one of its next calls to the disk, with all kinds of work under way. */
const dieBusy = step('die busy', busy, {
  when: anyTopic,
  async run(bench, drawn) {
    const { model } = bench
    const topic = topicOf(model, drawn.topic)
    const grown = topicOf(model, drawn.topic + 1)
    const underway = { created: [] as Underway['created'][number][], deleted: new Set<ModelTopic>(), grown: new Map<ModelTopic, number>(), truncated: new Map<ModelPartition, number>() }
    const changes: Promise<void>[] = []
    const change = (work: Promise<unknown>, maybe: () => void, surely: () => void): void => { changes.push(work.then(surely, maybe)) }
    const given = drawn.producers.map(() => drawn.records.map(record => toSend(bench, topic, record)))
    bench.disk.crashAfter(drawn.calls)
    for (const [i, producer] of drawn.producers.entries()) bench.send(producer, topic, given[i]!, 'array')
    if (drawn.truncate !== undefined) {
      const partition = topic.partitions[0]!
      const offset = Math.max(partition.start, Math.min(offsetNear(partition, drawn.truncate), partition.end))
      change(bench.topic(topic).partitions[0]!.truncateBefore(offset), () => underway.truncated.set(partition, offset), () => { partition.start = offset })
    }
    if (drawn.grow && grown !== topic) {
      const count = grown.partitions.length + 1
      change(bench.topic(grown).alter({ partitions: count }), () => underway.grown.set(grown, count), () => { grown.grow(count) })
    }
    if (drawn.remove !== undefined && model.topics.size > 1) {
      const removed = topicOf(model, drawn.remove)
      change(bench.log.deleteTopic(removed.name), () => underway.deleted.add(removed), () => model.topics.delete(removed.name))
    }
    const kind = drawn.create && TOPIC_KINDS[drawn.create.kind]!
    if (drawn.create !== undefined && kind !== undefined && !model.topics.has(kind.name)) {
      const { partitions } = drawn.create
      change(bench.log.topic<unknown, unknown>(kind.name, topicOptions(drawn.create)), () => underway.created.push({ kind, partitions }), () => model.topics.set(kind.name, new ModelTopic(kind, partitions)))
    }
    await Promise.all(changes)
    await bench.log.clock.settle()
    if (!bench.disk.crashed) bench.disk.crashAfter(Infinity) // all was done in fewer calls: it dies at rest
    await reopen(bench, drawn.end, drawn.seed, underway)
  },
})

/** What fits is stored, what does not is refused, and there is nothing in between; then there is room again. */
const fullDisk = step('full disk', fc.record({ topic: number, producer: fc.nat({ max: PRODUCERS.length - 1 }), room: fc.nat({ max: 2_000 }), records: fewRecords, array: fc.boolean() }), {
  when: anyTopic,
  async run(bench, { topic: drawn, producer, room, records, array }) {
    const topic = topicOf(bench.model, drawn)
    const given = records.map(record => toSend(bench, topic, record))
    bench.disk.capacityBytes = bench.disk.usedBytes + room
    if (array) bench.send(producer, topic, given, 'array')
    else for (const record of given) bench.send(producer, topic, [record], 'one')
    await bench.quiet()
    await bench.log.clock.advance(LONGEST_LINGER_MS)
    await bench.rest()
    bench.disk.capacityBytes = Infinity
    bench.troubles.length = 0 // indexes that could not be written
    for (const { failure, found, records } of await bench.settle()) {
      if (failure === undefined) continue
      assert(failure instanceof LimitError, String(failure))
      assert.equal(found.size, records.length === 1 ? 0 : failure.details['sent'], 'as many are stored as the failure says')
    }
  },
})

/** The disk takes part of a batch, at most its header, and refuses the rest. (Not for want of room: then what was deleted makes way.) */
const tornWrite = step('torn write', fc.record({ topic: number, producer: fc.constantFrom(0, 3, 5), writtenBytes: fc.nat({ max: HEADER_BYTES }), record: drawnRecord }), {
  when: anyTopic,
  async run(bench, { topic: drawn, producer, writtenBytes, record }) {
    const topic = topicOf(bench.model, drawn)
    bench.disk.failNext('write', { error: 'EFBIG', path: logOf(topic), writtenBytes })
    const { failure } = await bench.during(Promise.resolve(bench.send(producer, topic, [toSend(bench, topic, record)], 'one')))
    assert(failure instanceof LimitError, `a torn write refuses its send: ${String(failure)}`)
  },
})

/** A write or a sync fails: the partition takes nothing more until it is recovered, or the log is opened again. */
const failingDisk = step('failing disk', fc.record({ topic: number, operation: fc.constantFrom('write', 'sync'), writtenBytes: fc.nat({ max: 200 }), records: fewRecords, mend: fc.constantFrom('recover', 'close', 'kill', 'power cut'), seed: number }), {
  when: anyTopic,
  async run(bench, { topic: drawn, operation, writtenBytes, records, mend, seed }) {
    const topic = topicOf(bench.model, drawn)
    await bench.unwatch(topic)
    bench.disk.failNext(operation, { error: 'EIO', path: logOf(topic), writtenBytes })
    const sendings = records.map(record => bench.send(POWER_PRODUCER, topic, [toSend(bench, topic, record)], 'one'))
    await bench.rest()
    for (const { failure } of sendings) assert(failure === undefined || failure instanceof StorageError, String(failure))
    assert(sendings.some(({ failure }) => failure !== undefined), 'a send was refused')
    bench.troubles.length = 0
    if (mend === 'close') await bench.log.close()
    if (mend !== 'recover') return await reopen(bench, mend === 'power cut' ? mend : 'kill', seed)
    for (const partition of bench.topic(topic).partitions) await partition.recover()
  },
})

function logOf(topic: ModelTopic): RegExp {
  return new RegExp(`^/log/${topic.name}-\\d+/\\d+\\.log$`)
}

export const machineSteps: readonly fc.Arbitrary<Step>[] = [advance, advance, restart, restart, dieBusy, dieBusy, fullDisk, tornWrite, failingDisk]
