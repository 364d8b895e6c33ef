// The text inside Kafka's small files. Where they live and how they are replaced is storage's business.
//
//   offset checkpoints        0\n<count>\n  then a line per partition:  <topic> <partition> <offset>\n
//   leader-epoch-checkpoint   0\n<count>\n  then a line per epoch:      <epoch> <start offset>\n
//   partition.metadata        version: 0\ntopic_id: <16 bytes in base64url, 22 characters>      (Kafka ends it without \n)
//
// Parsing is strict, since a half-believed checkpoint loses data: anything unexpected is a CorruptionError
// 'CHECKPOINT_MALFORMED'. Epochs and their start offsets both rise from line to line.
import { CorruptionError } from '../base/errors.ts'

export interface OffsetEntry { readonly topic: string; readonly partition: number; readonly offset: number }
export interface EpochEntry { readonly epoch: number; readonly startOffset: number }

const VERSION = '0'
const MAX_INT32 = 2 ** 31 - 1
/** Kafka reserves it for topics that have no id. */
const ZERO_ID = 'A'.repeat(22)

export function formatOffsets(entries: readonly OffsetEntry[]): string {
  return formatLines(entries.map(entry => `${entry.topic} ${entry.partition} ${entry.offset}`))
}

export function parseOffsets(text: string): OffsetEntry[] {
  return parseLines(text, 3).map(([topic, partition, offset]) => ({
    topic: topic!,
    partition: parseNumber(partition!, MAX_INT32, 'partition'),
    offset: parseNumber(offset!, Number.MAX_SAFE_INTEGER, 'offset'),
  }))
}

export function formatEpochs(entries: readonly EpochEntry[]): string {
  return formatLines(entries.map(entry => `${entry.epoch} ${entry.startOffset}`))
}

export function parseEpochs(text: string): EpochEntry[] {
  const entries = parseLines(text, 2).map(([epoch, startOffset]) => ({
    epoch: parseNumber(epoch!, MAX_INT32, 'epoch'),
    startOffset: parseNumber(startOffset!, Number.MAX_SAFE_INTEGER, 'start offset'),
  }))
  for (let i = 1; i < entries.length; i++) {
    const before = entries[i - 1]!
    const entry = entries[i]!
    if (entry.epoch <= before.epoch || entry.startOffset <= before.startOffset) {
      throw malformed(`epoch ${entry.epoch} from offset ${entry.startOffset} follows epoch ${before.epoch} from offset ${before.startOffset}, both have to rise`)
    }
  }
  return entries
}

export function formatPartitionMetadata(topicId: string): string {
  return `version: ${VERSION}\ntopic_id: ${topicId}`
}

/** Returns the topic id. */
export function parsePartitionMetadata(text: string): string {
  const [version, id, ...rest] = text.replace(/\n$/, '').split('\n')
  if (version !== `version: ${VERSION}`) throw malformed(`the first line is ${quote(version)}, 'version: ${VERSION}' is expected`)
  const topicId = /^topic_id: ([\w-]{22})$/.exec(id ?? '')?.[1]
  if (topicId === undefined || topicId === ZERO_ID || Buffer.from(topicId, 'base64url').toString('base64url') !== topicId) {
    throw malformed(`the second line is ${quote(id)}, 'topic_id: ' and a topic id of 22 characters are expected`)
  }
  if (rest.length > 0) throw malformed(`${rest.length} lines too many`)
  return topicId
}

function formatLines(lines: readonly string[]): string {
  return [VERSION, String(lines.length), ...lines, ''].join('\n')
}

function parseLines(text: string, fields: number): string[][] {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw malformed('the last line has no end')
  const [version, count, ...entries] = lines
  if (version !== VERSION) throw malformed(`the version is ${quote(version)}, only ${VERSION} is supported`)
  if (count !== String(entries.length)) throw malformed(`the count is ${quote(count)}, ${entries.length} lines follow`)
  return entries.map(line => {
    const parts = line.split(' ')
    if (parts.length !== fields || parts.includes('')) throw malformed(`the line ${quote(line)} has not ${fields} fields`)
    return parts
  })
}

function parseNumber(text: string, max: number, what: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(value <= max)) throw malformed(`${quote(text)} is no ${what}`)
  return value
}

/** Of a file that may be anything, a short piece. */
function quote(text: string | undefined): string {
  return text === undefined ? 'absent' : JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}

function malformed(what: string): CorruptionError {
  return new CorruptionError('CHECKPOINT_MALFORMED', `not one of Kafka's checkpoint files: ${what}`, {
    hint: 'The file was edited or damaged. Where it only speeds up opening it can be removed; the log is then checked from its start.',
  })
}
