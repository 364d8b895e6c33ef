// What the log keeps of itself beside the catalog: state logs of one partition each, made when they are first needed.
// They are opened before anything is written, as every partition is: their recovery belongs to the log's.

/** Kafka gives topics an id; these never change. */
export const INTERNAL_TOPICS = {
  __consumer_offsets: 'AAAAAAAAAAAAAAAAAAAAAg',
} as const

export type InternalTopic = keyof typeof INTERNAL_TOPICS

export function isInternalTopic(name: string): name is InternalTopic {
  return Object.hasOwn(INTERNAL_TOPICS, name)
}
