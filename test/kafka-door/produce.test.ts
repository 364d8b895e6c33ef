// Produce: what is let into the log, what is refused for which reason, and what is answered when.
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { produce } from '../../src/kafka/apis/00-produce.ts'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from '../../src/kafka/kafka-errors.ts'
import { listen, type Door, type ListenOptions } from '../../src/kafka.ts'
import type { Topic, TopicOptions } from '../../src/index.ts'
import { compressLater } from '../../src/format/compression.ts'
import * as layout from '../../src/format/record-batch.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { batchOf, checked, compressed, numbered, withBody, type SentRecord } from './support/batches.ts'
import { contentsOf, nameOf, outcome, requestOf, send, type ProduceOptions } from './support/produce.ts'
import { WireClient } from './support/wire-client.ts'

const HOUR_MS = 3_600_000

const opened: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of opened.splice(0).reverse()) await close() })

interface Started { log: TestLog; readonly door: Door; readonly client: WireClient; readonly topic: Topic<Uint8Array, Uint8Array> }

async function start(settings: TopicOptions<Uint8Array, Uint8Array> = {}, options: ListenOptions = {}): Promise<Started> {
  const log = await testLog()
  const started = { log }
  opened.push(() => started.log.close())
  const topic = await log.topic<Uint8Array, Uint8Array>('orders', { key: 'bytes', value: 'bytes', maxRecordBytes: '1MiB', ...settings })
  const door = await listen(log, options)
  const client = await WireClient.connect(door)
  opened.push(() => client.close())
  return Object.assign(started, { door, client, topic })
}

/** A sound batch of two records after the change, its checksum right. */
function changed(change: (batch: Buffer) => void): Buffer {
  const batch = batchOf({ key: 'a', value: '1' }, { key: 'b', value: '2' })
  change(batch)
  return checked(batch)
}

function withBits(bits: number): (batch: Buffer) => void {
  return batch => { layout.setAttributes(batch, 0, layout.attributes(batch, 0) | bits) }
}

interface Refused { readonly what: string; readonly batch: Buffer | null; readonly error: KafkaErrorName; readonly over?: ProduceOptions; readonly settings?: TopicOptions<Uint8Array, Uint8Array> }

const TWO = batchOf({ key: 'a', value: '1' }, { key: 'b', value: '2' })
const BODY = TWO.subarray(layout.HEADER_BYTES)
const FIRST_BYTES = BODY.length / 2

