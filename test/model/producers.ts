// The producers of a history: every kind of waiting, codec, size and durability at least once.
import type { ProducerOptions } from '../../src/index.ts'

export interface ProducerKind extends ProducerOptions {
  /** Of one topic, or of any. */
  readonly ofTopic: boolean
  /** topic.send. */
  readonly shared?: boolean
}

export const PRODUCERS: readonly ProducerKind[] = [
  { ofTopic: true, shared: true },
  { ofTopic: true, linger: 20, compression: 'gzip' },
  { ofTopic: true, linger: 5, compression: 'lz4', batchBytes: 300 },
  { ofTopic: true, durability: 'power', compression: 'zstd' },
  { ofTopic: false, linger: 50, compression: 'snappy', durability: 'power' },
  { ofTopic: false, maxBufferedBytes: 400, batchBytes: 150 },
]
