// Transactions over the wire: each API in the versions that clients send, and which error each version knows.
import { expect, test } from 'vitest'
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from '../../src/kafka/kafka-errors.ts'
import { offsetFetch } from '../../src/kafka/apis/09-offset-fetch.ts'
import { initProducerId } from '../../src/kafka/apis/22-init-producer-id.ts'
import { addPartitionsToTxn } from '../../src/kafka/apis/24-add-partitions-to-txn.ts'
import { addOffsetsToTxn } from '../../src/kafka/apis/25-add-offsets-to-txn.ts'
import { endTxn } from '../../src/kafka/apis/26-end-txn.ts'
import { txnOffsetCommit } from '../../src/kafka/apis/28-txn-offset-commit.ts'
import { describeProducers } from '../../src/kafka/apis/61-describe-producers.ts'
import { describeTransactions } from '../../src/kafka/apis/65-describe-transactions.ts'
import { listTransactions } from '../../src/kafka/apis/66-list-transactions.ts'
import { batchOf, checked, numbered } from './support/batches.ts'
import { openDoor, type OpenDoor } from './support/open-door.ts'
import { contentsOf, nameOf, outcome } from './support/produce.ts'
import type { WireClient } from './support/wire-client.ts'

interface Producer { readonly producerId: number; readonly producerEpoch: number }

const transactionalId = 'payments'

async function start(): Promise<OpenDoor & { contents: (partition?: number) => Promise<string[]> }> {
  const door = await openDoor()
  const orders = await door.log.topic<Uint8Array, Uint8Array>('orders', { partitions: 2, value: 'bytes', key: 'bytes' })
  return { ...door, contents: partition => contentsOf(orders, partition) }
}

async function init(client: WireClient, { version = 5, id = transactionalId, ...given }: { version?: number; id?: string | null; transactionTimeoutMs?: number; producerId?: number; producerEpoch?: number } = {}): Promise<Producer & { error: KafkaErrorName | undefined }> {
  const { errorCode, producerId, producerEpoch } = await client.ask(initProducerId, version, { transactionalId: id, transactionTimeoutMs: 60_000, ...given })
  return { error: nameOf(errorCode), producerId, producerEpoch }
}

function batch({ producerId, producerEpoch }: Producer, sequence: number, ...values: string[]): Buffer {
  const encoder = new BatchEncoder()
  for (const value of values) encoder.append(1000, null, Buffer.from(value), [])
  return checked(Buffer.from(encoder.seal({ producer: { id: producerId, epoch: producerEpoch, sequence } })))
}

async function end(client: WireClient, { producerId, producerEpoch }: Producer, committed: boolean, version = 5): Promise<Producer & { error: KafkaErrorName | undefined }> {
  const answer = await client.ask(endTxn, version, { transactionalId, producerId, producerEpoch, committed })
  return { error: nameOf(answer.errorCode), producerId: answer.producerId, producerEpoch: answer.producerEpoch }
}

async function add(client: WireClient, { producerId, producerEpoch }: Producer, version: number, { topic = 'orders', partitions = [0, 1], verifyOnly = false } = {}): Promise<(KafkaErrorName | undefined)[]> {
  const topics = [{ name: topic, partitions }]
  const answer = await client.ask(addPartitionsToTxn, version, version < 4
    ? { v3AndBelowTransactionalId: transactionalId, v3AndBelowProducerId: producerId, v3AndBelowProducerEpoch: producerEpoch, v3AndBelowTopics: topics }
    : { transactions: [{ transactionalId, producerId, producerEpoch, verifyOnly, topics }] })
  const results = version < 4 ? answer.resultsByTopicV3AndBelow : answer.resultsByTransaction[0]!.topicResults
  return results[0]!.resultsByPartition.map(({ partitionErrorCode }) => nameOf(partitionErrorCode))
}

interface Move { groupId?: string; name?: string; committedOffset?: number; committedMetadata?: string; memberId?: string; generationId?: number }

