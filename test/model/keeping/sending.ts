// What is sent: few keys and many, tombstones, empty values, records without a key where that is allowed.
import fc from 'fast-check'
import { CODECS } from '../../../src/format/record-batch.ts'
import type { Durability, NewRecord } from '../../../src/index.ts'
import type { KeepingBench, Pending } from './bench.ts'
import type { KeptRecord, KeptTopic } from './kept-topic.ts'
import { number } from './step.ts'

const HOUR_MS = 3_600_000

export interface DrawnRecord { readonly key: number | null; readonly bytes: number | null; readonly age: number | undefined; readonly header: boolean }

const drawnRecord: fc.Arbitrary<DrawnRecord> = fc.record({
  key: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 4 }) }, { weight: 4, arbitrary: fc.nat({ max: 300 }) }, { weight: 1, arbitrary: fc.constant(null) }),
  bytes: fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 200 }) }, { weight: 1, arbitrary: fc.constantFrom(0, 3000) }, { weight: 2, arbitrary: fc.constant(null) }),
  age: fc.option(fc.integer({ min: -HOUR_MS, max: 50 * HOUR_MS }), { nil: undefined, freq: 3 }),
  header: fc.boolean(),
})

export interface DrawnSend { readonly topic: number; readonly records: readonly DrawnRecord[]; readonly codec: number; readonly durability: Durability; readonly together: boolean }

export const drawnSend: fc.Arbitrary<DrawnSend> = fc.record({
  topic: number, records: fc.array(drawnRecord, { minLength: 1, maxLength: 14, size: 'max' }), codec: fc.nat({ max: CODECS.length - 1 }), durability: fc.constantFrom<Durability>('process', 'power'), together: fc.boolean(),
})

/** Begins it; settled() takes in what has come of it. */
export function beginSend(bench: KeepingBench, topic: KeptTopic, { records, codec, durability, together }: DrawnSend): { readonly pending: Pending; readonly done: Promise<void> } {
  const given = records.map(record => toSend(bench, topic, record))
  const pending: Pending = { topic, records: given.map(({ plain }) => plain) }
  const producer = bench.topic(topic).producer({ compression: CODECS[codec]!, durability })
  const sends = together ? producer.send(given.map(({ record }) => record)) : Promise.all(given.map(({ record }) => producer.send(record)))
  const done = sends.then(stored => {
    pending.stored = stored
    settle(bench, pending, durability)
  }, (error: unknown) => { pending.failure = error })
  return { pending, done }
}

function settle(bench: KeepingBench, { topic, records, stored }: Pending, durability: Durability): void {
  for (const [i, { offset, timestamp }] of stored!.entries()) {
    topic.add(offset, { ...records[i]!, timestamp }, bench.now)
    if (durability === 'power') topic.durable = Math.max(topic.durable, offset + 1)
  }
}

function toSend(bench: KeepingBench, topic: KeptTopic, { key, bytes, age, header }: DrawnRecord): { record: NewRecord<string, string>; plain: KeptRecord } {
  const n = bench.model.nextNumber++
  const keyText = key === null && topic.isCompacted ? 'k0' : key === null ? null : `k${key}`
  const value = bytes === null ? null : bytes === 0 ? '' : `${n} `.padEnd(bytes, 'x')
  const headers: [string, string | null][] = [['number', String(n)], ...(header ? [['note', null] as [string, null]] : [])]
  const timestamp = age === undefined ? bench.now : bench.now - age
  return { record: { key: keyText, value, headers, ...(age === undefined ? {} : { timestamp }) }, plain: { number: n, key: keyText, value, headers, timestamp } }
}
