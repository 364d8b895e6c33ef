// AddPartitionsToTxn: what a client below transaction version 2 does before it writes to a partition. All partitions of a
// transaction are added, or none. From version 4 on, made for brokers, several transactions come in one request, and one
// may be asked about only: answered as well, since some clients send them.
import type { addPartitionsToTxn } from '../apis/24-add-partitions-to-txn.ts'
import { KAFKA_ERRORS, errorCodeOf } from '../kafka-errors.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { Slices } from '../../platform/slices.ts'
import type { WritablePartition } from '../../storage/writable-partition.ts'
import { fromCoordinator, knowsFenced, refusalCode } from '../transaction-answers.ts'
import type { Call, Handler } from './handler.ts'

const BATCHED = 4
const KNOWS_ABORTABLE = 5

type Request = RequestOf<typeof addPartitionsToTxn>
type Topic = Request['v3AndBelowTopics'][number]
type TopicResult = NonNullable<ResponseOf<typeof addPartitionsToTxn>['resultsByTopicV3AndBelow']>[number]
type Transaction = Request['transactions'][number]

export const addPartitionsToTxnHandler: Handler<typeof addPartitionsToTxn> = {
  async handle(request, call) {
    if (call.version < BATCHED) return { throttleTimeMs: 0, resultsByTransaction: [], resultsByTopicV3AndBelow: await add(olderOf(request), call) }
    const slices = new Slices()
    const resultsByTransaction = []
    for (const transaction of request.transactions) {
      if (slices.due()) await slices.pause()
      const topicResults = await add(transaction, call).catch((error: unknown) => resultsOf(transaction.topics, () => errorCodeOf(error)))
      resultsByTransaction.push({ transactionalId: transaction.transactionalId, topicResults })
    }
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.NONE, resultsByTransaction, resultsByTopicV3AndBelow: [] }
  },
  refuse(request, errorCode, _, version) {
    if (version >= BATCHED) return { throttleTimeMs: 0, errorCode, resultsByTransaction: [], resultsByTopicV3AndBelow: [] }
    return { throttleTimeMs: 0, resultsByTransaction: [], resultsByTopicV3AndBelow: resultsOf(request.v3AndBelowTopics, () => errorCode) }
  },
}

async function add({ transactionalId, producerId, producerEpoch, verifyOnly, topics }: Transaction, { door, node, version }: Call): Promise<TopicResult[]> {
  door.brokers.checkCoordinator(node, transactionalId)
  const { remote } = door.transactions
  const partitionOf = (name: string, index: number): WritablePartition | undefined => {
    const topic = door.topics.named(name)
    return topic?.partitions[index] === undefined ? undefined : topic.writable(index)
  }
  const found = topics.flatMap(({ name, partitions }) => partitions.map(index => partitionOf(name, index)))
  const partitions = found.filter(partition => partition !== undefined)
  if (partitions.length < found.length) return resultsOf(topics, (name, index) => partitionOf(name, index) === undefined ? KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION : KAFKA_ERRORS.OPERATION_NOT_ATTEMPTED)
  const asked = { transactionalId, producer: { id: producerId, epoch: producerEpoch } }
  if (verifyOnly) return resultsOf(topics, (name, index) => refusalCode(remote.verify({ ...asked, partition: partitionOf(name, index)!, knowsAbortable: version >= KNOWS_ABORTABLE }), true))
  const errorCode = refusalCode(await fromCoordinator(remote.addPartitions({ ...asked, partitions, durability: door.settings.durability })), knowsFenced(version))
  return resultsOf(topics, () => errorCode)
}

function olderOf(request: Request): Transaction {
  return { transactionalId: request.v3AndBelowTransactionalId, producerId: request.v3AndBelowProducerId, producerEpoch: request.v3AndBelowProducerEpoch, verifyOnly: false, topics: request.v3AndBelowTopics }
}

function resultsOf(topics: readonly Topic[], errorCodeOfPartition: (name: string, index: number) => number): TopicResult[] {
  return topics.map(({ name, partitions }) => ({ name, resultsByPartition: partitions.map(partitionIndex => ({ partitionIndex, partitionErrorCode: errorCodeOfPartition(name, partitionIndex) })) }))
}
