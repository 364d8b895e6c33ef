// The batches of one Produce request on their way into the log: each is checked and appended, one after the other, and has
// an answer of its own. Nothing is waited for where nothing has to be; a request with many batches gives way to the event
// loop between them.
//
// Hot: all that clients send goes through here (the benchmark 'produce').
import { hasProducer, isTransactional, producerEpoch, producerId } from '../format/record-batch.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import { Slices } from '../platform/slices.ts'
import type { WritablePartition } from '../storage/writable-partition.ts'
import { produce } from './apis/00-produce.ts'
import type { Call } from './handlers/handler.ts'
import { RecordsRefused, checkBatch, setAppendTime, timeRules } from './incoming-batch.ts'
import { KAFKA_ERRORS, KafkaError, errorCodeOf, messageOf } from './kafka-errors.ts'
import { epochOf } from './leader-epoch.ts'
import { tellMistake } from './mistakes.ts'
import type { RequestOf, ResponseOf } from './protocol/api.ts'

type Request = RequestOf<typeof produce>
type Response = ResponseOf<typeof produce>
type TopicRequest = Request['topicData'][number]
type PartitionAnswer = Response['responses'][number]['partitionResponses'][number]

const ZSTD_FROM = 7
const LEADERS_FROM = 10
const ABORTABLE_FROM = 11
const IMPLICIT_PARTITIONS_FROM = 12
const TOPIC_IDS_FROM = 13

interface Incoming {
  readonly topic: TopicRequest
  readonly index: number
  readonly records: Buffer | null
  answer: PartitionAnswer
  /** Where it was written to. */
  log: WritablePartition | undefined
}

/** Where a batch goes, and how. */
interface Target { readonly topic: StoredTopic; readonly log: WritablePartition; readonly appendTime: boolean }

export class IncomingBatches {
  readonly #request: Request
  readonly #call: Call
  /** In the order of the request, as its topics have them. */
  readonly #batches: readonly Incoming[]
  readonly #byTopic: readonly (readonly Incoming[])[]
  readonly #slices = new Slices()
  #next = 0
  #failure: Error | undefined

  constructor(request: Request, call: Call) {
    this.#request = request
    this.#call = call
    this.#byTopic = request.topicData.map(topic => topic.partitionData.map(({ index, records }) => ({ topic, index, records, answer: { index, errorCode: KAFKA_ERRORS.NONE, baseOffset: -1 }, log: undefined })))
    this.#batches = this.#byTopic.flat()
  }

  /** Why one of them was not written, the first; undefined: all were. */
  get failure(): Error | undefined { return this.#failure }

  /** Checks and appends those that are left. A promise only where something has to be waited for. */
  write(): Promise<void> | undefined {
    while (this.#next < this.#batches.length) {
      const waiting = this.#write(this.#batches[this.#next++]!) ?? (this.#slices.due() ? this.#slices.pause() : undefined)
      if (waiting !== undefined) return waiting.then(() => this.write())
    }
    return undefined
  }

  /** What was written is on the device once it resolves, or its answer says that it may not be. */
  async sync(): Promise<void> {
    await Promise.all(this.#batches.map(async batch => {
      try {
        await batch.log?.sync()
      } catch (error) {
        this.#refuse(batch, error)
      }
    }))
  }

  answer(): Response {
    const responses = this.#request.topicData.map(({ name, topicId }, i) => ({ name, topicId, partitionResponses: this.#byTopic[i]!.map(batch => batch.answer) }))
    return { responses, nodeEndpoints: this.#leaders() }
  }

  #write(batch: Incoming): Promise<void> | undefined {
    try {
      const { records } = batch
      const target = this.#targetOf(batch)
      if (records === null) throw new KafkaError('INVALID_RECORD', 'there is no batch')
      const { cleanup, maxRecordBytes, timestamps } = target.topic.settings
      const waiting = checkBatch(records, {
        maxBytes: maxRecordBytes, allowsZstd: this.#call.version >= ZSTD_FROM, needsKeys: cleanup !== 'delete', ...timeRules(timestamps, this.#call.door.log.settings.clock.now()),
      })
      if (waiting !== undefined) return waiting.then(() => { this.#append(batch, records, target) }).catch((error: unknown) => { this.#refuse(batch, error) })
      this.#append(batch, records, target)
    } catch (error) {
      this.#refuse(batch, error)
    }
    return undefined
  }

  #targetOf({ topic: { name, topicId }, index }: Incoming): Target {
    const { door, node, version } = this.#call
    const topic = door.topics.find({ name, topicId })
    if (topic === undefined) throw version >= TOPIC_IDS_FROM ? new KafkaError('UNKNOWN_TOPIC_ID', `there is no topic with id ${topicId}`) : new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${name}'`)
    if (topic.partitions[index] === undefined) throw new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `topic '${topic.name}' has no partition ${index}, it has ${topic.partitions.length}`)
    if (!door.brokers.isLeader(node, index)) throw new KafkaError('NOT_LEADER_OR_FOLLOWER', `broker ${node} does not lead ${topic.name}-${index}`)
    return { topic, log: topic.writable(index), appendTime: topic.settings.timestamps === 'append' }
  }

  /** Nothing is waited for from here on: whoever may append now appends now. */
  #append(batch: Incoming, records: Buffer, { topic, log, appendTime }: Target): void {
    topic.checkUsable()
    const now = this.#call.door.log.settings.clock.now()
    if (appendTime) setAppendTime(records, now)
    if (hasProducer(records, 0) && isTransactional(records, 0)) this.#admit(records, log)
    const baseOffset = log.append(records)
    batch.log = log
    batch.answer = { index: batch.index, errorCode: KAFKA_ERRORS.NONE, baseOffset, logAppendTimeMs: appendTime ? now : -1, logStartOffset: log.startOffset }
  }

  #admit(records: Buffer, partition: WritablePartition): void {
    const { door, version } = this.#call
    const refusal = door.transactions.remote.admit({
      transactionalId: this.#request.transactionalId, producer: { id: producerId(records, 0), epoch: producerEpoch(records, 0) }, partition,
      implicit: version >= IMPLICIT_PARTITIONS_FROM, knowsAbortable: version >= ABORTABLE_FROM,
    })
    if (refusal !== undefined) throw new KafkaError(refusal, 'the batch is in no transaction that its producer may write')
  }

  #refuse(batch: Incoming, error: unknown): void {
    tellMistake(this.#call.door.log, produce, error)
    this.#failure ??= error as Error
    const recordErrors = error instanceof RecordsRefused ? error.recordErrors : []
    batch.answer = { index: batch.index, errorCode: errorCodeOf(error), errorMessage: messageOf(error), baseOffset: -1, recordErrors, ...this.#leaderOf(batch, error) }
  }

  #leaderOf({ topic: { name, topicId }, index }: Incoming, error: unknown): Pick<PartitionAnswer, 'currentLeader'> {
    const { brokers, topics } = this.#call.door
    const log = topics.find({ name, topicId })?.partitions[index]
    if (errorCodeOf(error) !== KAFKA_ERRORS.NOT_LEADER_OR_FOLLOWER || log === undefined) return {}
    return { currentLeader: { leaderId: brokers.leaderOf(index), leaderEpoch: epochOf(log) } }
  }

  /** Of those partitions that were looked for at the wrong broker. */
  #leaders(): Response['nodeEndpoints'] {
    if (this.#call.version < LEADERS_FROM || this.#failure === undefined) return []
    const ids = new Set(this.#batches.map(({ answer }) => answer.currentLeader?.leaderId))
    return this.#call.door.brokers.up.filter(({ nodeId }) => ids.has(nodeId))
  }
}
