// Metadata: the brokers that are up, topics, and who leads their partitions. A topic that is named and not there is made,
// where the client and the door's option allow it, and described at once: Kafka answers LEADER_NOT_AVAILABLE first.
// A topic is described once, however often it is named. The log's own topics (__consumer_offsets) are not shown.
// door.fail(): up to version 12 there is room for the error only in the topics that are named.
import { metadata } from '../apis/03-metadata.ts'
import { CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED, TOPIC_OPERATIONS } from '../authorized-operations.ts'
import { describePartitions } from '../described-partitions.ts'
import { KAFKA_ERRORS, errorCodeOf } from '../kafka-errors.ts'
import { tellMistake } from '../mistakes.ts'
import { Slices } from '../../platform/slices.ts'
import { checkTopicName } from '../../log/topic-name.ts'
import type { StoredTopic } from '../../log/stored-topic.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { ZERO_UUID } from '../protocol/plain-fields.ts'
import type { Call, Handler } from './handler.ts'

type Request = RequestOf<typeof metadata>
type Topic = ResponseOf<typeof metadata>['topics'][number]
type Asked = NonNullable<Request['topics']>[number]

export const metadataHandler: Handler<typeof metadata> = {
  async handle(request, call) {
    const { brokers } = call.door
    const topics = wantsAll(request, call) ? await describeAll(request, call) : await describeNamed(request, call)
    const clusterAuthorizedOperations = request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_NOT_ASKED
    return { brokers: [...brokers.up], clusterId: brokers.clusterId, controllerId: brokers.controller.nodeId, topics, clusterAuthorizedOperations, errorCode: 0 }
  },
  refuse: (request, errorCode) => ({
    brokers: [], topics: (request.topics ?? []).map(({ name, topicId }) => ({ errorCode, name: name ?? '', topicId, partitions: [] })), errorCode,
  }),
}

/** Version 0 has no null: none named is all. */
function wantsAll({ topics }: Request, { version }: Call): boolean {
  return topics === null || version === 0 && topics.length === 0
}

async function describeAll(request: Request, { door }: Call): Promise<Topic[]> {
  const slices = new Slices()
  const described: Topic[] = []
  for (const topic of [...door.topics.all()]) {
    if (slices.due()) await slices.pause()
    if (topic.gone === undefined) described.push(describe(topic, request, door))
  }
  return described
}

async function describeNamed(request: Request, call: Call): Promise<Topic[]> {
  const slices = new Slices()
  const described = new Map<string, Topic>()
  for (const asked of request.topics ?? []) {
    if (slices.due()) await slices.pause()
    const key = asked.topicId === ZERO_UUID ? `name ${asked.name}` : asked.topicId
    if (!described.has(key)) described.set(key, await describeAsked(asked, request, call))
  }
  return [...described.values()]
}

async function describeAsked({ name, topicId }: Asked, request: Request, { door, version }: Call): Promise<Topic> {
  const missing = (errorCode: number): Topic => ({ errorCode, name: name ?? (version >= 12 ? null : ''), topicId, isInternal: false, partitions: [] })
  if (topicId !== ZERO_UUID) {
    const topic = door.topics.withId(topicId)
    return topic === undefined ? missing(KAFKA_ERRORS.UNKNOWN_TOPIC_ID) : describe(topic, request, door)
  }
  try {
    checkTopicName(name)
    const mayCreate = request.allowAutoTopicCreation && door.settings.autoCreateTopics
    const topic = door.topics.named(name) ?? (mayCreate ? await door.topics.findOrCreate(name, door.settings.defaultPartitions) : undefined)
    return topic === undefined ? missing(KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION) : describe(topic, request, door)
  } catch (error) {
    tellMistake(door.log, metadata, error)
    return missing(errorCodeOf(error))
  }
}

function describe(topic: StoredTopic, { includeTopicAuthorizedOperations }: Request, { brokers }: Call['door']): Topic {
  return {
    errorCode: 0, name: topic.name, topicId: topic.id, isInternal: false, partitions: describePartitions(topic, brokers),
    topicAuthorizedOperations: includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : OPERATIONS_NOT_ASKED,
  }
}
