// Fetch: batches as they are stored, from an offset on, for each partition. What a request leaves out its session adds
// (fetch-sessions.ts), what is there is read (fetch-reads.ts), and what is not yet is waited for (fetch-wait.ts).
//
// As Kafka does: an answer begins with the batch that holds the offset, and has whole batches alone, compressed as they
// came, markers and aborted ones among them; the client leaves those out. Every partition has one replica, so the high
// watermark is the end, and nobody is sent to another replica. A follower is refused: there is nothing to replicate to.
// Unlike Kafka: batches are checked before they go out, and CORRUPT_MESSAGE is told here; a partition gives 8 MiB at most
// in one answer, and fetch.min.bytes beyond that are not waited for; a batch that would be cut is left out.
import { readPartitions, type PartitionRead } from '../fetch-reads.ts'
import type { FetchRequest, FetchTurn, FetchTurnAnswer } from '../fetch-sessions.ts'
import { isEnough, readUntilEnough } from '../fetch-wait.ts'
import type { fetch } from '../apis/01-fetch.ts'
import { KafkaError } from '../kafka-errors.ts'
import type { ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type Response = ResponseOf<typeof fetch>
type TopicAnswer = Response['responses'][number]

/** From then on clients read an error of the whole request. */
const FIRST_WITH_ERROR_ALONE = 13

export const fetchHandler: Handler<typeof fetch> = {
  handle(request, call) {
    if (request.replicaId >= 0 || request.replicaState.replicaId >= 0) throw new KafkaError('INVALID_REQUEST', 'there are no replicas: a fetch by a follower is not answered')
    const isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
    const maxBytes = Math.min(Math.max(0, request.maxBytes), call.door.fetches.answerBytes(call.connection))
    const minBytes = Math.min(request.minBytes, maxBytes)
    const turn = call.door.fetches.sessions.begin(request, call.version, call.node)
    const read = (): ReturnType<typeof readPartitions> => readPartitions(turn.partitions, { maxBytes, isolation }, call)
    const first = read()
    if (!(first instanceof Promise) && (request.maxWaitMs <= 0 || isEnough(first, minBytes))) return respond(turn, first, call)
    return readUntilEnough(first, { maxWaitMs: request.maxWaitMs, minBytes, isolation, connection: call.connection, brokers: call.door.brokers }, read).then(reads => respond(turn, reads, call))
  },
  refuse: (request, errorCode, _message, version) => ({
    throttleTimeMs: 0, errorCode, sessionId: request.sessionId, responses: version < FIRST_WITH_ERROR_ALONE ? refuseEach(request, errorCode) : [],
  }),
}

function respond(turn: FetchTurn, reads: readonly PartitionRead[], { door: { brokers } }: Call): Response {
  const { errorCode, sessionId, told } = turn.answer(reads.map(({ answer }) => answer))
  const named = new Set(told.map(({ answer }) => answer.currentLeader?.leaderId))
  return { throttleTimeMs: 0, errorCode, sessionId, responses: byTopic(told), nodeEndpoints: brokers.up.filter(({ nodeId }) => named.has(nodeId)) }
}

/** Neighbours of one topic stand together; the order of the partitions stays. */
function byTopic(told: FetchTurnAnswer['told']): TopicAnswer[] {
  const topics: (TopicAnswer & { readonly partitions: TopicAnswer['partitions'][number][] })[] = []
  for (const { asked: { topic, topicId }, answer } of told) {
    const last = topics.at(-1)
    if (last !== undefined && last.topic === topic && last.topicId === topicId) last.partitions.push(answer)
    else topics.push({ topic, topicId, partitions: [answer] })
  }
  return topics
}

function refuseEach({ topics }: FetchRequest, errorCode: number): TopicAnswer[] {
  return topics.map(({ topic, topicId, partitions }) => ({
    topic, topicId, partitions: partitions.map(({ partition }) => ({ partitionIndex: partition, errorCode, highWatermark: -1, abortedTransactions: null, records: Buffer.alloc(0) })),
  }))
}