async function move(client: WireClient, { producerId, producerEpoch }: Producer, version: number, { groupId = 'g', name = 'orders', committedOffset = 1, committedMetadata, ...member }: Move = {}): Promise<KafkaErrorName | undefined> {
  const topics = [{ name, partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: committedMetadata ?? null }] }]
  const answer = await client.ask(txnOffsetCommit, version, { transactionalId, groupId, producerId, producerEpoch, topics, ...member })
  return nameOf(answer.topics[0]!.partitions[0]!.errorCode)
}

async function positionOf(client: WireClient, requireStable = true): Promise<number | KafkaErrorName | undefined> {
  const { groups } = await client.ask(offsetFetch, 9, { groups: [{ groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }] }], requireStable })
  const { errorCode, committedOffset } = groups[0]!.topics[0]!.partitions[0]!
  return errorCode === 0 ? committedOffset : nameOf(errorCode)
}

test('a client of transaction version 2 writes, moves a position, commits, and goes on with the epoch that it is told', async () => {
  const { client, contents } = await start()
  const producer = await init(client)
  expect(await outcome(client, batch(producer, 0, 'a'), { version: 12, acks: -1, transactionalId })).toBe('NONE')
  expect(await outcome(client, batch(producer, 0, 'b'), { version: 12, acks: -1, transactionalId, index: 1 })).toBe('NONE')
  expect(await move(client, producer, 5)).toBe('NONE')
  expect(await positionOf(client)).toBe('UNSTABLE_OFFSET_COMMIT')
  expect(await positionOf(client, false)).toBe(-1)
  expect([await contents(0), await contents(1)]).toEqual([[], []])
  const next = await end(client, producer, true)
  expect(next).toEqual({ error: 'NONE', producerId: producer.producerId, producerEpoch: producer.producerEpoch + 1 })
  expect([await contents(0), await contents(1)]).toEqual([['0: null=a'], ['0: null=b']])
  expect(await positionOf(client)).toBe(1)
  expect(await end(client, producer, true)).toEqual(next)
  expect(await outcome(client, batch(producer, 1, 'late'), { version: 12, transactionalId })).toBe('INVALID_PRODUCER_EPOCH')
  expect(await outcome(client, batch(next, 0, 'dropped'), { version: 12, acks: -1, transactionalId })).toBe('NONE')
  expect(await move(client, next, 5, { committedOffset: 2 })).toBe('NONE')
  expect((await end(client, next, false)).error).toBe('NONE')
  expect([await contents(0), await positionOf(client)]).toEqual([['0: null=a'], 1])
})

test.each([0, 1, 2, 3, 4, 5])('a client that adds partitions first, by version %i', async version => {
  const { client, contents } = await start()
  const producer = await init(client, { version: Math.min(version, 4) })
  expect(await outcome(client, batch(producer, 0, 'early'), { version: 7, transactionalId })).toBe('INVALID_TXN_STATE')
  expect(await outcome(client, batch(producer, 0, 'early'), { version: 11, transactionalId })).toBe('TRANSACTION_ABORTABLE')
  expect(await add(client, producer, version)).toEqual(['NONE', 'NONE'])
  expect(await outcome(client, batch(producer, 0, 'a'), { version: 7, acks: -1, transactionalId })).toBe('NONE')
  const { errorCode } = await client.ask(addOffsetsToTxn, Math.min(version, 4), { transactionalId, ...producer, groupId: 'g' })
  expect(errorCode).toBe(0)
  expect(await move(client, producer, Math.min(version, 4))).toBe('NONE')
  expect(await end(client, producer, true, Math.min(version, 4))).toMatchObject({ error: 'NONE' })
  expect(await end(client, producer, true, Math.min(version, 4))).toMatchObject({ error: 'NONE' })
  expect([await contents(0), await positionOf(client)]).toEqual([['0: null=a'], 1])
  expect(await move(client, producer, Math.min(version, 4))).toBe(version >= 4 ? 'TRANSACTION_ABORTABLE' : 'INVALID_TXN_STATE')
  expect(await add(client, producer, version)).toEqual(['NONE', 'NONE'])
  expect(await outcome(client, batch(producer, 1, 'b'), { version: 7, acks: -1, transactionalId })).toBe('NONE')
  expect(await end(client, producer, false, Math.min(version, 4))).toMatchObject({ error: 'NONE' })
  expect(await contents(0)).toEqual(['0: null=a'])
})