const refused: Refused[] = [
  { what: 'no batch at all', batch: null, error: 'INVALID_RECORD' },
  { what: 'an empty one', batch: Buffer.alloc(0), error: 'INVALID_RECORD' },
  { what: 'half a batch', batch: TWO.subarray(0, TWO.length - 3), error: 'INVALID_RECORD' },
  { what: 'two batches', batch: Buffer.concat([TWO, TWO]), error: 'INVALID_RECORD' },
  { what: 'messages of format 1', batch: changed(b => { b[layout.MAGIC_AT] = 1 }), error: 'INVALID_RECORD' },
  { what: 'a length that can\'t be', batch: changed(b => { layout.setBatchBytes(b, 0, 20) }), error: 'CORRUPT_MESSAGE' },
  { what: 'a wrong checksum', batch: Buffer.from(changed(() => {}).map((byte, at) => at === TWO.length - 2 ? byte ^ 1 : byte)), error: 'CORRUPT_MESSAGE' },
  { what: 'a base offset', batch: changed(b => { layout.setBaseOffset(b, 0, 7) }), error: 'INVALID_RECORD' },
  { what: 'a count that is too small', batch: changed(b => { b.writeInt32BE(1, layout.RECORD_COUNT_AT) }), error: 'INVALID_RECORD' },
  { what: 'a count and a last delta that are too small', batch: changed(b => { b.writeInt32BE(1, layout.RECORD_COUNT_AT); b.writeInt32BE(0, layout.LAST_OFFSET_DELTA_AT) }), error: 'INVALID_RECORD' },
  { what: 'a count and a last delta that are too large', batch: changed(b => { b.writeInt32BE(3, layout.RECORD_COUNT_AT); b.writeInt32BE(2, layout.LAST_OFFSET_DELTA_AT) }), error: 'INVALID_RECORD' },
  { what: 'no records', batch: changed(b => { b.writeInt32BE(0, layout.RECORD_COUNT_AT); b.writeInt32BE(-1, layout.LAST_OFFSET_DELTA_AT) }), error: 'INVALID_RECORD' },
  { what: 'a last delta beyond the count', batch: changed(b => { b.writeInt32BE(9, layout.LAST_OFFSET_DELTA_AT) }), error: 'INVALID_RECORD' },
  { what: 'records in another order', batch: withBody(TWO, Buffer.concat([BODY.subarray(FIRST_BYTES), BODY.subarray(0, FIRST_BYTES)])), error: 'INVALID_RECORD' },
  { what: 'a record twice', batch: withBody(TWO, Buffer.concat([BODY.subarray(0, FIRST_BYTES), BODY.subarray(0, FIRST_BYTES)])), error: 'INVALID_RECORD' },
  { what: 'deltas that leave one out', batch: changed(b => { b[layout.HEADER_BYTES + FIRST_BYTES + 3] = 4 }), error: 'INVALID_RECORD' },
  { what: 'a record longer than the batch', batch: changed(b => { b[layout.HEADER_BYTES + FIRST_BYTES] = 126 }), error: 'INVALID_RECORD' },
  { what: 'a header without a name', batch: withBody(batchOf('v'), Buffer.from([18, 0, 0, 0, 1, 2, 118, 2, 1, 1])), error: 'INVALID_RECORD' },
  { what: 'more headers than there is room for', batch: withBody(batchOf('v'), Buffer.from([14, 0, 0, 0, 1, 2, 118, 100])), error: 'INVALID_RECORD' },
  { what: 'a control batch', batch: changed(withBits(layout.CONTROL)), error: 'INVALID_RECORD' },
  { what: 'a delete horizon', batch: changed(withBits(layout.DELETE_HORIZON)), error: 'INVALID_RECORD' },
  { what: 'a time that is said to be the log\'s', batch: changed(withBits(layout.LOG_APPEND_TIME)), error: 'INVALID_TIMESTAMP' },
  { what: 'a codec that nobody knows', batch: changed(withBits(5)), error: 'UNSUPPORTED_COMPRESSION_TYPE' },
  { what: 'no gzip where gzip is said', batch: changed(withBits(1)), error: 'INVALID_RECORD' },
  { what: 'zstd before version 7', batch: changed(withBits(4)), error: 'UNSUPPORTED_COMPRESSION_TYPE', over: { version: 6 } },
  { what: 'a base timestamp that is no number here', batch: changed(b => { b.writeUInt8(0x7f, layout.BASE_TIMESTAMP_AT) }), error: 'INVALID_RECORD' },
  { what: 'a producer id without a sequence', batch: changed(b => { numbered(b, { id: 5, sequence: -1 }) }), error: 'INVALID_RECORD' },
  { what: 'a producer id without an epoch', batch: changed(b => { numbered(b, { id: 5, epoch: -1, sequence: 0 }) }), error: 'INVALID_RECORD' },
  { what: 'a producer id below -1', batch: changed(b => { numbered(b, { id: -2, sequence: 0 }) }), error: 'INVALID_RECORD' },
  { what: 'a transaction of no producer', batch: changed(withBits(layout.TRANSACTIONAL)), error: 'INVALID_RECORD', over: { transactionalId: 't' } },
  { what: 'a transaction without an id', batch: changed(withBits(layout.TRANSACTIONAL)), error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' },
  { what: 'more bytes than the topic takes', batch: batchOf({ value: Buffer.alloc(1024 * 1024) }), error: 'MESSAGE_TOO_LARGE' },
  { what: 'a record without a key for a compacted topic', batch: batchOf({ key: 'a', value: '1' }, 'no key'), error: 'INVALID_RECORD', settings: { cleanup: 'compact' } },
  { what: 'a time before 1970', batch: batchOf({ value: 'v', timestamp: -2 }), error: 'INVALID_TIMESTAMP' },
  { what: 'acks that mean nothing', batch: TWO, error: 'INVALID_REQUIRED_ACKS', over: { acks: 2 } },
  { what: 'a partition that is not there', batch: TWO, error: 'UNKNOWN_TOPIC_OR_PARTITION', over: { index: 1 } },
  { what: 'a negative partition', batch: TWO, error: 'UNKNOWN_TOPIC_OR_PARTITION', over: { index: -1 } },
  { what: 'a topic that is not there', batch: TWO, error: 'UNKNOWN_TOPIC_OR_PARTITION', over: { topic: 'other' } },
  { what: 'a topic id that is not there', batch: TWO, error: 'UNKNOWN_TOPIC_ID', over: { version: 13 } },
]

test.each(refused)('$what: $error, the log is as it was, and the connection goes on', async ({ batch, error, over, settings }) => {
  const { client, topic } = await start(settings)
  expect(await outcome(client, batch, over)).toBe(error)
  expect([topic.partitions[0]!.endOffset, topic.partitions[0]!.bytes]).toEqual([0, 0])
  expect(await send(client, TWO)).toMatchObject({ errorCode: KAFKA_ERRORS.NONE, baseOffset: 0 })
  expect(await contentsOf(topic)).toEqual(['0: a=1', '1: b=2'])
})

test('an answer says which records were refused, and why: the first hundred of them', async () => {
  const { client, topic } = await start({ cleanup: 'compact' })
  const records: SentRecord[] = Array.from({ length: 300 }, (_, i) => ({ key: i % 2 === 0 ? 'k' : null, value: 'v' }))
  const answer = await send(client, batchOf(...records), { version: 8 })
  expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i + 1))
  expect(answer.recordErrors[0]!.batchIndexErrorMessage).toMatch('no key')
  expect(answer.errorMessage).toMatch('record 1')
  expect((await send(client, batchOf(...records), { version: 7 })).errorCode).toBe(KAFKA_ERRORS.INVALID_RECORD)
  expect(topic.partitions[0]!.endOffset).toBe(0)
})

