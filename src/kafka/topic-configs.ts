// A topic's settings under Kafka's names, and the defaults of topics that are made through the door.
import type { TopicOptions } from '../log/topic-settings.ts'

/** Kafka's own where it has them. */
export const KAFKA_TOPIC_DEFAULTS: Readonly<TopicOptions<Uint8Array, Uint8Array>> = Object.freeze({
  key: 'bytes',
  value: 'bytes',
  partitioner: 'murmur2',
  retention: '7d',
  maxRecordBytes: 1_048_588,
})
