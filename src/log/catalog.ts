// Which topics there are: the state log `__topics-0`, key the topic's name, value its id and settings.
// A topic exists from the moment its record is durable; its partitions' directories are made before.
// It is compacted: what tells of a topic that is gone goes in time, though not before its directories (local-log.ts).
import { CorruptionError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { PartitionLog } from '../storage/partition-log.ts'
import { INTERNAL_SETTINGS } from './internal-topics.ts'
import { StateLog } from './state-log.ts'
import { decodeSettings, encodeSettings, type TopicSettings } from './topic-settings.ts'

export const CATALOG_TOPIC = '__topics'

export interface CatalogEntry { readonly id: string; readonly settings: Readonly<TopicSettings> }

export class Catalog {
  readonly #entries = new Map<string, CatalogEntry>()
  /** Ids of topics whose deletion is on record: leftovers of theirs may be removed. */
  readonly #deleted = new Set<string>()
  readonly #state: StateLog<CatalogEntry>
  readonly #clock: Clock
  #replayedAt = -Infinity

  constructor(partition: PartitionLog, clock: Clock) {
    this.#clock = clock
    this.#state = new StateLog(partition, decodeEntry, (name, entry) => { this.#apply(name, entry) })
  }

  get entries(): ReadonlyMap<string, CatalogEntry> { return this.#entries }

  wasDeleted(id: string): boolean { return this.#deleted.has(id) }

  /** What another process has written since; all of it anew where deletions may have come and gone meanwhile. */
  async replay(): Promise<void> {
    const now = this.#clock.now()
    if (now - this.#replayedAt > INTERNAL_SETTINGS.tombstoneRetentionMs) this.#beginAnew()
    await this.#state.replay()
    this.#replayedAt = now
  }

  checkWritable(): void {
    this.#state.checkWritable()
  }

  async put(name: string, entry: CatalogEntry): Promise<void> {
    await this.#state.put(name, entry, { version: 1, id: entry.id, settings: encodeSettings(entry.settings) }, this.#clock)
  }

  async delete(name: string): Promise<void> {
    await this.#state.put(name, undefined, undefined, this.#clock)
  }

  #beginAnew(): void {
    this.#entries.clear()
    this.#state.beginAnew()
  }

  #apply(name: string, entry: CatalogEntry | undefined): void {
    const before = this.#entries.get(name)
    if (before !== undefined && before.id !== entry?.id) this.#deleted.add(before.id)
    if (entry === undefined) this.#entries.delete(name)
    else this.#entries.set(name, entry)
  }
}

function decodeEntry(value: unknown): CatalogEntry {
  const { version, id, settings } = value as { version?: unknown; id?: unknown; settings?: unknown }
  if (version !== 1 || typeof id !== 'string') {
    throw new CorruptionError('CATALOG_MALFORMED', `the catalog holds an entry of version ${String(version)}, 1 is expected`, { hint: 'the directory was written by a newer version of millrace, or damaged' })
  }
  return { id, settings: decodeSettings(settings) }
}
