// What listen() takes, and its defaults.
import { UsageError } from '../base/errors.ts'
import { boolean, duration, integer, nonEmptyText, oneOf, optionTable, readOptions, size, type OptionsOf } from '../base/options.ts'
import type { Duration, Size } from '../base/units.ts'
import { MiB } from '../base/units.ts'

export interface ListenOptions {
  /** Default 0: one that is free; `door.port` tells which. */
  port?: number
  /** Default '127.0.0.1': nobody from another machine. There is no authentication: think twice. */
  host?: string
  /** What clients are told to connect to, where that is not host and port: behind a port mapping, say. */
  advertisedHost?: string
  /** As advertisedHost; of several brokers the first's. */
  advertisedPort?: number
  /** Instead of host and port: the path of a Unix socket. Clients are told a host and a port nevertheless, and have to be made to connect to the path. */
  socket?: string
  /** Default 1. Pretended ones, each with a port of its own, so that a client's fail-over can be tried: see `door.brokers`. */
  brokers?: number
  /** Default 'power'. What acks=all waits for, and commits of transactions; acks=1 is always 'process'. */
  durability?: 'process' | 'power'
  /** Default true, as in Kafka: a client that names a topic which is not there makes it. */
  autoCreateTopics?: boolean
  /** Default 1: of topics that are made without a number. */
  defaultPartitions?: number
  /** Default '100MiB'. */
  maxRequestBytes?: Size
  /** Default 1000: what comes then is closed at once. */
  maxConnections?: number
  /** Default '10m': a connection without requests is closed. */
  idleTimeout?: Duration
}

/** Timers hold no longer ones. */
const LONGEST_MS = 2 ** 31 - 1

const LISTEN_OPTIONS = optionTable({
  port: { default: 0, read: integer({ min: 0, max: 65_535 }) },
  host: { default: '127.0.0.1', read: nonEmptyText },
  advertisedHost: { default: undefined, read: nonEmptyText },
  advertisedPort: { default: undefined, read: integer({ min: 1, max: 65_535 }) },
  socket: { default: undefined, read: nonEmptyText },
  brokers: { default: 1, read: integer({ min: 1, max: 100 }) },
  durability: { default: 'power', read: oneOf(['process', 'power']) }, // all of one replica: the device
  autoCreateTopics: { default: true, read: boolean },
  defaultPartitions: { default: 1, read: integer({ min: 1, max: 10_000 }) },
  maxRequestBytes: { default: 100 * MiB, read: size({ min: 1024, max: 1024 * MiB }) }, // Kafka's socket.request.max.bytes
  maxConnections: { default: 1000, read: integer({ min: 1, max: 100_000 }) },
  idleTimeout: { default: 600_000, read: duration({ min: 1, max: LONGEST_MS }) }, // Kafka's connections.max.idle.ms
})

export type ListenSettings = OptionsOf<typeof LISTEN_OPTIONS>

export function readListenOptions(options: unknown): ListenSettings {
  const settings = readOptions(options, LISTEN_OPTIONS, 'listen')
  if (settings.socket === undefined || settings.brokers === 1) return settings
  throw new UsageError('OPTIONS_CONTRADICT', `listen: ${settings.brokers} brokers can't share one socket`, { hint: 'leave out socket or brokers: each broker has a port of its own' })
}
