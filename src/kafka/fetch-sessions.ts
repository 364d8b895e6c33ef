// Fetch sessions (KIP-227): what a client asked for before, so that a request names only what has changed, and what it was
// told before, so that an answer does too.
//
//   request    id 0, epoch -1     no session; one that it names is closed
//              epoch 0            everything is named; the answer has the id of a new session, 0 where there is no room for one
//              epoch n            what has changed since request n - 1: partitions that come, go, or are read from elsewhere
//
// Epochs rise by one with each request, so a request that was lost, or came twice, is found out: then the client begins anew.
// Partitions of a session that gave records go to the end of its order: with large backlogs each gets its turn.
// A session goes by names or by topic ids for good. A topic that was deleted and made anew is another one to those by id.
import { randomInt } from 'node:crypto'
import { systemClock } from '../platform/clock.ts'
import type { fetch } from './apis/01-fetch.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from './kafka-errors.ts'
import type { RequestOf, ResponseOf } from './protocol/api.ts'

export type FetchRequest = RequestOf<typeof fetch>
export type PartitionRequest = FetchRequest['topics'][number]['partitions'][number]
export type PartitionAnswer = ResponseOf<typeof fetch>['responses'][number]['partitions'][number]

/** Kafka's max.incremental.fetch.session.cache.slots. */
export const MAX_SESSIONS = 1000
/** Of all sessions together; some 300 bytes each. */
export const MAX_PARTITIONS = 100_000
/** Kafka's min.incremental.fetch.session.eviction.ms: only what is older makes way. */
export const EVICTION_MS = 120_000

const NO_SESSION = 0
const FIRST_EPOCH = 0
const FINAL_EPOCH = -1
const LAST_EPOCH = 2 ** 31 - 1
const FIRST_BY_ID = 13

/** What is asked of a partition, and in a session what was answered. */
export interface AskedPartition {
  /** Empty where it is named by its topic's id. */
  readonly topic: string
  readonly topicId: string
  readonly isById: boolean
  wanted: PartitionRequest
  /** Of a topic that is named by its id: its name, once it was found. */
  name: string | undefined
  toldHighWatermark: number
  toldStartOffset: number
}

/** One request, with what its session adds to it. */
export interface FetchTurn {
  readonly partitions: readonly AskedPartition[]
  /** Given an answer for each of them: the ones that are sent. Notes what the client is told. */
  answer(answers: readonly PartitionAnswer[]): FetchTurnAnswer
}

export interface FetchTurnAnswer {
  readonly errorCode: number
  readonly sessionId: number
  readonly told: readonly { readonly asked: AskedPartition; readonly answer: PartitionAnswer }[]
}

interface Session {
  readonly id: number
  /** Of which of the pretended brokers. */
  readonly node: number
  readonly isById: boolean
  /** By topic and number, in the order in which they are read. */
  readonly partitions: Map<string, AskedPartition>
  readonly createdAt: number
  usedAt: number
  /** Of the request that is expected next. */
  epoch: number
}

export class FetchSessions {
  /** In the order of their last use. */
  readonly #sessions = new Map<number, Session>()
  #partitionCount = 0
  readonly #now: () => number

  constructor(now: () => number = systemClock.now) {
    this.#now = now
  }

  get size(): number { return this.#sessions.size }

  begin(request: FetchRequest, version: number, node: number): FetchTurn {
    const { sessionId, sessionEpoch } = request
    const known = this.#sessions.get(sessionId)
    const session = known?.node === node ? known : undefined
    if (sessionEpoch !== FIRST_EPOCH && sessionEpoch !== FINAL_EPOCH) return this.#goOn(session, request, version)
    if (session !== undefined) this.#close(session)
    const asked = askedBy(request, version)
    return sessionEpoch === FINAL_EPOCH ? withoutSession(asked) : this.#full(asked, version >= FIRST_BY_ID, node)
  }

  #full(asked: Map<string, AskedPartition>, isById: boolean, node: number): FetchTurn {
    const partitions = [...asked.values()]
    return {
      partitions,
      answer: answers => {
        partitions.forEach((each, i) => { noteTold(each, answers[i]!) })
        return { errorCode: KAFKA_ERRORS.NONE, sessionId: this.#create(asked, isById, node), told: pairs(partitions, answers) }
      },
    }
  }

  #goOn(session: Session | undefined, request: FetchRequest, version: number): FetchTurn {
    if (session === undefined) return refused('FETCH_SESSION_ID_NOT_FOUND')
    if (session.epoch !== request.sessionEpoch) return refused('INVALID_FETCH_SESSION_EPOCH')
    if (session.isById !== (version >= FIRST_BY_ID)) return refused('FETCH_SESSION_TOPIC_ID_ERROR')
    const asked = askedBy(request, version)
    this.#change(session, asked, forgottenBy(request, version))
    if (session.partitions.size === 0 || this.#partitionCount > MAX_PARTITIONS) {
      this.#close(session)
      return session.partitions.size === 0 ? withoutSession(asked) : refused('FETCH_SESSION_ID_NOT_FOUND')
    }
    const { sessionEpoch } = request
    session.epoch = sessionEpoch === LAST_EPOCH ? 1 : sessionEpoch + 1
    this.#touch(session)
    const { epoch } = session
    const partitions = [...session.partitions.values()]
    return { partitions, answer: answers => session.epoch === epoch ? tellChanges(session, partitions, answers) : refusal('INVALID_FETCH_SESSION_EPOCH', session.id) }
  }