test('a record may be an hour ahead of the log\'s clock, and may have no time', async () => {
  const { log, client, topic } = await start()
  const now = log.clock.now()
  expect(await outcome(client, batchOf({ value: 'ahead', timestamp: now + HOUR_MS }, { value: 'none', timestamp: -1 }))).toBe('NONE')
  const answer = await send(client, batchOf({ value: 'ahead', timestamp: now }, { value: 'too far', timestamp: now + HOUR_MS + 1 }))
  expect(nameOf(answer.errorCode)).toBe('INVALID_TIMESTAMP')
  expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1])
  const [stored] = await topic.partitions[0]!.fetch({ from: 0 })
  expect([...stored!].map(({ timestamp }) => timestamp)).toEqual([now + HOUR_MS, -1])
})

test('a max timestamp that is not that of the records is set right', async () => {
  const { client, topic } = await start()
  const batch = batchOf({ value: 'a', timestamp: 5000 }, { value: 'b', timestamp: 9000 }, { value: 'c', timestamp: 7000 })
  layout.setMaxTimestamp(batch, 0, 1)
  expect(await outcome(client, checked(batch))).toBe('NONE')
  const [stored] = await storedBatches(topic)
  expect(layout.maxTimestamp(stored!, 0)).toBe(9000)
  expect(layout.batchFault(stored!, 0, stored!.length)).toBeUndefined()
})

