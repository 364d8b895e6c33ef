// Topics to compact, each with a history of its own: batches of 1 to 200 records whose keys are overwritten once or a
// hundred times, tombstones, empty values, headers, every codec, either kind of timestamps, several tombstone
// retentions. A seed decides all of it; the clock is stepped, a few minutes now and then.
import { CODECS } from '../../../src/format/record-batch.ts'
import type { EventLog, NewRecord, Topic, TopicOptions } from '../../../src/index.ts'
import { SeededRandom } from '../../../src/platform/seeded-random.ts'
import type { TestClock } from '../../../src/testing.ts'

type BytesOptions = TopicOptions<Uint8Array, Uint8Array>
type BytesRecord = NewRecord<Uint8Array, Uint8Array> & { readonly headers?: readonly (readonly [string, Uint8Array | null])[] }

export interface KeyedHistory {
  readonly topic: string
  /** The policies in Kafka's words. */
  readonly config: Readonly<Record<string, string>>
  /** Sends what one round adds. */
  write(log: EventLog, clock: TestClock): Promise<void>
}

interface Shape {
  readonly name: string
  readonly options: BytesOptions
  readonly config?: Readonly<Record<string, string>>
  readonly largestBatch?: number
  readonly keys?: number
  readonly batches?: number
  /** Before a batch is sent, in this round or another. */
  readonly before?: (topic: Topic<Uint8Array, Uint8Array>, batch: number, random: SeededRandom) => Promise<void>
  /** Of the first round's records, some have none: the topic was not compacted when they were sent. */
  readonly keyless?: boolean
}

const HOUR = 3_600_000
const segmentBytes = 16 * 1024
const retention = (hours: number) => ({ options: { tombstoneRetention: hours * HOUR }, config: { 'delete.retention.ms': String(hours * HOUR) } })

/** By the tombstones' retention, so that in the second round some horizons have passed, and in the third some more. */
const day = retention(24)
const twoHours = retention(2)
const none = retention(0)

const lag = 5 * 60_000

const SHAPES: readonly Shape[] = [
  ...CODECS.map(compression => ({ name: `codec-${compression}`, options: { ...twoHours.options, compression }, config: twoHours.config })),
  { name: 'mixed-codecs', ...day, before: async (topic, _batch, random) => { await topic.alter({ compression: CODECS[random.below(CODECS.length)]! }) } },
  { name: 'append-time', options: { ...twoHours.options, timestamps: 'append', compression: 'lz4' }, config: twoHours.config },
  { name: 'tombstones-at-once', ...none, keys: 40, largestBatch: 10 },
  { name: 'single-records', ...twoHours, largestBatch: 1, keys: 30, batches: 300 },
  { name: 'rarely-overwritten', ...day, keys: 3000 },
  { name: 'one-key', ...twoHours, keys: 1, largestBatch: 20 },
  { name: 'truncated', ...twoHours, before: async ({ partitions: [partition] }, batch) => { if (batch === 15) await partition!.truncateBefore(Math.floor((partition!.startOffset + partition!.endOffset) / 2)) } },
  { name: 'once-deleted', options: { ...twoHours.options, cleanup: 'delete' }, config: twoHours.config, keyless: true },
  { name: 'lagging', options: { ...twoHours.options, compactionLag: { min: lag } }, config: { ...twoHours.config, 'min.compaction.lag.ms': String(lag) } },
]

/** Each with a random sequence of its own, so that it stays what it is when another is added. */
export function keyedHistories(seed: number): KeyedHistory[] {
  return SHAPES.map((shape, i) => historyOf(shape, new SeededRandom(seed * 100 + i)))
}

function historyOf(shape: Shape, random: SeededRandom): KeyedHistory {
  const { name, options, config = {}, largestBatch = 200, keys = 300, batches = 24, before, keyless = false } = shape
  const records = new RandomRecords(random, keys)
  let round = 0
  return {
    topic: name,
    config: { ...config, 'internal.segment.bytes': String(segmentBytes) },
    async write(log, clock) {
      const topic = round === 0 ? await log.topic(name, { key: 'bytes', value: 'bytes', segmentBytes, cleanup: 'compact', ...options }) : await log.topic<Uint8Array, Uint8Array>(name)
      for (let batch = 0; batch < batches; batch++) {
        await before?.(topic, batch, random)
        const count = random.chance(0.3) ? 1 : 1 + random.below(largestBatch)
        await sendBatch(topic, Array.from({ length: count }, () => records.next(clock.now(), keyless && round === 0)))
        if (random.chance(0.2)) await clock.advance(random.below(8 * 60_000))
        if (batch === batches / 2) await clock.advance(2 * lag) // so that there is something to clean: Kafka waits for that even where horizons have passed
      }
      if (keyless && round === 0) await topic.alter({ cleanup: 'compact' })
      round++
    },
  }
}

/** Exactly one batch: the producer's linger ends with its flush alone. */
async function sendBatch(topic: Topic<Uint8Array, Uint8Array>, records: readonly BytesRecord[]): Promise<void> {
  const producer = topic.producer({ linger: '1m', batchBytes: '4MiB' })
  const sending = producer.send(records)
  await producer.close()
  await sending
}

class RandomRecords {
  readonly #random: SeededRandom
  readonly #keys: readonly Uint8Array[]

  constructor(random: SeededRandom, keys: number) {
    this.#random = random
    this.#keys = Array.from({ length: keys }, (_, i) => this.#key(i))
  }

  next(now: number, keyless: boolean): BytesRecord {
    const random = this.#random
    // Some keys are overwritten a hundred times, others never.
    const key = this.#keys[Math.floor(this.#keys.length * random.fraction() ** 3)]!
    const timestamp = random.chance(0.1) ? now - random.below(48 * HOUR) : now
    return { ...keyless && random.chance(0.3) ? {} : { key }, value: this.#value(), timestamp, headers: this.#headers() }
  }

  /** Empty, short, and now and then as long as 1 KiB. */
  #key(i: number): Uint8Array {
    if (i === 1) return new Uint8Array()
    return Buffer.from(`key ${i} `.padEnd(this.#random.chance(0.05) ? this.#random.below(1024) : 0, 'k'))
  }

  #value(): Uint8Array | null {
    const random = this.#random
    if (random.chance(0.12)) return null
    const bytes = random.chance(0.05) ? 0 : random.chance(0.01) ? 6000 : 1 + random.below(120)
    // Half of it compresses.
    return Buffer.from(Array.from({ length: bytes }, (_, i) => i % 2 === 0 ? 0x61 : random.below(256)))
  }

  #headers(): (readonly [string, Uint8Array | null])[] {
    const random = this.#random
    if (random.chance(0.85)) return []
    return Array.from({ length: 1 + random.below(3) }, () => [random.chance(0.5) ? 'h' : '', random.chance(0.3) ? null : Buffer.alloc(random.below(12), 7)] as const)
  }
}