  #change(session: Session, asked: Map<string, AskedPartition>, forgotten: readonly string[]): void {
    const before = session.partitions.size
    for (const [key, each] of asked) {
      const known = session.partitions.get(key)
      if (known === undefined) session.partitions.set(key, each)
      else known.wanted = each.wanted
    }
    for (const key of forgotten) session.partitions.delete(key)
    this.#partitionCount += session.partitions.size - before
  }

  #touch(session: Session): void {
    session.usedAt = this.#now()
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  #create(partitions: Map<string, AskedPartition>, isById: boolean, node: number): number {
    if (!this.#makeRoom(partitions.size)) return NO_SESSION
    const now = this.#now()
    const session: Session = { id: this.#freeId(), node, isById, partitions, createdAt: now, usedAt: now, epoch: FIRST_EPOCH + 1 }
    this.#sessions.set(session.id, session)
    this.#partitionCount += partitions.size
    return session.id
  }

  /** One that nobody has used for long makes way, or one that is not new and smaller. */
  #makeRoom(size: number): boolean {
    if (this.#sessions.size >= MAX_SESSIONS) {
      const evicted = this.#evictable(size)
      if (evicted === undefined) return false
      this.#close(evicted)
    }
    return this.#partitionCount + size <= MAX_PARTITIONS
  }

  #evictable(size: number): Session | undefined {
    const before = this.#now() - EVICTION_MS
    const [oldest] = this.#sessions.values()
    if (oldest !== undefined && oldest.usedAt < before) return oldest
    let smallest: Session | undefined
    for (const session of this.#sessions.values()) {
      if (session.createdAt < before && session.partitions.size < (smallest?.partitions.size ?? size)) smallest = session
    }
    return smallest
  }

  #close(session: Session): void {
    if (this.#sessions.delete(session.id)) this.#partitionCount -= session.partitions.size
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(NO_SESSION + 1, LAST_EPOCH)
      if (!this.#sessions.has(id)) return id
    }
  }
}

function tellChanges(session: Session, partitions: readonly AskedPartition[], answers: readonly PartitionAnswer[]): FetchTurnAnswer {
  const told = pairs(partitions, answers).filter(({ asked, answer }) => isNews(asked, answer))
  for (const { asked, answer } of told) {
    noteTold(asked, answer)
    const key = keyOf(asked, asked.wanted.partition)
    if (hasRecords(answer) && session.partitions.delete(key)) session.partitions.set(key, asked)
  }
  return { errorCode: KAFKA_ERRORS.NONE, sessionId: session.id, told }
}

function isNews(asked: AskedPartition, answer: PartitionAnswer): boolean {
  return hasRecords(answer) || answer.errorCode !== KAFKA_ERRORS.NONE || answer.divergingEpoch !== undefined
    || answer.highWatermark !== asked.toldHighWatermark || startOf(answer) !== asked.toldStartOffset
}

/** After an error the answer without one is news, whatever it says: errors have a high watermark of -1. */
function noteTold(asked: AskedPartition, answer: PartitionAnswer): void {
  asked.toldHighWatermark = answer.highWatermark
  asked.toldStartOffset = startOf(answer)
}

function startOf({ logStartOffset = -1 }: PartitionAnswer): number {
  return logStartOffset
}

function hasRecords({ records }: PartitionAnswer): boolean {
  return records !== null && records.length > 0
}

function withoutSession(asked: ReadonlyMap<string, AskedPartition>): FetchTurn {
  const partitions = [...asked.values()]
  return { partitions, answer: answers => ({ errorCode: KAFKA_ERRORS.NONE, sessionId: NO_SESSION, told: pairs(partitions, answers) }) }
}

function refused(error: KafkaErrorName): FetchTurn {
  return { partitions: [], answer: () => refusal(error, NO_SESSION) }
}

function refusal(error: KafkaErrorName, sessionId: number): FetchTurnAnswer {
  return { errorCode: KAFKA_ERRORS[error], sessionId, told: [] }
}

function pairs(partitions: readonly AskedPartition[], answers: readonly PartitionAnswer[]): { asked: AskedPartition; answer: PartitionAnswer }[] {
  return partitions.map((asked, i) => ({ asked, answer: answers[i]! }))
}

/** Of one that is named twice, what is said last. */
function askedBy({ topics }: FetchRequest, version: number): Map<string, AskedPartition> {
  const isById = version >= FIRST_BY_ID
  const asked = new Map<string, AskedPartition>()
  for (const { topic, topicId, partitions } of topics) {
    for (const wanted of partitions) {
      asked.set(keyOf({ topic, topicId, isById }, wanted.partition), { topic, topicId, isById, wanted, name: undefined, toldHighWatermark: -1, toldStartOffset: -1 })
    }
  }
  return asked
}

function forgottenBy({ forgottenTopicsData }: FetchRequest, version: number): string[] {
  const isById = version >= FIRST_BY_ID
  return forgottenTopicsData.flatMap(({ topic, topicId, partitions }) => partitions.map(partition => keyOf({ topic, topicId, isById }, partition)))
}

function keyOf({ topic, topicId, isById }: Pick<AskedPartition, 'topic' | 'topicId' | 'isById'>, partition: number): string {
  return `${partition}:${isById ? topicId : topic}`
}
