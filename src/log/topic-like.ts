import type { LogRecord } from './log-record.ts'
import type { NewRecord } from './record-codec.ts'
import type { Sent } from './send-receipts.ts'

/** Where a topic is taken, anything that is one will do: what a Topic here and one on a cluster have in common. */
export interface TopicLike<V = unknown, K = unknown> {
  readonly name: string
  send(record: NewRecord<V, K>): Promise<Sent>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each kind of topic has options of its own
  read(options?: any): AsyncIterableIterator<LogRecord<V, K>>
}

/** Of what is given as a topic or as its name; anything else comes back as it is. */
export function nameOf(given: unknown): unknown {
  return typeof given === 'object' && given !== null && 'name' in given ? given.name : given
}
