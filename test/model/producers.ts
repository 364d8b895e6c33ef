// The producers of a history: every kind of waiting, codec, size and durability at least once.
import type { ProducerOptions } from '../../src/index.ts'

export interface ProducerKind extends ProducerOptions {
  /** Of one topic, or of any. */
  readonly ofTopic: boolean
  /** topic.send. */
  readonly shared?: boolean
}

/**
 * Those that linger never fill a batch that a thread compresses: it would arrive at a moment of its own, between two
 * looks at the log.
 */
export const PRODUCERS: readonly ProducerKind[] = [
  { ofTopic: true, shared: true },
  { ofTopic: true, linger: 20, compression: 'gzip', batchBytes: '1MiB' },
  { ofTopic: true, linger: 5, compression: 'none', batchBytes: 300 },
  { ofTopic: true, durability: 'power', compression: 'zstd' },
  { ofTopic: false, linger: 50, compression: 'snappy', durability: 'power', batchBytes: '1MiB' },
  { ofTopic: false, compression: 'lz4', maxBufferedBytes: 400, batchBytes: 150 },
]
