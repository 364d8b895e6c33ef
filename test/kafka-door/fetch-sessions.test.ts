// Fetch sessions: what a client that takes in the changes knows is what a fetch of everything tells.
import { expect, test } from 'vitest'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { EVICTION_MS, FetchSessions, MAX_PARTITIONS, MAX_SESSIONS, type FetchRequest, type FetchTurnAnswer, type PartitionAnswer } from '../../src/kafka/fetch-sessions.ts'
import { fetch } from '../../src/kafka/apis/01-fetch.ts'
import { decodeRequest, encodeRequest } from '../../src/kafka/protocol/messages.ts'
import { batchOf } from './support/batches.ts'
import { fetchFrom, fetchRequest, partitionOf, storedTopic, summaryOf, type Asked, type FetchAnswer, type FetchedPartition, topicOfBytes } from './support/fetching.ts'
import { openDoor } from './support/open-door.ts'
import { nameOf } from './support/produce.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

// ---------------------------------------------------------------- which sessions there are

interface Want { readonly id?: number; readonly epoch?: number; readonly version?: number; readonly node?: number; readonly forget?: readonly number[] }

/** A turn in which each partition is answered with that high watermark and no records. */
function turn(sessions: FetchSessions, partitions: readonly number[], { id = 0, epoch = 0, version = 12, node = 0, forget = [] }: Want = {}, highWatermark = 1): { error: string | undefined; id: number; told: number[] } {
  const request = decoded(partitions, { sessionId: id, sessionEpoch: epoch, forgottenTopicsData: [{ topic: 'orders', partitions: forget }] }, version)
  const { partitions: all, answer } = sessions.begin(request, version, node)
  return outcomeOf(answer(all.map(({ wanted: { partition } }) => answerOf(partition, highWatermark))))
}

function outcomeOf({ errorCode, sessionId, told }: FetchTurnAnswer): { error: string | undefined; id: number; told: number[] } {
  return { error: nameOf(errorCode), id: sessionId, told: told.map(({ asked }) => asked.wanted.partition) }
}

function decoded(partitions: readonly number[], over: object, version: number): FetchRequest {
  const frame = Buffer.concat(encodeRequest(fetch, version, 1, null, fetchRequest([{ offset: 0 }], over))).subarray(4)
  const request = decodeRequest(fetch, frame).body
  const [topic] = request.topics
  const [one] = topic!.partitions
  return { ...request, topics: [{ ...topic!, partitions: partitions.map(partition => ({ ...one!, partition })) }] }
}

function answerOf(partitionIndex: number, highWatermark: number): PartitionAnswer {
  return { partitionIndex, errorCode: 0, highWatermark, logStartOffset: 0, abortedTransactions: null, records: Buffer.alloc(0) }
}

test('an answer of a session tells what has changed, until a partition is forgotten', () => {
  const sessions = new FetchSessions()
  const { id, ...first } = turn(sessions, [0, 1, 2])
  expect(first).toEqual({ error: 'NONE', told: [0, 1, 2] })
  expect(turn(sessions, [], { id, epoch: 1 })).toEqual({ error: 'NONE', id, told: [] })
  expect(turn(sessions, [3], { id, epoch: 2, forget: [1] })).toEqual({ error: 'NONE', id, told: [3] })
  expect(turn(sessions, [], { id, epoch: 3 }, 2)).toEqual({ error: 'NONE', id, told: [0, 2, 3] })
  expect(turn(sessions, [], { id, epoch: 4, forget: [0, 2, 3] })).toEqual({ error: 'NONE', id: 0, told: [] })
  expect(turn(sessions, [], { id, epoch: 5 }).error).toBe('FETCH_SESSION_ID_NOT_FOUND')
})

