// What the log keeps of itself beside the catalog: state logs of one partition each, made when they are first needed.
// They are opened before anything is written, as every partition is: their recovery belongs to the log's.
import { MiB } from '../base/units.ts'
import { DEFAULT_SETTINGS, type TopicSettings } from './topic-settings.ts'

/** Of these and of the catalog: the newest record of a key is all that is needed. */
export const INTERNAL_SETTINGS: Readonly<TopicSettings> = Object.freeze({ ...DEFAULT_SETTINGS, cleanup: 'compact', segmentBytes: 16 * MiB })

/** Opening reads all of it, and each transaction adds to it: what can be compacted is to come soon. */
const STATE_SETTINGS: Readonly<TopicSettings> = Object.freeze({ ...INTERNAL_SETTINGS, segmentBytes: MiB })

/** Kafka gives topics an id; these never change. */
export const INTERNAL_TOPICS = {
  __consumer_offsets: { id: 'AAAAAAAAAAAAAAAAAAAAAg', settings: INTERNAL_SETTINGS },
  __transaction_state: { id: 'AAAAAAAAAAAAAAAAAAAAAw', settings: STATE_SETTINGS },
} as const

export type InternalTopic = keyof typeof INTERNAL_TOPICS

export function isInternalTopic(name: string): name is InternalTopic {
  return Object.hasOwn(INTERNAL_TOPICS, name)
}
