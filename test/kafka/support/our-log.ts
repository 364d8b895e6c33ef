// A log on real files with every kind of segment that we write, and what was sent to it, by partition: what Kafka's
// dump tool and Kafka's consumer have to find. Written with a clock that the writer steps; nothing in it is random.
import { spawn } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CODECS, LOG_OVERHEAD } from '../../../src/format/record-batch.ts'
import { open, type EventLog, type NewRecord, type Topic, type TopicOptions } from '../../../src/index.ts'
import { SteppedClock } from '../../../src/platform/stepped-clock.ts'
import { TestClock } from '../../../src/testing.ts'
import { killedRecord } from './killed-records.mjs'

export interface SentRecord {
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
}

type BytesRecord = NewRecord<Uint8Array, Uint8Array> & { readonly headers?: readonly (readonly [string, string | Uint8Array | null])[] }
type BytesTopic = Topic<Uint8Array, Uint8Array>

/** Records that a killed process has acknowledged, at least, before its end. */
const acknowledgedBeforeKill = 200
/** The start of a batch whose end the kill took. */
const tornBytes = 30

/** A log that is being written, with the account of it. */
export class OurLog {
  readonly directory: string
  readonly log: EventLog
  readonly clock: TestClock
  /** By folder: <topic>-<partition>; of deleted offsets, none. */
  readonly sent = new Map<string, SentRecord[]>()
  readonly startOffsets = new Map<string, number>()

  private constructor(directory: string, log: EventLog, clock: TestClock) {
    this.directory = directory
    this.log = log
    this.clock = clock
  }

  /** In a directory whose first writer was killed in the middle of a write. */
  static async afterKill(directory: string): Promise<OurLog> {
    await killWriter(directory)
    const clock = new TestClock(new SteppedClock())
    const log = await open(directory, { clock })
    const cut = new Promise<number>(resolve => { log.on('recovered', ({ topic, cutBytes }) => { if (topic === 'killed') resolve(cutBytes) }) })
    if (await cut < tornBytes) throw new Error(`recovery cut ${await cut} bytes, ${tornBytes} were torn`)
    const ours = new OurLog(directory, log, clock)
    await ours.#takeOverKilled()
    return ours
  }

  async topic(name: string, options: TopicOptions<Uint8Array, Uint8Array> = {}): Promise<BytesTopic> {
    const topic = await this.log.topic(name, { key: 'bytes', value: 'bytes', segmentBytes: '8KiB', ...options })
    for (const { index } of topic.partitions) this.sent.set(`${name}-${index}`, this.sent.get(`${name}-${index}`) ?? [])
    return topic
  }

  /** One batch for each partition, however slow the machine is: the producer's linger ends with its flush alone. */
  async send(topic: BytesTopic, ...records: readonly BytesRecord[]): Promise<void> {
    const producer = topic.producer({ linger: '1m' })
    const sending = producer.send(records)
    await producer.close()
    const sent = await sending
    sent.forEach(({ partition, offset, timestamp }, i) => {
      const { key = null, value, headers = [] } = records[i]!
      const timestampType = topic.settings.timestamps === 'append' ? 'LogAppendTime' : 'CreateTime'
      this.sent.get(`${topic.name}-${partition}`)!.push({ offset, timestamp, timestampType, key, value, headers: headers.map(([name, bytes]) => [name, typeof bytes === 'string' ? Buffer.from(bytes) : bytes]) })
    })
  }

  async truncate(topic: BytesTopic, offset: number): Promise<void> {
    const folder = `${topic.name}-0`
    await topic.partitions[0]!.truncateBefore(offset)
    this.startOffsets.set(folder, offset)
    this.sent.set(folder, this.sent.get(folder)!.filter(record => record.offset >= offset))
  }

  /** The directory as it is at this moment, the log being open: active segments end where their partition says. */
  copyTo(target: string): void {
    cpSync(this.directory, target, { recursive: true })
    for (const topic of this.log.topics()) {
      for (const partition of topic.partitions) {
        const { baseOffset, bytes } = partition.segments().at(-1)!
        const path = join(target, `${topic.name}-${partition.index}`, String(baseOffset).padStart(20, '0'))
        truncateSync(`${path}.log`, bytes)
      }
    }
    cutRoom(join(target, '__topics-0', '00000000000000000000.log'))
    makeMissingIndexes(target)
  }

  async #takeOverKilled(): Promise<void> {
    const topic = await this.topic('killed', { segmentBytes: '4KiB' })
    const sent = this.sent.get('killed-0')!
    for (let i = 0; i < topic.partitions[0]!.endOffset; i++) {
      const { key, value, headers, timestamp } = killedRecord(i)
      sent.push({ offset: i, timestamp, timestampType: 'CreateTime', key, value, headers: headers.map(([name, text]) => [name, Buffer.from(text)]) })
    }
    if (sent.length < acknowledgedBeforeKill) throw new Error(`${sent.length} records are left of ${acknowledgedBeforeKill} that were acknowledged`)
    // However far the other came before its end: enough for segments that begin in the new leader epoch.
    for (const end = sent.length + 300; sent.length < end;) await this.send(topic, killedRecord(sent.length))
  }
}

/** What was made ahead behind the last batch: where a batch's length would stand there are zeros. */
function cutRoom(file: string): void {
  const bytes = readFileSync(file)
  let end = 0
  while (end + LOG_OVERHEAD <= bytes.length && bytes.readInt32BE(end + 8) > 0) end += LOG_OVERHEAD + bytes.readInt32BE(end + 8)
  truncateSync(file, end)
}