test('where the logs part is told again and again, though nothing else has changed', () => {
  const sessions = new FetchSessions()
  const { id } = turn(sessions, [0])
  for (let epoch = 1; epoch < 3; epoch++) {
    const { answer } = sessions.begin(decoded([], { sessionId: id, sessionEpoch: epoch }, 12), 12, 0)
    expect(outcomeOf(answer([{ ...answerOf(0, 1), divergingEpoch: { epoch: 0, endOffset: 0 } }]))).toEqual({ error: 'NONE', id, told: [0] })
  }
})

test('a session is only gone on with by its id, its next epoch, its kind of names and its broker', () => {
  const sessions = new FetchSessions()
  const { id } = turn(sessions, [0])
  expect(turn(sessions, [], { id: id + 1, epoch: 1 })).toEqual({ error: 'FETCH_SESSION_ID_NOT_FOUND', id: 0, told: [] })
  expect(turn(sessions, [], { id, epoch: 1, node: 1 }).error).toBe('FETCH_SESSION_ID_NOT_FOUND')
  expect(turn(sessions, [], { id, epoch: 2 })).toEqual({ error: 'INVALID_FETCH_SESSION_EPOCH', id: 0, told: [] })
  expect(turn(sessions, [], { id, epoch: 1, version: 13 }).error).toBe('FETCH_SESSION_TOPIC_ID_ERROR')
  expect(turn(sessions, [], { id, epoch: 1 }).error).toBe('NONE')
  expect(turn(sessions, [], { id, epoch: 1 }).error).toBe('INVALID_FETCH_SESSION_EPOCH')
})

test('of two requests with one epoch the later is refused, and of one that was overtaken the answer', () => {
  const sessions = new FetchSessions()
  const { id } = turn(sessions, [0])
  const slow = sessions.begin(decoded([], { sessionId: id, sessionEpoch: 1 }, 12), 12, 0)
  expect(turn(sessions, [], { id, epoch: 2 }, 2)).toEqual({ error: 'NONE', id, told: [0] })
  expect(outcomeOf(slow.answer([answerOf(0, 2)]))).toEqual({ error: 'INVALID_FETCH_SESSION_EPOCH', id, told: [] })
})

test('epoch -1 makes no session, and closes the one it names, as epoch 0 does', () => {
  const sessions = new FetchSessions()
  expect(turn(sessions, [0], { epoch: -1 })).toEqual({ error: 'NONE', id: 0, told: [0] })
  const { id } = turn(sessions, [0])
  expect(turn(sessions, [0], { id, epoch: -1 })).toEqual({ error: 'NONE', id: 0, told: [0] })
  expect(sessions.size).toBe(0)
  const again = turn(sessions, [0]).id
  expect(turn(sessions, [0], { id: again }).id).not.toBe(again)
  expect(sessions.size).toBe(1)
})

test('where all places are taken, an old session makes way, or one that is not new and smaller; else there is none', () => {
  let now = 0
  const sessions = new FetchSessions(() => now)
  const ids = Array.from({ length: MAX_SESSIONS }, () => turn(sessions, [0, 1]).id)
  expect(new Set(ids).size).toBe(MAX_SESSIONS)
  expect(turn(sessions, [0, 1, 2]).id).toBe(0)
  now = EVICTION_MS + 1
  for (const id of ids.slice(1)) turn(sessions, [], { id, epoch: 1 })
  expect(turn(sessions, [0]).id).not.toBe(0) // in the place of the one that nobody has used
  expect(turn(sessions, [], { id: ids[0]!, epoch: 1 }).error).toBe('FETCH_SESSION_ID_NOT_FOUND')
  expect(turn(sessions, [0, 1]).id).toBe(0)
  expect(turn(sessions, [0, 1, 2]).id).not.toBe(0) // in the place of one with two partitions
  expect(sessions.size).toBe(MAX_SESSIONS)
})

test('sessions hold so many partitions together and no more', () => {
  const sessions = new FetchSessions()
  const many = Array.from({ length: MAX_PARTITIONS }, (_, i) => i)
  const { id } = turn(sessions, many.slice(1))
  expect(id).not.toBe(0)
  expect(turn(sessions, [0, 1]).id).toBe(0)
  expect(turn(sessions, [MAX_PARTITIONS, MAX_PARTITIONS + 1], { id, epoch: 1 }).error).toBe('FETCH_SESSION_ID_NOT_FOUND')
  expect(turn(sessions, many).id).not.toBe(0)
})

