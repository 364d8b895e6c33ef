// OffsetDelete: positions of a group go, for good. Not those of topics that a member reads (GROUP_SUBSCRIBED_TO_TOPIC), nor any
// of a group with members that are no consumers (NON_EMPTY_GROUP).
import type { offsetDelete } from '../apis/47-offset-delete.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { Handler } from './handler.ts'

export const offsetDeleteHandler: Handler<typeof offsetDelete> = {
  async handle({ groupId, topics }, { door, node }) {
    const { brokers, groups, log } = door
    brokers.checkCoordinator(node, groupId)
    groups.checkUsable()
    const readers = groups.topicsRead(groupId)
    if (typeof readers === 'string') return { errorCode: KAFKA_ERRORS[readers], throttleTimeMs: 0, topics: [] }
    const isUnknown = (topic: string, partition: number): boolean => log.topics.get(topic)?.partitions[partition] === undefined
    const answers = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex, errorCode: isUnknown(name, partitionIndex) ? KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION : readers.has(name) ? KAFKA_ERRORS.GROUP_SUBSCRIBED_TO_TOPIC : 0,
      })),
    }))
    const commits = answers.flatMap(({ name, partitions }) => partitions.filter(({ errorCode }) => errorCode === 0).map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex, offset: undefined })))
    if (commits.length > 0) {
      await groups.positions.commit(groupId, commits)
      await groups.positions.sync() // what was deleted does not come back after a power cut
    }
    return { errorCode: 0, throttleTimeMs: 0, topics: answers }
  },
  refuse: (_request, errorCode) => ({ errorCode, throttleTimeMs: 0, topics: [] }),
}