/** One topic for each kind of segment. */
export async function writeEveryKind(ours: OurLog): Promise<void> {
  for (const compression of CODECS) await writeShapes(ours, await ours.topic(`codec-${compression}`, { compression }))
  const mixed = await ours.topic('mixed-codecs', { segmentBytes: '1MiB' })
  for (const compression of CODECS) {
    await mixed.alter({ compression })
    await writeShapes(ours, mixed)
  }

  const appendTime = await ours.topic('append-time', { timestamps: 'append', segmentBytes: '2KiB' })
  const packedAppendTime = await ours.topic('packed-append-time', { timestamps: 'append', segmentBytes: '2KiB', compression: 'lz4' })
  for (let i = 0; i < 60; i++) {
    for (const topic of [appendTime, packedAppendTime]) await ours.send(topic, ...several(1 + i % 4, 60))
    await ours.clock.advance(i % 3)
  }

  const outOfOrder = await ours.topic('out-of-order', { segmentBytes: '2KiB' })
  const jumps = [0, 1, -1, 1000, -5000, 86_400_000, -86_400_000, 40_000, 0, 7]
  for (let i = 0; i < 90; i++) {
    const at = (j: number) => i === 17 ? j : 1_700_000_000_000 + i * 1000 + jumps[(i * 3 + j) % jumps.length]!
    await ours.send(outOfOrder, ...several(1 + i % 3, 200).map((record, j) => ({ ...record, timestamp: at(j) })))
  }

  const byAge = await ours.topic('rolled-by-age', { segmentAge: '1m' })
  for (let i = 0; i < 12; i++) {
    await ours.send(byAge, ...several(2, 40))
    await ours.clock.advance('25s')
  }

  const truncated = await ours.topic('truncated', { segmentBytes: '1KiB' })
  for (let i = 0; i < 40; i++) await ours.send(truncated, ...several(3, 60))
  await ours.truncate(truncated, 61)
  const emptied = await ours.topic('emptied')
  await ours.send(emptied, ...several(5, 60))
  await ours.truncate(emptied, 5)
  await ours.topic('never-written')

  const partitioned = await ours.topic('partitioned', { partitions: 2 })
  await ours.send(partitioned, ...several(20, 60))
  await partitioned.alter({ partitions: 3 })
  await ours.topic('partitioned')
  await ours.send(partitioned, ...several(20, 60))
  await ours.topic('deleted')
  await ours.log.deleteTopic('deleted')
  ours.sent.delete('deleted-0')
}

/** Small batches and one that is larger than a segment; keys, values and headers that are text, binary, empty and null. */
async function writeShapes(ours: OurLog, topic: BytesTopic): Promise<void> {
  const binary = Uint8Array.of(0, 1, 2, 0xff, 0x0a, 0x80)
  const empty = new Uint8Array()
  await ours.send(topic,
    { key: text('key'), value: text('value') },
    { value: text('no key') },
    { key: text('no value'), value: null },
    { key: null, value: null },
    { key: empty, value: empty },
    { key: binary, value: binary },
    { key: text('two\nlines'), value: text('two\nlines, and payload: offset: 7') },
    { key: text('headers'), value: text('some'), headers: [['a', '1'], ['a', '2'], ['none', null], ['empty', empty], ['ключ', binary], ['', 'no name']] },
    { key: text('prose'), value: text(prose(500)) })
  for (let i = 0; i < 20; i++) await ours.send(topic, ...several(1, 300))
  await ours.send(topic, ...several(400, 100))
  for (let i = 0; i < 40; i++) await ours.send(topic, ...several(1 + i % 7, 150))
}

function several(count: number, bytes: number): BytesRecord[] {
  return Array.from({ length: count }, (_, i) => ({ key: text(`k${i % 11}`), value: text(prose(bytes + i % 5)) }))
}

/** Text that compresses, though not to nothing. */
function prose(bytes: number): string {
  const words = ['mill', 'race', 'water', 'wheel', 'grain', 'stone', 'sluice', 'flour', 'weir', 'leat']
  return Array.from({ length: Math.ceil(bytes / 5) }, (_, i) => words[(i * i * i * (bytes + 7) >>> 3) % words.length]).join(' ').slice(0, bytes)
}

function text(of: string): Uint8Array {
  return Buffer.from(of)
}

/** Runs killed-writer.mjs (on dist/), kills it while it sends, and leaves the torn start of one more batch. */
async function killWriter(directory: string): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./killed-writer.mjs', import.meta.url)), directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<string | null>(resolve => { child.once('exit', (_code, signal) => { resolve(signal) }) })
  for await (const line of createInterface({ input: child.stdout })) if (Number(line) >= acknowledgedBeforeKill) child.kill('SIGKILL')
  if (await ended !== 'SIGKILL') throw new Error('the writer was not killed')
  const folder = join(directory, 'killed-0')
  const logs = readdirSync(folder).filter(name => name.endsWith('.log')).sort()
  appendFileSync(join(folder, logs.at(-1)!), readFileSync(join(folder, logs[0]!)).subarray(0, tornBytes))
}

/** We write an active segment's indexes late, and its first entries may be due yet. Without entries they say as much. */
function makeMissingIndexes(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.log')) continue
    for (const suffix of ['.index', '.timeindex']) {
      const index = join(directory, name.replace(/\.log$/, suffix))
      if (!existsSync(index)) writeFileSync(index, '')
    }
  }
}
