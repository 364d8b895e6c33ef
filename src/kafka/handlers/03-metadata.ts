// Metadata: the brokers that are up, topics, and who leads their partitions. A topic that is named and not there is made,
// where the client and the door's option allow it.
import type { metadata } from '../apis/03-metadata.ts'
import { KAFKA_ERRORS, errorCodeOf } from '../kafka-errors.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { ZERO_UUID } from '../protocol/plain-fields.ts'
import type { StoredTopic } from '../../log/stored-topic.ts'
import { epochOf } from '../leader-epoch.ts'
import type { Call, DoorParts, Handler } from './handler.ts'

type Topic = ResponseOf<typeof metadata>['topics'][number]
type Asked = NonNullable<RequestOf<typeof metadata>['topics']>[number]

export const metadataHandler: Handler<typeof metadata> = {
  async handle(request, call) {
    const { brokers, topics } = call.door
    const asked = request.topics === null || (call.version === 0 && request.topics.length === 0) ? undefined : request.topics
    const found = asked === undefined ? [...topics.all()].map(topic => describeTopic(topic, call.door)) : []
    for (const each of asked ?? []) found.push(await lookUp(each, request.allowAutoTopicCreation, call))
    return { brokers: [...brokers.up], clusterId: brokers.clusterId, controllerId: brokers.controller.nodeId, topics: found, errorCode: 0 }
  },
  refuse: (request, errorCode) => ({
    brokers: [], topics: (request.topics ?? []).map(({ name, topicId }) => ({ errorCode, name: name ?? '', topicId, partitions: [] })), errorCode,
  }),
}

async function lookUp({ name, topicId }: Asked, mayCreate: boolean, { door }: Call): Promise<Topic> {
  if (topicId !== ZERO_UUID) {
    const topic = door.topics.withId(topicId)
    return topic === undefined ? { errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_ID, name: null, topicId, partitions: [] } : describeTopic(topic, door)
  }
  try {
    const topic = door.topics.named(name ?? '') ?? (mayCreate && door.settings.autoCreateTopics ? await door.topics.findOrCreate(name ?? '', door.settings.defaultPartitions) : undefined)
    return topic === undefined ? { errorCode: KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION, name, partitions: [] } : describeTopic(topic, door)
  } catch (error) {
    return { errorCode: errorCodeOf(error), name, partitions: [] }
  }
}

function describeTopic({ name, id, partitions }: StoredTopic, { brokers }: DoorParts): Topic {
  return {
    errorCode: 0, name, topicId: id, isInternal: false,
    partitions: partitions.map((log, partitionIndex) => {
      const leaderId = brokers.leaderOf(partitionIndex)
      return { errorCode: 0, partitionIndex, leaderId, leaderEpoch: epochOf(log), replicaNodes: [leaderId], isrNodes: [leaderId], offlineReplicas: [] }
    }),
  }
}
