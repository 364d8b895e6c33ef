// DescribeLogDirs: the one directory there is, and how many bytes of records each partition has in it: those that are asked
// for, or all; those that the log keeps for itself are not told. Each of several pretended brokers tells what it leads.
// Unlike Kafka: how large the disk is, and how much of it is free, is not known.
import type { describeLogDirs } from '../apis/35-describe-log-dirs.ts'
import type { StoredTopic } from '../../log/stored-topic.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type Asked = RequestOf<typeof describeLogDirs>['topics']
type TopicAnswer = ResponseOf<typeof describeLogDirs>['results'][number]['topics'][number]

export const describeLogDirsHandler: Handler<typeof describeLogDirs> = {
  handle: ({ topics }, call) => ({ throttleTimeMs: 0, errorCode: 0, results: [{ errorCode: 0, logDir: call.door.log.location, topics: describe(topics, call), isCordoned: false }] }),
  refuse: (_request, errorCode) => ({ throttleTimeMs: 0, errorCode, results: [] }),
}

/** What there is not is left out. */
function describe(asked: Asked, { door, node }: Call): TopicAnswer[] {
  const described: TopicAnswer[] = []
  for (const { topic, partitions } of asked ?? allOf(door.topics.all())) {
    const stored = door.topics.named(topic)
    const sizes = [...new Set(partitions)].flatMap(partitionIndex => {
      const log = stored?.partitions[partitionIndex]
      return log === undefined || !door.brokers.isLeader(node, partitionIndex) ? [] : [{ partitionIndex, partitionSize: log.bytes, offsetLag: 0, isFutureKey: false }]
    })
    if (sizes.length > 0) described.push({ name: topic, partitions: sizes })
  }
  return described
}

function allOf(topics: Iterable<StoredTopic>): NonNullable<Asked> {
  return [...topics].map(({ name, partitions }) => ({ topic: name, partitions: partitions.map((_, partition) => partition) }))
}
