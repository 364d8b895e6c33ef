// What a topic may be called, and the name of a partition's directory. Kafka's rule, and beyond it what keeps a
// directory portable: a log made on Linux opens on Windows and macOS.
//
// A directory is `${topic}-${index}`. Topics may contain hyphens and digits, the index has neither hyphen nor
// leading zero, so the last hyphen always divides: two partitions share a directory only if topic and index are
// equal ('a' partition 10 is 'a-10', 'a-1' partition 0 is 'a-1-0'). Only case can clash, where file systems ignore it.
// 249 characters, a hyphen and the five digits of an index make the 255 that file systems allow.
import { describe, quote } from '../base/describe.ts'
import { UsageError } from '../base/errors.ts'

const TOPIC_NAME_CHARACTERS = 249
/** Topics of the log itself: '__consumer_offsets'. */
const INTERNAL_PREFIX = '__'

const KAFKA_NAME = /^[a-zA-Z0-9._-]+$/
/** Windows opens the device, whatever the case and with any extension. */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?$/i
const PARTITION_DIRECTORY = /^(.+)-(0|[1-9][0-9]{0,9})$/
const LARGEST_PARTITION = 0x7fff_ffff

/** For names that users choose. */
export function checkTopicName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw refused(name, `found ${describe(name)}, expected a string`, 'a topic is named by a string')
  const broken = kafkaRuleBroken(name) ?? portabilityRuleBroken(name)
  if (broken !== undefined) throw refused(name, `topic name ${quote(name)}: ${broken.rule}`, broken.hint)
}

/** The existing name that equals `name` but for capital letters; a name does not clash with itself. */
export function caseClash(name: string, existing: Iterable<string>): string | undefined {
  const folded = name.toLowerCase()
  for (const other of existing) if (other !== name && other.toLowerCase() === folded) return other
  return undefined
}

/** Not a user's: it holds what the log keeps of itself. */
export function isOwnTopic(name: string): boolean {
  return name.startsWith(INTERNAL_PREFIX)
}

export function partitionDirectory(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** undefined: not a partition's directory. Names of the log's own topics parse too. */
export function parsePartitionDirectory(directory: string): { readonly topic: string; readonly partition: number } | undefined {
  const [, topic, digits] = PARTITION_DIRECTORY.exec(directory) ?? []
  if (topic === undefined || digits === undefined || kafkaRuleBroken(topic) !== undefined) return undefined
  const partition = Number(digits)
  return partition <= LARGEST_PARTITION ? { topic, partition } : undefined
}

interface BrokenRule { readonly rule: string; readonly hint: string }

function kafkaRuleBroken(name: string): BrokenRule | undefined {
  if (name === '') return { rule: 'it is empty', hint: 'give the topic a name' }
  if (name.length > TOPIC_NAME_CHARACTERS) return { rule: `it has ${name.length} characters, at most ${TOPIC_NAME_CHARACTERS} are allowed`, hint: 'choose a shorter name' }
  if (name === '.' || name === '..') return { rule: "'.' and '..' are directories", hint: 'choose another name' }
  if (!KAFKA_NAME.test(name)) return { rule: `it contains ${quote(firstIllegal(name))}; letters a-z and A-Z, digits, '.', '_' and '-' are allowed`, hint: "use '-', '_' or '.' between words" }
  return undefined
}

function portabilityRuleBroken(name: string): BrokenRule | undefined {
  if (name.startsWith(INTERNAL_PREFIX)) return { rule: "names beginning with '__' are the log's own", hint: 'begin the name with something else' }
  if (name.endsWith('.')) return { rule: 'it ends with a dot, which Windows drops', hint: 'leave the last dot out' }
  if (WINDOWS_DEVICE.test(name)) return { rule: 'it is the name of a device on Windows', hint: `for example ${quote(`${name.split('.', 1).join('')}-events`)}` }
  return undefined
}

function firstIllegal(name: string): string {
  return Array.from(name).find(character => !KAFKA_NAME.test(character)) ?? ''
}

function refused(name: unknown, message: string, hint: string): UsageError {
  return new UsageError('TOPIC_NAME_INVALID', message, { hint, details: { name } })
}
