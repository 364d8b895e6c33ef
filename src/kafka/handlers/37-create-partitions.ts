// CreatePartitions: topics get more. Keys go to other partitions from then on; what is stored stays where it is.
import { createPartitions } from '../apis/37-create-partitions.ts'
import { duplicatesOf } from '../duplicates.ts'
import { KAFKA_ERRORS, KafkaError, errorCodeOf, messageOf } from '../kafka-errors.ts'
import { tellMistake } from '../mistakes.ts'
import { checkAssignments, invalidAssignment } from '../replica-assignments.ts'
import { MAX_PARTITIONS } from '../topics.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type Asked = RequestOf<typeof createPartitions>['topics'][number]
type Answer = ResponseOf<typeof createPartitions>['results'][number]

export const createPartitionsHandler: Handler<typeof createPartitions> = {
  async handle({ topics, validateOnly }, { door }) {
    const twice = duplicatesOf(topics.map(({ name }) => name))
    const answers = new Map<string, Answer>()
    for (const asked of topics) {
      const { name } = asked
      answers.set(name, twice.has(name) ? refusal(name, KAFKA_ERRORS.INVALID_REQUEST, 'a topic may be named only once') : await grow(asked, validateOnly, door))
    }
    return { throttleTimeMs: 0, results: [...answers.values()] }
  },
  refuse: ({ topics }, errorCode, message) => ({ throttleTimeMs: 0, results: topics.map(({ name }) => refusal(name, errorCode, message)) }),
}

async function grow({ name, count, assignments }: Asked, validateOnly: boolean, { log, topics, brokers }: Call['door']): Promise<Answer> {
  try {
    const topic = topics.existing(name)
    const added = count - topic.partitions.length
    if (added <= 0) throw new KafkaError('INVALID_PARTITIONS', `topic '${name}' has ${topic.partitions.length} partitions: ${count} would be no more`)
    if (count > MAX_PARTITIONS) throw new KafkaError('INVALID_PARTITIONS', `a topic has at most ${MAX_PARTITIONS} partitions`)
    if (assignments !== null) {
      if (assignments.length !== added) throw invalidAssignment(`${added} partitions are added, and ${assignments.length} are assigned`)
      checkAssignments(assignments, brokers.nodeIds)
    }
    if (!validateOnly) await topics.grow(topic, count)
    return { name, errorCode: 0 }
  } catch (error) {
    tellMistake(log, createPartitions, error)
    return refusal(name, errorCodeOf(error), messageOf(error))
  }
}

function refusal(name: string, errorCode: number, errorMessage: string): Answer {
  return { name, errorCode, errorMessage }
}
