// What open() takes, and its defaults.
import { boolean, duration, object, oneOf, optionTable, readOptions, size, type OptionsOf } from '../base/options.ts'
import type { Duration, Size } from '../base/units.ts'
import { systemClock, type Clock } from '../platform/clock.ts'
import type { Logger } from './event-emitter.ts'
import { readTopicDefaults, type TopicOptions } from './topic-settings.ts'

export interface OpenOptions {
  create?: boolean
  readOnly?: boolean
  durability?: 'process' | 'power'
  storage?: 'auto' | 'mapped' | 'file'
  topicDefaults?: TopicOptions
  /** Default 'unlimited'. Sends that would go beyond it are refused (LimitError), until something was deleted; commits and deletions are not. */
  maxDiskBytes?: Size
  /** Default '30s': so long after something was written retention, compaction and groupExpiry are looked after. false: by log.housekeep() alone. */
  housekeeping?: { interval?: Duration } | false
  /** Default 'forever'. An empty group without commits for that long is deleted; as all that goes by age, not in the first five minutes after opening. */
  groupExpiry?: Duration
  clock?: Clock
  logger?: Logger
}

const HOUSEKEEPING = optionTable({
  interval: { default: 30_000, read: duration({ min: 1 }) },
})

/** undefined: there is none but on demand. */
function readHousekeeping(value: unknown, name: string): { readonly interval: number } | undefined {
  return value === false ? undefined : readOptions(value, HOUSEKEEPING, name)
}

export const OPEN_OPTIONS = optionTable({
  create: { default: true, read: boolean },
  readOnly: { default: false, read: boolean },
  durability: { default: 'process', read: oneOf(['process', 'power']) }, // what survives kill -9 costs microseconds; a power cut is by choice
  storage: { default: 'auto', read: oneOf(['auto', 'mapped', 'file']) }, // platform/storage-choice.ts decides
  topicDefaults: { default: readTopicDefaults(undefined, 'open'), read: readTopicDefaults },
  maxDiskBytes: { default: Infinity, read: size({ min: 1 }) },
  housekeeping: { default: readHousekeeping({}, 'housekeeping'), read: readHousekeeping },
  groupExpiry: { default: Infinity, read: duration({ min: 1 }) }, // forever: a group that is away for a year goes on where it was
  clock: { default: systemClock, read: object<Clock>('a clock', ['now', 'setTimeout']) },
  logger: { default: undefined, read: object<Logger>('a logger', ['debug', 'info', 'warn', 'error']) },
})

export type OpenSettings = OptionsOf<typeof OPEN_OPTIONS>

export function readOpenOptions(options: unknown): OpenSettings {
  return readOptions(options, OPEN_OPTIONS, 'open')
}
