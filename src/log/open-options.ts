// What open() takes, and its defaults.
import { boolean, object, oneOf, optionTable, readOptions, type OptionsOf } from '../base/options.ts'
import { systemClock, type Clock } from '../platform/clock.ts'
import type { Logger } from './event-emitter.ts'
import { readTopicDefaults, type TopicOptions } from './topic-settings.ts'

export interface OpenOptions {
  create?: boolean
  readOnly?: boolean
  durability?: 'process' | 'power'
  storage?: 'auto' | 'mapped' | 'file'
  topicDefaults?: TopicOptions
  clock?: Clock
  logger?: Logger
}

export const OPEN_OPTIONS = optionTable({
  create: { default: true, read: boolean },
  readOnly: { default: false, read: boolean },
  durability: { default: 'process', read: oneOf(['process', 'power']) }, // what survives kill -9 costs microseconds; a power cut is by choice
  storage: { default: 'auto', read: oneOf(['auto', 'mapped', 'file']) }, // platform/storage-choice.ts decides
  topicDefaults: { default: readTopicDefaults(undefined, 'open'), read: readTopicDefaults },
  clock: { default: systemClock, read: object<Clock>('a clock', ['now', 'setTimeout']) },
  logger: { default: undefined, read: object<Logger>('a logger', ['debug', 'info', 'warn', 'error']) },
})

export type OpenSettings = OptionsOf<typeof OPEN_OPTIONS>

export function readOpenOptions(options: unknown): OpenSettings {
  return readOptions(options, OPEN_OPTIONS, 'open')
}
