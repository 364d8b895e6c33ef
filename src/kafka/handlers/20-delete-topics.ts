// DeleteTopics: by name, or by id. Each has its own answer, and is gone when that comes.
import { deleteTopics } from '../apis/20-delete-topics.ts'
import { duplicatesOf } from '../duplicates.ts'
import { KafkaError, errorCodeOf, messageOf } from '../kafka-errors.ts'
import { tellMistake } from '../mistakes.ts'
import type { Topics } from '../topics.ts'
import { Slices } from '../../platform/slices.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import { ZERO_UUID } from '../protocol/plain-fields.ts'
import type { Call, Handler } from './handler.ts'

type Request = RequestOf<typeof deleteTopics>
type Asked = Request['topics'][number]
type Answer = ResponseOf<typeof deleteTopics>['responses'][number]

export const deleteTopicsHandler: Handler<typeof deleteTopics> = {
  async handle(request, { door }) {
    const asked = askedFor(request).map(each => ({ ...each, key: keyOf(each, door.topics) }))
    const twice = duplicatesOf(asked.map(({ key }) => key))
    const answers = new Map<string, Answer>()
    const slices = new Slices()
    for (const each of asked) {
      if (slices.due()) await slices.pause()
      if (!answers.has(each.key)) answers.set(each.key, await remove(each, twice.has(each.key), door))
    }
    return { throttleTimeMs: 0, responses: [...answers.values()] }
  },
  refuse: (request, errorCode, errorMessage) => ({ throttleTimeMs: 0, responses: askedFor(request).map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage })) }),
}

/** Up to version 5 as a list of names. */
function askedFor({ topics, topicNames }: Request): readonly Asked[] {
  return topics.length > 0 ? topics : topicNames.map(name => ({ name, topicId: ZERO_UUID }))
}

/** Equal for a name and the id of the same topic. */
function keyOf({ name, topicId }: Asked, topics: Topics): string {
  return name ?? topics.withId(topicId)?.name ?? topicId
}

async function remove({ name, topicId }: Asked, isTwice: boolean, { topics, log }: Call['door']): Promise<Answer> {
  const known = name === null ? topics.withId(topicId) : topics.named(name)
  try {
    if (name !== null && topicId !== ZERO_UUID) throw new KafkaError('INVALID_REQUEST', 'a topic is named by name or by id, not by both')
    if (name === null && topicId === ZERO_UUID) throw new KafkaError('INVALID_REQUEST', 'neither a name nor an id is given')
    if (isTwice) throw new KafkaError('INVALID_REQUEST', 'a topic may be named only once')
    if (known === undefined) throw name === null ? new KafkaError('UNKNOWN_TOPIC_ID', `there is no topic with the id ${topicId}`) : new KafkaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${name}'`)
    await topics.delete(known.name)
    return { name: known.name, topicId: known.id, errorCode: 0 }
  } catch (error) {
    tellMistake(log, deleteTopics, error)
    return { name, topicId, errorCode: errorCodeOf(error), errorMessage: messageOf(error) }
  }
}
