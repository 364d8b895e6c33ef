// CreateTopics: each topic has its own answer, and is there when that comes. Replicas are checked against the brokers there
// are and not kept: every broker has every partition. Settings are Kafka's (topic-configs.ts).
// Other than in Kafka, a name that only differs in capital letters from another, that begins with '__' or ends with a dot is
// INVALID_TOPIC_EXCEPTION (a log's directory works on every system), and one with '.' beside one with '_' is allowed.
import { createTopics } from '../apis/19-create-topics.ts'
import { CONFIG_SOURCES } from '../config-values.ts'
import { duplicatesOf } from '../duplicates.ts'
import { KAFKA_ERRORS, KafkaError, errorCodeOf, messageOf } from '../kafka-errors.ts'
import { tellMistake } from '../mistakes.ts'
import { checkAssignments, checkReplicationFactor, invalidAssignment } from '../replica-assignments.ts'
import { TOPIC_CONFIGS, readTopicConfig } from '../topic-configs.ts'
import type { NewTopic } from '../topics.ts'
import type { TopicSettings } from '../../log/topic-settings.ts'
import { Slices } from '../../platform/slices.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { ZERO_UUID } from '../protocol/plain-fields.ts'
import type { Call, Handler } from './handler.ts'

type Asked = RequestOf<typeof createTopics>['topics'][number]
type Answer = ResponseOf<typeof createTopics>['topics'][number]

export const createTopicsHandler: Handler<typeof createTopics> = {
  async handle({ topics, validateOnly }, { door }) {
    const twice = duplicatesOf(topics.map(({ name }) => name))
    const answers = new Map<string, Answer>()
    const slices = new Slices()
    for (const asked of topics) {
      if (slices.due()) await slices.pause()
      const { name } = asked
      answers.set(name, twice.has(name) ? refusal(name, KAFKA_ERRORS.INVALID_REQUEST, 'a topic may be named only once') : await create(asked, validateOnly, door))
    }
    return { throttleTimeMs: 0, topics: [...answers.values()] }
  },
  refuse: ({ topics }, errorCode, message) => ({ throttleTimeMs: 0, topics: topics.map(({ name }) => refusal(name, errorCode, message)) }),
}

async function create(asked: Asked, validateOnly: boolean, door: Call['door']): Promise<Answer> {
  const { name } = asked
  try {
    const wanted: NewTopic = { name, settings: readConfigs(asked), partitions: partitionsOf(asked, door) }
    const settings = await door.topics.check(wanted)
    const topic = validateOnly ? { id: ZERO_UUID, settings } : await door.topics.create(wanted)
    return { name, topicId: topic.id, errorCode: 0, errorMessage: null, numPartitions: wanted.partitions, replicationFactor: door.brokers.all.length, configs: configsOf(topic.settings, door) }
  } catch (error) {
    tellMistake(door.log, createTopics, error)
    return refusal(name, errorCodeOf(error), messageOf(error))
  }
}

function readConfigs({ configs }: Asked): Partial<TopicSettings> {
  const settings: Partial<TopicSettings> = {}
  for (const { name, value } of configs) {
    if (value === null) throw new KafkaError('INVALID_CONFIG', `config ${name} has no value`)
    Object.assign(settings, readTopicConfig(name, value))
  }
  return settings
}

function partitionsOf({ numPartitions, replicationFactor, assignments }: Asked, { brokers, settings }: Call['door']): number {
  if (assignments.length > 0) {
    if (replicationFactor !== -1 || numPartitions !== -1) throw new KafkaError('INVALID_REQUEST', 'assignments say how many partitions and replicas there are: numPartitions and replicationFactor have to be -1')
    const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex))
    for (const index of assignments.keys()) if (!indexes.has(index)) throw invalidAssignment(`there are ${assignments.length} assignments, and none for partition ${index}`)
    checkAssignments(assignments, brokers.nodeIds)
    return assignments.length
  }
  checkReplicationFactor(replicationFactor, brokers.nodeIds)
  if (numPartitions < -1 || numPartitions === 0) throw new KafkaError('INVALID_PARTITIONS', `found ${numPartitions} partitions, expected at least 1, or -1 for the default`)
  return numPartitions === -1 ? settings.defaultPartitions : numPartitions
}

function configsOf(settings: Readonly<TopicSettings>, { topics }: Call['door']): NonNullable<Answer['configs']> {
  return [...TOPIC_CONFIGS.values()].map(({ name, show }) => {
    const value = show(settings)
    return { name, value, readOnly: false, configSource: value === show(topics.defaults) ? CONFIG_SOURCES.DEFAULT : CONFIG_SOURCES.TOPIC, isSensitive: false }
  })
}

function refusal(name: string, errorCode: number, errorMessage: string): Answer {
  return { name, topicId: ZERO_UUID, errorCode, errorMessage, configs: null }
}