test('a topic with the log\'s time gives it to every record, and the answer tells it', async () => {
  const { log, client, topic } = await start({ timestamps: 'append' })
  const answer = await send(client, batchOf({ value: 'a', timestamp: 2 ** 52 }, { value: 'b', timestamp: -5 }))
  expect(answer).toMatchObject({ errorCode: KAFKA_ERRORS.NONE, baseOffset: 0, logAppendTimeMs: log.clock.now() })
  const [stored] = await topic.partitions[0]!.fetch({ from: 0 })
  expect(layout.isLogAppendTime(Buffer.from(stored!.bytes), 0)).toBe(true)
  expect([...stored!].map(({ timestamp }) => timestamp)).toEqual([log.clock.now(), log.clock.now()])
})

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('batches of %s are stored as they came, small and large, in the order of the requests', async codec => {
  const { client, topic } = await start()
  const batches = [...await Promise.all([batchOf('small'), batchOf({ value: Buffer.alloc(600_000, 'x') }), incompressible(100_000)].map(batch => compressed(batch, codec))), batchOf('last')]
  const sent = batches.map(batch => Buffer.from(batch))
  const answers = await Promise.all(batches.map(batch => send(client, batch)))
  expect(answers.map(({ errorCode, baseOffset }) => [nameOf(errorCode), baseOffset])).toEqual([0, 1, 2, 3].map(offset => ['NONE', offset]))
  expect((await storedBatches(topic)).map(batch => batch.subarray(layout.ATTRIBUTES_AT).equals(sent.shift()!.subarray(layout.ATTRIBUTES_AT)))).toEqual([true, true, true, true])
  expect((await contentsOf(topic)).map(text => text.length > 20 ? text.length : text)).toEqual(['0: null=small', 600_008, expect.any(Number), '3: null=last'])
})

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('a batch of %s that inflates beyond 64 MiB is too large, and nothing of it is kept', async codec => {
  const { client, topic } = await start({ maxRecordBytes: '16MiB' })
  const bomb = withBody(batchOf('x'), await compressLater(codec, Buffer.alloc(64 * 1024 * 1024 + 1)), codec)
  expect(await outcome(client, bomb)).toBe('MESSAGE_TOO_LARGE')
  expect(topic.partitions[0]!.endOffset).toBe(0)
})

test('a batch that an idempotent producer sends again has the offset that it has; one out of order or of an older epoch is refused', async () => {
  const { client, topic } = await start()
  const first = () => numbered(batchOf('a', 'b'), { id: 7, epoch: 1, sequence: 0 })
  expect(await send(client, first())).toMatchObject({ baseOffset: 0 })
  expect(await send(client, numbered(batchOf('c'), { id: 7, epoch: 1, sequence: 2 }))).toMatchObject({ baseOffset: 2 })
  expect(await send(client, first())).toMatchObject({ errorCode: KAFKA_ERRORS.NONE, baseOffset: 0 })
  expect(await outcome(client, numbered(batchOf('e'), { id: 7, epoch: 1, sequence: 5 }))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await outcome(client, numbered(batchOf('e'), { id: 7, epoch: 0, sequence: 3 }))).toBe('INVALID_PRODUCER_EPOCH')
  expect(await contentsOf(topic)).toEqual(['0: null=a', '1: null=b', '2: null=c'])
})

test('with acks 0 nothing is answered, and an error ends the connection', async () => {
  const { door, client, topic } = await start()
  client.send(produce, 9, requestOf(TWO, { acks: 0 }))
  await client.ask(metadata, 12, { topics: null })
  expect(topic.partitions[0]!.endOffset).toBe(2)
  client.send(produce, 9, requestOf(TWO.subarray(1), { acks: 0 }))
  await once(client.socket, 'close')
  const second = await WireClient.connect(door)
  door.fail({ api: 'Produce', error: 'UNKNOWN_SERVER_ERROR' })
  second.send(produce, 9, requestOf(TWO, { acks: 0 }))
  await once(second.socket, 'close')
  expect(topic.partitions[0]!.endOffset).toBe(2)
})

test('acks -1 waits for the device: what a power cut takes was not acknowledged', async () => {
  const started = await start()
  for (const value of ['a', 'b']) expect(await outcome(started.client, batchOf(value), { acks: -1 })).toBe('NONE')
  started.log = await started.log.powerCut()
  expect(await contentsOf(await started.log.topic<Uint8Array, Uint8Array>('orders', { key: 'bytes', value: 'bytes' }))).toEqual(['0: null=a', '1: null=b'])
})

