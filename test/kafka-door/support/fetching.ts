// Fetch requests with little to say, and what came back: offsets of the records and what is told beside them.
import { partsOf } from '../../../src/surface/event-log.ts'
import type { EventLog, Topic, TopicOptions } from '../../../src/index.ts'
import { baseOffset, batchBytes, lastOffset } from '../../../src/format/record-batch.ts'
import { fetch } from '../../../src/kafka/apis/01-fetch.ts'
import type { Decoded, Encodable } from '../../../src/kafka/protocol/field.ts'
import type { StoredTopic } from '../../../src/log/stored-topic.ts'
import type { WritablePartition } from '../../../src/storage/writable-partition.ts'
import { nameOf } from './produce.ts'
import type { WireClient } from './wire-client.ts'

type Request = Encodable<typeof fetch.request.fields>
export type FetchAnswer = Decoded<typeof fetch.response.fields>
export type FetchedPartition = FetchAnswer['responses'][number]['partitions'][number]
type AskedTopic = Request['topics'][number]

const LARGE = 2 ** 20

export interface Asked {
  readonly topic?: string
  readonly topicId?: string
  readonly partition?: number
  readonly offset: number
  readonly epoch?: number
  readonly lastEpoch?: number
  readonly maxBytes?: number
}

/** Without a wait, unless `over` says otherwise. */
export function fetchRequest(asked: readonly Asked[], over: Partial<Request> = {}): Request {
  return { maxWaitMs: 0, minBytes: 1, maxBytes: 50 * LARGE, topics: asked.map(topicOf), forgottenTopicsData: [], ...over }
}

function topicOf({ topic = 'orders', topicId, partition = 0, offset, epoch = -1, lastEpoch = -1, maxBytes = LARGE }: Asked): AskedTopic {
  const named = topicId === undefined ? { topic } : { topicId }
  return { topic: '', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', ...named, partitions: [{ partition, fetchOffset: offset, currentLeaderEpoch: epoch, lastFetchedEpoch: lastEpoch, partitionMaxBytes: maxBytes }] }
}

export async function fetchFrom(client: WireClient, asked: readonly Asked[], over: Partial<Request> = {}, version = 12): Promise<FetchAnswer> {
  return await client.ask(fetch, version, fetchRequest(asked, over))
}

/** The one partition that is asked for. */
export async function fetchOne(client: WireClient, asked: Asked, over: Partial<Request> = {}, version = 12): Promise<FetchedPartition> {
  return (await fetchFrom(client, [asked], over, version)).responses[0]!.partitions[0]!
}

/** The partitions of an answer, as 'orders-0: NONE 3..7' with the offsets of the records. */
export function summaryOf({ responses }: FetchAnswer): string[] {
  return responses.flatMap(({ topic, topicId, partitions }) => partitions.map(each => `${topic === '' ? topicId : topic}-${each.partitionIndex}: ${summaryOfOne(each)}`))
}

export function summaryOfOne({ errorCode, records }: FetchedPartition): string {
  const span = spanOf(records)
  return `${nameOf(errorCode) ?? errorCode}${span === undefined ? '' : ` ${span[0]}..${span[1]}`}`
}

/** Offsets of the first and of the last record. */
export function spanOf(records: Buffer | null): [first: number, last: number] | undefined {
  if (records === null || records.length === 0) return undefined
  let last = 0
  for (let at = 0; at < records.length; at += batchBytes(records, at)) last = at
  return [baseOffset(records, 0), lastOffset(records, last)]
}

export async function topicOfBytes(log: EventLog, topic = 'orders', options: TopicOptions<Uint8Array, Uint8Array> = {}): Promise<Topic<Uint8Array, Uint8Array>> {
  return await log.topic<Uint8Array, Uint8Array>(topic, { key: 'bytes', value: 'bytes', ...options })
}

export function storedTopic(log: EventLog, topic = 'orders'): StoredTopic {
  return partsOf(log).log.topics.get(topic)!
}

export function partitionOf(log: EventLog, topic = 'orders', partition = 0): WritablePartition {
  return storedTopic(log, topic).writable(partition)
}