test('a producer that was fenced is told so by the name that its version knows', async () => {
  const { client } = await start()
  const old = await init(client)
  const current = await init(client)
  expect(current).toMatchObject({ error: 'NONE', producerId: old.producerId, producerEpoch: old.producerEpoch + 1 })
  expect(await outcome(client, batch(old, 0, 'x'), { version: 12, transactionalId })).toBe('INVALID_PRODUCER_EPOCH')
  expect([await add(client, old, 1), await add(client, old, 2)]).toEqual([['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'], ['PRODUCER_FENCED', 'PRODUCER_FENCED']])
  expect([(await end(client, old, true, 1)).error, (await end(client, old, true, 2)).error, (await end(client, old, true)).error]).toEqual(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'PRODUCER_FENCED'])
  expect([(await init(client, { ...old, version: 3 })).error, (await init(client, { ...old, version: 4 })).error]).toEqual(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'])
  expect((await init(client, { ...current, version: 4 })).producerEpoch).toBe(current.producerEpoch + 1)
})

test('what can\'t be is refused, and nothing is changed', async () => {
  const { client, contents } = await start()
  const producer = await init(client)
  const stranger = { producerId: producer.producerId + 77, producerEpoch: 0 }
  expect((await init(client, { id: '' })).error).toBe('INVALID_REQUEST')
  expect((await init(client, { producerId: 5 })).error).toBe('INVALID_REQUEST')
  expect((await init(client, { transactionTimeoutMs: 900_001 })).error).toBe('INVALID_TRANSACTION_TIMEOUT')
  expect(await add(client, stranger, 3)).toEqual(['INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'])
  expect(await add(client, producer, 3, { partitions: [1, 2] })).toEqual(['OPERATION_NOT_ATTEMPTED', 'UNKNOWN_TOPIC_OR_PARTITION'])
  expect(await add(client, producer, 4, { verifyOnly: true, partitions: [0] })).toEqual(['INVALID_TXN_STATE'])
  expect(await add(client, producer, 5, { verifyOnly: true, partitions: [0] })).toEqual(['TRANSACTION_ABORTABLE'])
  expect((await end(client, stranger, true)).error).toBe('INVALID_PRODUCER_ID_MAPPING')
  expect((await end(client, producer, true)).error).toBe('INVALID_TXN_STATE')
  expect(await outcome(client, batch(producer, 0, 'x'), { version: 12 })).toBe('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  expect(await outcome(client, batch(stranger, 0, 'x'), { version: 12, transactionalId })).toBe('INVALID_PRODUCER_ID_MAPPING')
  expect((await client.ask(addOffsetsToTxn, 3, { transactionalId, ...producer, groupId: '' })).errorCode).toBe(KAFKA_ERRORS.INVALID_GROUP_ID)
  expect(await move(client, producer, 5, { groupId: '' })).toBe('INVALID_GROUP_ID')
  expect(await move(client, producer, 5, { name: 'nothing' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(await move(client, producer, 5, { committedMetadata: 'x'.repeat(4097) })).toBe('OFFSET_METADATA_TOO_LARGE')
  expect(await move(client, producer, 5, { memberId: 'nobody', generationId: 3 })).toBe('ILLEGAL_GENERATION')
  expect([await contents(0), await positionOf(client)]).toEqual([[], -1])
})

test('a producer without a transactional id numbers its batches, and one that is sent twice is stored once', async () => {
  const { client, contents } = await start()
  const producer = await init(client, { id: null, version: 0 })
  expect([producer.error, producer.producerEpoch]).toEqual(['NONE', 0])
  expect((await init(client, { id: null })).producerId).not.toBe(producer.producerId)
  for (let times = 0; times < 2; times++) expect(await outcome(client, numbered(batchOf('a'), { id: producer.producerId, sequence: 0 }), { version: 9 })).toBe('NONE')
  expect(await contents(0)).toEqual(['0: null=a'])
})

test('tools see what is open, and who has written', async () => {
  const { client } = await start()
  const producer = await init(client)
  await outcome(client, batch(producer, 0, 'a', 'b'), { version: 12, acks: -1, transactionalId })
  const { transactionStates: [state] } = await client.ask(describeTransactions, 0, { transactionalIds: [transactionalId] })
  expect(state).toMatchObject({ errorCode: 0, transactionState: 'Ongoing', transactionTimeoutMs: 60_000, producerId: producer.producerId, producerEpoch: producer.producerEpoch, topics: [{ topic: 'orders', partitions: [0] }] })
  const { topics } = await client.ask(describeProducers, 0, { topics: [{ name: 'orders', partitionIndexes: [0, 1, 2] }] })
  expect(topics[0]!.partitions.map(({ errorCode, activeProducers }) => [nameOf(errorCode), activeProducers.map(({ lastSequence, currentTxnStartOffset }) => [lastSequence, currentTxnStartOffset])])).toEqual([
    ['NONE', [[1, 0]]], ['NONE', []], ['UNKNOWN_TOPIC_OR_PARTITION', []],
  ])
  await end(client, producer, true)
  const { transactionStates } = await client.ask(describeTransactions, 0, { transactionalIds: [transactionalId, 'nobody', ''] })
  expect(transactionStates.map(({ errorCode, transactionState }) => [nameOf(errorCode), transactionState])).toEqual([['NONE', 'CompleteCommit'], ['TRANSACTIONAL_ID_NOT_FOUND', ''], ['INVALID_REQUEST', '']])
})

test('transactions are listed by state, producer, age and pattern', async () => {
  const { client } = await start()
  const payments = await init(client)
  await init(client, { id: 'refunds' })
  await outcome(client, batch(payments, 0, 'a'), { version: 12, acks: -1, transactionalId })
  const list = async (filters: { stateFilters?: string[]; producerIdFilters?: number[]; durationFilter?: number; transactionalIdPattern?: string }): Promise<string[]> => {
    const { transactionStates } = await client.ask(listTransactions, 2, { stateFilters: [], producerIdFilters: [], ...filters })
    return transactionStates.map(each => `${each.transactionalId} ${each.transactionState}`)
  }
  expect(await list({})).toEqual(['payments Ongoing', 'refunds Empty'])
  expect(await list({ stateFilters: ['Empty'] })).toEqual(['refunds Empty'])
  expect(await list({ producerIdFilters: [payments.producerId] })).toEqual(['payments Ongoing'])
  expect(await list({ durationFilter: 3_600_000 })).toEqual([])
  expect(await list({ transactionalIdPattern: 're.*' })).toEqual(['refunds Empty'])
  expect(await list({ transactionalIdPattern: 'ref' })).toEqual([])
  await init(client, { id: `${'a'.repeat(40)}!` })
  for (const transactionalIdPattern of ['(', '(a+)+']) {
    const { errorCode } = await client.ask(listTransactions, 2, { stateFilters: [], producerIdFilters: [], transactionalIdPattern })
    expect(errorCode, transactionalIdPattern).toBe(KAFKA_ERRORS.INVALID_REGULAR_EXPRESSION)
  }
  const { unknownStateFilters } = await client.ask(listTransactions, 0, { stateFilters: ['Waiting'], producerIdFilters: [] })
  expect(unknownStateFilters).toEqual(['Waiting'])
})

test('a broker that does not coordinate the id says so', async () => {
  const { client } = await openDoor({ brokers: 2 })
  const answers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(id => init(client, { id })))
  expect(new Set(answers.map(({ error }) => error))).toEqual(new Set(['NONE', 'NOT_COORDINATOR']))
})
