// Steps that send: through every kind of producer, alone, many in one tick, in arrays, and at once.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LimitError, UsageError, type NewRecord } from '../../src/index.ts'
import type { Bench } from './bench.ts'
import type { ModelTopic, Sending } from './model-log.ts'
import { PRODUCERS } from './producers.ts'
import { anyTopic, number, step, topicOf, type Step } from './step.ts'

const KEYS = ['ada', 'bob', '', 'çağrı', 'ada-2', 'k5', 'k6'] as const
const HEADERS: readonly NonNullable<NewRecord['headers']>[] = [{ trace: 'a1', none: null }, [['twice', 'x'], ['twice', Buffer.from('y')]], {}]
const HOUR_MS = 3_600_000

export interface DrawnRecord {
  readonly key: string | null | undefined
  readonly padding: number | null
  readonly headers: number | undefined
  /** Milliseconds before now, or after if negative. */
  readonly age: number | undefined
  readonly partition: number | undefined
}

export const drawnRecord: fc.Arbitrary<DrawnRecord> = fc.record({
  key: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...KEYS) }, { weight: 2, arbitrary: fc.constantFrom(null, undefined) }),
  /** null: a tombstone, which has its number in a header. */
  padding: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 400 }) }, { weight: 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom(5_000, 20_000) }),
  headers: fc.option(fc.nat({ max: HEADERS.length - 1 }), { nil: undefined, freq: 4 }),
  age: fc.option(fc.integer({ min: -HOUR_MS, max: 5 * HOUR_MS }), { nil: undefined, freq: 4 }),
  partition: fc.option(number, { nil: undefined, freq: 4 }),
})

export function toSend(bench: Bench, topic: ModelTopic, drawn: DrawnRecord): NewRecord {
  const { key, padding, headers, age, partition } = drawn
  return {
    ...(key === undefined ? {} : { key }),
    value: padding === null ? null : topic.kind.value(bench.model.nextNumber++, padding),
    ...(padding === null ? { headers: { number: String(bench.model.nextNumber++) } } : headers === undefined ? {} : { headers: HEADERS[headers]! }),
    ...(age === undefined ? {} : { timestamp: age % 2 === 0 ? bench.now - age : new Date(bench.now - age) }),
    ...(partition === undefined ? {} : { partition: partition % topic.partitions.length }),
  }
}

const producer = fc.nat({ max: PRODUCERS.length - 1 })

/** Those that wait for nothing must be stored once all has come to rest. */
async function allStored(bench: Bench, sendings: readonly Sending[]): Promise<void> {
  await bench.settle()
  for (const { failure, stored, answeredBy } of sendings) {
    if (failure !== undefined) throw failure
    assert(stored !== undefined || answeredBy > bench.now, 'a send was answered')
  }
}

const send = step('send', fc.record({ topic: number, producer, record: drawnRecord }), {
  when: anyTopic,
  async run(bench, { topic: drawn, producer, record }) {
    const topic = topicOf(bench.model, drawn)
    await allStored(bench, [bench.send(producer, topic, [toSend(bench, topic, record)], 'one')])
  },
})

const sendArray = step('send array', fc.record({ topic: number, producer, records: fc.array(drawnRecord, { maxLength: 12 }) }), {
  when: anyTopic,
  async run(bench, { topic: drawn, producer, records }) {
    const topic = topicOf(bench.model, drawn)
    await allStored(bench, [bench.send(producer, topic, records.map(record => toSend(bench, topic, record)), 'array')])
  },
})

/** Enough small batches that segments roll and indexes have entries. */
const sendMany = step('send many', fc.record({ topic: number, producer: fc.constantFrom(2, 5), count: fc.integer({ min: 30, max: 150 }), seed: number }), {
  when: anyTopic,
  async run(bench, { topic: drawn, producer, count, seed }) {
    const topic = topicOf(bench.model, drawn)
    const records = Array.from({ length: count }, (_, i) => toSend(bench, topic, { key: KEYS[(seed + i) % 9], padding: (seed * i) % 300, headers: undefined, age: (seed % (i + 1)) * 1000, partition: undefined }))
    await allStored(bench, [bench.send(producer, topic, records, 'array')])
  },
})

/** Several producers at once: their order is that of appending, each one's own that of its calls. */
const sendTogether = step('send together', fc.array(fc.record({ topic: number, producer, records: fc.array(drawnRecord, { minLength: 1, maxLength: 3 }), array: fc.boolean() }), { minLength: 2, maxLength: 10 }), {
  when: anyTopic,
  async run(bench, calls) {
    await allStored(bench, calls.map(({ topic: drawn, producer, records, array }) => {
      const topic = topicOf(bench.model, drawn)
      return bench.send(producer, topic, records.slice(0, array ? Infinity : 1).map(record => toSend(bench, topic, record)), array ? 'array' : 'one')
    }))
  },
})

const sendSync = step('sendSync', fc.record({ topic: number, producer: fc.constantFrom(...PRODUCERS.flatMap(({ shared }, i) => shared === true ? [] : [i])), record: drawnRecord }), {
  when: anyTopic,
  async run(bench, { topic: drawn, producer, record }) {
    const topic = topicOf(bench.model, drawn)
    const given = toSend(bench, topic, record)
    const sending = bench.send(producer, topic, [given], 'now')
    if (topic.kind.asynchronous && given.value !== null) assert(sending.failure instanceof UsageError, 'sendSync with an asynchronous schema is a UsageError')
    else if (sending.failure !== undefined) assert(sending.failure instanceof LimitError && sending.failure.code === 'PRODUCER_BUSY', String(sending.failure))
    else assert.equal(bench.topic(topic).partitions[sending.stored![0]!.partition]!.endOffset, sending.stored![0]!.offset + 1, 'in the log when sendSync returns')
    await bench.settle()
  },
})

const flush = step('flush', fc.record({ topic: number, producer, close: fc.boolean() }), {
  when: anyTopic,
  async run(bench, { topic, producer, close }) {
    if (PRODUCERS[producer]!.shared === true) return
    const waiting = bench.model.sendings.filter(sending => sending.producer === bench.nameOf(producer, topicOf(bench.model, topic)))
    const flushed = bench.producer(producer, topicOf(bench.model, topic)) as { flush(): Promise<void> }
    await bench.during(close ? bench.closeProducer(producer) : flushed.flush())
    for (const { stored, failure } of waiting) assert(stored !== undefined && failure === undefined, 'what was sent before flush() is stored when it resolves')
  },
})

export const sendingSteps: readonly fc.Arbitrary<Step>[] = [send, send, sendArray, sendArray, sendMany, sendTogether, sendTogether, sendSync, flush]