test('requests that wait for the device share its sync', async () => {
  const { log, client } = await start()
  await outcome(client, batchOf('first'), { acks: -1 })
  log.disk.failNext('sync', { error: 'EIO', path: /orders-0.*log$/, after: 4 }) // of forty syncs the fifth would fail
  const answers = await Promise.all(Array.from({ length: 40 }, () => outcome(client, batchOf('v'), { acks: -1 })))
  expect(new Set(answers)).toEqual(new Set(['NONE']))
})

test('a partition whose sync fails is told as failed, the others are not', async () => {
  const { log, client, topic } = await start({ partitions: 2 })
  log.on('error', () => {})
  await client.ask(produce, 12, both(-1))
  log.disk.failNext('sync', { error: 'EIO', path: /orders-1/ })
  const { responses } = await client.ask(produce, 12, both(-1))
  expect(responses[0]!.partitionResponses.map(({ errorCode, baseOffset }) => [nameOf(errorCode), baseOffset])).toEqual([['NONE', 1], ['KAFKA_STORAGE_ERROR', -1]])
  expect(await outcome(client, batchOf('later'), { index: 1 })).toBe('KAFKA_STORAGE_ERROR')
  expect(await outcome(client, batchOf('later'), { index: 0, acks: -1 })).toBe('NONE')
  expect(topic.partitions[0]!.endOffset).toBe(3)
})

test('on a full disk batches are refused until there is room, and the connection goes on', async () => {
  const { log, client, topic } = await start()
  log.on('warning', () => {})
  expect(await outcome(client, batchOf('a'))).toBe('NONE')
  log.disk.capacityBytes = log.disk.usedBytes
  expect(await outcome(client, batchOf('b'))).toBe('KAFKA_STORAGE_ERROR')
  log.disk.capacityBytes = Infinity
  await log.clock.advance('2s')
  expect(await outcome(client, batchOf('c'))).toBe('NONE')
  expect(await contentsOf(topic)).toEqual(['0: null=a', '1: null=c'])
})

test('a broker that does not lead the partition says who does, and where that is', async () => {
  const { door, topic } = await start({ partitions: 2 }, { brokers: 2 })
  const [host, port] = door.bootstrap.split(',')[1]!.split(':') as [string, string]
  const client = await WireClient.connect({ host, port: Number(port) })
  opened.push(() => client.close())
  const { responses, nodeEndpoints } = await client.ask(produce, 12, both(1))
  expect(responses[0]!.partitionResponses.map(({ errorCode, currentLeader }) => [nameOf(errorCode), currentLeader])).toEqual([['NOT_LEADER_OR_FOLLOWER', { leaderId: 0, leaderEpoch: 0 }], ['NONE', { leaderId: -1, leaderEpoch: -1 }]])
  expect(nodeEndpoints).toEqual([{ nodeId: 0, host: door.host, port: door.port, rack: null }])
  expect((await client.ask(produce, 9, both(1))).nodeEndpoints).toEqual([])
  expect(topic.partitions.map(({ endOffset }) => endOffset)).toEqual([0, 2])
})

test('a topic that is deleted while its batch is inflated is one that is not there', async () => {
  const { log, client } = await start()
  const batch = await compressed(incompressible(200_000), 'gzip')
  const sent = outcome(client, batch)
  await Promise.all([sent, log.deleteTopic('orders')])
  expect(['NONE', 'UNKNOWN_TOPIC_OR_PARTITION']).toContain(await sent)
  expect(await outcome(client, batchOf('later'))).toBe('UNKNOWN_TOPIC_OR_PARTITION')
})

async function storedBatches(topic: Topic<Uint8Array, Uint8Array>): Promise<Buffer[]> {
  return (await topic.partitions[0]!.fetch({ from: 0, maxBytes: '16MiB' })).map(({ bytes }) => Buffer.from(bytes))
}

function both(acks: number) {
  return { acks, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData: [0, 1].map(index => ({ index, records: batchOf('v') })) }] }
}

function incompressible(bytes: number): Buffer {
  const value = Buffer.alloc(bytes)
  for (let i = 0, x = 1; i < bytes; i++, x = Math.imul(x, 1_664_525) + 1_013_904_223) value[i] = x >>> 24
  return batchOf({ value })
}
