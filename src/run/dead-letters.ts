// The topic that takes what could not be handled: the record as it was stored (bytes of key and value, headers, time),
// in the partition of its source's number, with headers that say where it came from and why.
//
//   millrace-origin-topic · -partition · -offset · -timestamp    where it was; numbers as decimal text
//   millrace-group                                               whose handler it was
//   millrace-attempts                                            calls of the handler; 0: it could not be decoded
//   millrace-error-name · -code · -message                       of the last error; no code: the error had none
//
// They stand behind the record's own, so that of a record that failed twice `headers.get` tells the latest.
import { describeType } from '../base/describe.ts'
import { ConflictError, UsageError } from '../base/errors.ts'
import { KiB, MiB } from '../base/units.ts'
import type { LogRecord } from '../log/log-record.ts'
import type { OpenLog } from '../log/open-log.ts'
import { LARGEST_AHEAD_MS, type NewRecord } from '../log/record-codec.ts'
import { storedParts } from '../log/record-view.ts'
import type { RecordWriter } from '../log/record-writer.ts'
import type { StoredTopic } from '../log/stored-topic.ts'
import type { Subscription } from '../groups/subscription.ts'
import type { HeldSends } from './held-sends.ts'
import { messageOf } from './run-errors.ts'

/** What the headers may add, with room: they are bounded by MESSAGE_CHARACTERS and the lengths of names. */
const HEADERS_BYTES = 16 * KiB
/** What a topic can take at most: a record of that size has no room for headers. */
const LARGEST_RECORD_BYTES = 63 * MiB
const MESSAGE_CHARACTERS = 1000
const NAME_CHARACTERS = 100
const BYTES = { key: 'bytes', value: 'bytes' } as const

/** What became of a record. */
export interface Failure {
  readonly attempts: number
  readonly error: unknown
}

export class DeadLetters {
  readonly #log: OpenLog
  readonly #topic: StoredTopic
  readonly #group: string
  #writer: RecordWriter | undefined

  /** Opens the topic, or makes it. Refused: one that the runner reads itself, or with other serdes than 'bytes'. */
  static async open(log: OpenLog, name: string, group: string, subscription: Subscription): Promise<DeadLetters> {
    if (subscription.has(name)) {
      throw new UsageError('OPTIONS_CONTRADICT', `group '${group}': run: the dead-letter topic '${name}' is among those that are read`, {
        hint: 'what fails would come again for ever: choose another name, or a pattern that leaves it out', details: { group, topic: name },
      })
    }
    return new DeadLetters(log, await openTopic(log, name, subscription), group)
  }

  private constructor(log: OpenLog, topic: StoredTopic, group: string) {
    this.#log = log
    this.#topic = topic
    this.#group = group
  }

  /** Resolves once they are written, as durable as the log's default. */
  async write(records: readonly LogRecord[], failure: Failure): Promise<void> {
    const { durability, clock } = this.#log.settings
    this.#writer ??= this.#log.writer({ durability, compression: undefined, linger: 0, batchBytes: 256 * KiB, maxBufferedBytes: 32 * MiB }, this.#topic)
    const letters = records.map(record => this.#letter(record, failure, clock.now()))
    await this.#writer.sendAll(letters, () => this.#topic)
  }

  /** They wait for the transaction that their sources' positions move with. */
  hold(records: readonly LogRecord[], failure: Failure, held: HeldSends): void {
    const now = this.#log.settings.clock.now()
    for (const record of records) held.hold(this.#topic, this.#letter(record, failure, now))
  }

  close(): void {
    if (this.#writer !== undefined) this.#log.forget(this.#writer)
  }

  #letter(record: LogRecord, failure: Failure, now: number): NewRecord {
    const { key, value, headers } = storedParts(record)
    const { partition, timestamp } = record
    return {
      key, value,
      headers: [...headers, ...this.#reasons(record, failure)],
      timestamp: timestamp >= 0 && timestamp <= now + LARGEST_AHEAD_MS ? timestamp : now, // others have written what is refused here
      ...partition < this.#topic.partitions.length ? { partition } : {},
    }
  }

  #reasons({ topic, partition, offset, timestamp }: LogRecord, { attempts, error }: Failure): [string, string][] {
    const { name, code } = factsOf(error)
    return [
      ['millrace-origin-topic', topic],
      ['millrace-origin-partition', String(partition)],
      ['millrace-origin-offset', String(offset)],
      ['millrace-origin-timestamp', String(timestamp)],
      ['millrace-group', this.#group],
      ['millrace-attempts', String(attempts)],
      ['millrace-error-name', name.slice(0, NAME_CHARACTERS)],
      ...code === undefined ? [] : [['millrace-error-code', code.slice(0, NAME_CHARACTERS)] satisfies [string, string]],
      ['millrace-error-message', messageOf(error).slice(0, MESSAGE_CHARACTERS)],
    ]
  }
}

/** As many partitions as its sources have, so that each keeps its order; and room for their largest record. */
async function openTopic(log: OpenLog, name: string, subscription: Subscription): Promise<StoredTopic> {
  const sources = [...log.topics.values()].filter(topic => subscription.has(topic.name)).map(({ settings }) => settings)
  const partitions = Math.max(1, ...sources.map(settings => settings.partitions))
  const stored = log.topics.get(name)
  if (stored === undefined) return await log.topic(name, { ...BYTES, partitions, maxRecordBytes: LARGEST_RECORD_BYTES, cleanup: 'delete', timestamps: 'create' })
  checkSerdes(stored)
  const needed = Math.min(LARGEST_RECORD_BYTES, Math.max(0, ...sources.map(settings => settings.maxRecordBytes)) + HEADERS_BYTES)
  return await log.topic(name, {
    ...BYTES,
    partitions: Math.max(partitions, stored.settings.partitions),
    maxRecordBytes: Math.max(needed, stored.settings.maxRecordBytes),
  })
}

function checkSerdes({ name, settings: { key, value } }: StoredTopic): void {
  if (key === 'bytes' && value === 'bytes') return
  throw new ConflictError('DEAD_LETTER_SERDES', `the dead-letter topic '${name}' is stored with key '${key}' and value '${value}', expected 'bytes' for both`, {
    hint: 'dead letters are the bytes of records of any kind: choose a topic of its own for them', details: { topic: name, key, value },
  })
}

function factsOf(error: unknown): { name: string; code: string | undefined } {
  if (!(error instanceof Error)) return { name: describeType(error), code: undefined }
  const { name } = error
  const code: unknown = 'code' in error ? error.code : undefined
  return { name, code: typeof code === 'string' || typeof code === 'number' ? String(code) : undefined }
}
