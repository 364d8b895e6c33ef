// Nothing that the door lets in is unreadable: batches are damaged in every way that a checksum does not tell, since it is
// made right again. Each is refused and leaves no trace, or can be read, whole, now and after a crash.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compressLater } from '../../src/format/compression.ts'
import * as layout from '../../src/format/record-batch.ts'
import { listen } from '../../src/kafka.ts'
import type { Topic } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'
import { batchOf, checked, withBody } from './support/batches.ts'
import { contentsOf, nameOf, send } from './support/produce.ts'
import { WireClient } from './support/wire-client.ts'

const bytes = fc.string({ maxLength: 12 })
const orNull = fc.option(bytes, { nil: null })
const record = fc.record({ key: orNull, value: orNull, timestamp: fc.constantFrom(-1, 0, 1000, 2 ** 40, 2 ** 42), headers: fc.array(fc.tuple(bytes, orNull), { maxLength: 2 }) })

/** Of a body: what is done where, counted round its end. */
const wound = fc.record({ at: fc.nat(9999), kind: fc.constantFrom('flip', 'set', 'insert', 'remove'), byte: fc.constantFrom(0, 1, 2, 4, 0x7f, 0x80, 0xff) })
const field = fc.record({
  at: fc.constantFrom(
    layout.ATTRIBUTES_AT, layout.ATTRIBUTES_AT + 1, layout.LAST_OFFSET_DELTA_AT, layout.LAST_OFFSET_DELTA_AT + 3, layout.BASE_TIMESTAMP_AT, layout.BASE_TIMESTAMP_AT + 2, layout.BASE_TIMESTAMP_AT + 7,
    layout.MAX_TIMESTAMP_AT, layout.MAX_TIMESTAMP_AT + 7, layout.PRODUCER_ID_AT, layout.PRODUCER_ID_AT + 7, layout.PRODUCER_EPOCH_AT, layout.BASE_SEQUENCE_AT, layout.RECORD_COUNT_AT, layout.RECORD_COUNT_AT + 3, 0, 7, 12, layout.MAGIC_AT,
  ),
  byte: fc.constantFrom(0, 1, 2, 3, 0x10, 0x20, 0x40, 0x7f, 0x80, 0xff),
})

/** To the records, to what they are compressed to, to the header: usually to one of them. */
const wounds = fc.oneof(
  fc.record({ body: fc.array(wound, { minLength: 1, maxLength: 2 }) }),
  fc.record({ stored: fc.tuple(wound) }),
  fc.record({ header: fc.array(field, { minLength: 1, maxLength: 2 }) }),
  fc.record({ body: fc.tuple(wound), header: fc.tuple(field) }),
)
const attack = fc.record({ records: fc.array(record, { minLength: 1, maxLength: 5 }), codec: fc.constantFrom(...layout.CODECS), wounds })
interface Wounds { readonly body?: Wound[]; readonly stored?: Wound[]; readonly header?: { at: number; byte: number }[] }
interface Wound { readonly at: number; readonly kind: string; readonly byte: number }

test('a damaged batch is refused and changes nothing, or can be read whole, now and after a crash', async () => {
  const log = await testLog()
  const topic = await log.topic<Uint8Array, Uint8Array>('orders', { key: 'bytes', value: 'bytes' })
  const door = await listen(log)
  const client = await WireClient.connect(door)
  const outcomes = new Map<string | undefined, number>()

  await fc.assert(fc.asyncProperty(attack, async ({ records, codec, wounds: given }) => {
    const { body = [], stored = [], header = [] }: Wounds = given
    const sound = batchOf(...records)
    const wounded = body.reduce(inflict, sound.subarray(layout.HEADER_BYTES))
    const batch = withBody(sound, stored.reduce(inflict, await compressLater(codec, wounded)), codec)
    for (const { at, byte } of header) batch[at] = byte
    const before = standing(topic)
    const { errorCode, baseOffset } = await send(client, checked(batch))
    const outcome = nameOf(errorCode)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (outcome !== 'NONE') expect(standing(topic)).toEqual(before)
    else expect(await readableFrom(topic, baseOffset)).toEqual(offsetsTo(baseOffset, topic.partitions[0]!.endOffset))
  }), { numRuns: 400 })

  for (const outcome of ['NONE', 'INVALID_RECORD']) expect(outcomes.get(outcome), outcome).toBeGreaterThan(30)
  const contents = await contentsOf(topic)
  await client.close()
  const next = await log.crash()
  expect(await contentsOf(await next.topic<Uint8Array, Uint8Array>('orders', { key: 'bytes', value: 'bytes' }))).toEqual(contents)
  await next.close()
})

function inflict(body: Buffer, { at, kind, byte }: Wound): Buffer {
  const index = at % body.length
  const inserted = kind === 'remove' ? [] : [kind === 'flip' ? body[index]! ^ (byte | 1) : byte]
  return Buffer.concat([body.subarray(0, index), Buffer.from(inserted), body.subarray(kind === 'insert' ? index : index + 1)])
}

function standing(topic: Topic<Uint8Array, Uint8Array>): unknown {
  const { endOffset, stableOffset, bytes: length } = topic.partitions[0]!
  return { endOffset, stableOffset, length }
}

async function readableFrom(topic: Topic<Uint8Array, Uint8Array>, from: number): Promise<number[]> {
  const offsets: number[] = []
  for (const batch of await topic.partitions[0]!.fetch({ from })) for (const { offset, key, value, headers, timestamp } of batch) {
    expect([key, value, [...headers]].length + timestamp).toBeGreaterThanOrEqual(2)
    offsets.push(offset)
  }
  return offsets
}

function offsetsTo(from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, i) => from + i)
}