// ---------------------------------------------------------------- at the door

test('partitions with a backlog take turns', async () => {
  const { log, client } = await openDoor()
  await topicOfBytes(log, 'orders', { partitions: 3 })
  for (let partition = 0; partition < 3; partition++) for (let i = 0; i < 4; i++) partitionOf(log, 'orders', partition).append(batchOf('v'))
  const first = await fetchFrom(client, [0, 1, 2].map(partition => ({ partition, offset: 0 })), { sessionEpoch: 0, maxBytes: 1 })
  const { sessionId } = first
  let asked: Asked[] = [{ partition: 0, offset: 1 }]
  const served = ['0: NONE 0..0']
  expect(summaryOf(first)).toEqual(['orders-0: NONE 0..0', 'orders-1: NONE', 'orders-2: NONE'])
  for (let sessionEpoch = 1; sessionEpoch < 7; sessionEpoch++) {
    const answer = await fetchFrom(client, asked, { sessionId, sessionEpoch, maxBytes: 1 })
    const [only] = answer.responses[0]!.partitions
    served.push(summaryOf(answer)[0]!.slice('orders-'.length))
    asked = [{ partition: only!.partitionIndex, offset: Number(served.at(-1)!.split('..')[1]) + 1 }]
  }
  expect(served).toEqual(['0: NONE 0..0', '0: NONE 1..1', '1: NONE 0..0', '2: NONE 0..0', '0: NONE 2..2', '1: NONE 1..1', '2: NONE 1..1'])
})

test('a topic that was deleted, and made anew, is told to a session by ids until the client forgets it', async () => {
  const { log, client } = await openDoor()
  await topicOfBytes(log)
  partitionOf(log).append(batchOf('v'))
  const { id: topicId } = storedTopic(log)
  const { sessionId } = await fetchFrom(client, [{ topicId, offset: 0 }], { sessionEpoch: 0 }, 18)
  const next = async (sessionEpoch: number, over = {}) => summaryOf(await fetchFrom(client, [], { sessionId, sessionEpoch, ...over }, 18))
  await log.deleteTopic('orders')
  expect(await next(1)).toEqual([`${topicId}-0: UNKNOWN_TOPIC_OR_PARTITION`])
  await topicOfBytes(log)
  expect(await next(2)).toEqual([`${topicId}-0: INCONSISTENT_TOPIC_ID`])
  expect(await next(3)).toEqual([`${topicId}-0: INCONSISTENT_TOPIC_ID`])
  const { id } = storedTopic(log)
  const answer = await fetchFrom(client, [{ topicId: id, offset: 0 }], { sessionId, sessionEpoch: 4, forgottenTopicsData: [{ topicId, topic: '', partitions: [0] }] }, 18)
  expect(summaryOf(answer)).toEqual([`${id}-0: NONE`])
})

/** A client that goes by sessions, and what it knows of each partition. */
class Follower {
  readonly known = new Map<string, { readonly asked: Asked; told: string }>()
  sessionId = 0
  sessionEpoch = 0

  take({ sessionId, responses }: FetchAnswer): void {
    const isNew = this.sessionEpoch === 0
    this.sessionId = sessionId
    this.sessionEpoch++
    for (const { topic, topicId, partitions } of responses) {
      for (const each of partitions) {
        const key = keyOf({ topic, topicId, partition: each.partitionIndex })
        const partition = this.known.get(key)!
        partition.told = toldOf(each)
        if (isNew || each.records === null || each.records.length === 0) continue
        this.known.delete(key)
        this.known.set(key, partition)
      }
    }
  }
}

const GONE = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'INCONSISTENT_TOPIC_ID'])

/** What stays true until the next answer: nothing of the records. */
function toldOf({ errorCode, highWatermark, logStartOffset }: FetchedPartition): string {
  const name = nameOf(errorCode) ?? String(errorCode)
  return `${GONE.has(name) ? 'gone' : name} ${logStartOffset}..${highWatermark}`
}

function keyOf({ topic = '', topicId, partition = 0 }: Partial<Asked>): string {
  return `${topic === '' ? topicId : topic}-${partition}`
}

test.each([12, 18])(`whatever happens, the changes told add up to what a fetch of everything tells, in version %i (SEED=${SEED})`, async version => {
  const random = new SeededRandom(SEED + version)
  const { log, client } = await openDoor()
  const make = async (topic: string) => await topicOfBytes(log, topic, { partitions: 3 })
  const topics = ['a', 'b', 'c']
  for (const topic of topics) await make(topic)
  const follower = new Follower()
  const named = (topic: string, partition: number, offset: number): Asked => version < 13 ? { topic, partition, offset } : { topicId: storedTopic(log, topic).id, partition, offset }
  for (let step = 0; step < 150; step++) {
    const topic = topics[random.below(3)]!
    const partition = random.below(4) // the last of them there is not
    if (partition < 3 && random.below(2) === 0) partitionOf(log, topic, partition).append(batchOf('v'.repeat(random.below(200))))
    if (partition < 3 && random.below(10) === 0) await partitionOf(log, topic, partition).truncateBefore(random.below(partitionOf(log, topic, partition).endOffset + 1))
    if (random.below(25) === 0) {
      await log.deleteTopic(topic)
      await make(topic)
    }
    if (random.below(10) === 0) follower.sessionEpoch = 0 // begins anew, and asks for all it has
    const changed: Asked[] = follower.sessionEpoch === 0 ? [...follower.known.values()].map(({ asked }) => asked) : []
    const forgotten: Asked[] = []
    if (random.below(3) > 0) {
      const asked = named(topic, partition, random.below(6))
      changed.push(asked)
      const key = keyOf(asked)
      const before = follower.known.get(key)
      follower.known.set(key, { asked, told: before?.told ?? 'nothing yet' })
    } else if (follower.sessionEpoch > 0 && follower.known.size > 1 && random.below(3) === 0) {
      const [key, { asked }] = [...follower.known][random.below(follower.known.size)]!
      follower.known.delete(key)
      forgotten.push(asked)
    }
    if (follower.known.size === 0) continue
    const maxBytes = 1 + random.below(600)
    const isFull = follower.sessionEpoch === 0
    const session = { sessionId: follower.sessionId, sessionEpoch: follower.sessionEpoch, maxBytes }
    const forgottenTopicsData = forgotten.map(({ topic: name = '', topicId = 'AAAAAAAAAAAAAAAAAAAAAA', partition: index = 0 }) => ({ topic: name, topicId, partitions: [index] }))
    const wanted = [...follower.known.values()].map(({ asked }) => asked)
    const everything = flat(await fetchFrom(client, wanted, { maxBytes }, version))
    const answer = await fetchFrom(client, isFull ? wanted : changed, { ...session, forgottenTopicsData }, version)
    expect([step, nameOf(answer.errorCode)]).toEqual([step, 'NONE'])
    const told = flat(answer)
    for (const [key, each] of told) expect([step, key, toldOf(each), each.records]).toEqual([step, key, toldOf(everything.get(key)!), everything.get(key)!.records])
    follower.take(answer)
    for (const [key, each] of everything) {
      expect([step, key, follower.known.get(key)!.told]).toEqual([step, key, toldOf(each)])
      if (each.errorCode !== 0 || each.records!.length > 0) expect([step, [...told.keys()]]).toEqual([step, expect.arrayContaining([key])])
    }
  }
})

function flat({ responses }: FetchAnswer): Map<string, FetchedPartition> {
  return new Map(responses.flatMap(({ topic, topicId, partitions }) => partitions.map(each => [keyOf({ topic, topicId, partition: each.partitionIndex }), each] as const)))
}
