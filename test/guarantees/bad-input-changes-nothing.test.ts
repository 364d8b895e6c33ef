// Bad input changes nothing: an error names the right spelling, and the log is as it was before the call.
// test/surface/bad-*.test.ts has every call and every kind of wrong value.
import { MillraceError, type EventLog, type Topic } from 'millrace'
import { testLog } from 'millrace/testing'
import { expect, test } from 'vitest'

const NEVER = '../outside'

const MISTAKES: readonly (readonly [what: string, code: string, hint: RegExp, call: (log: EventLog, topic: Topic) => unknown])[] = [
  ['a topic name that leaves the directory', 'TOPIC_NAME_INVALID', /between words/, log => log.topic(NEVER)],
  ['a topic name that differs by case alone', 'TOPIC_NAME_CLASH', /another name/, log => log.topic('ORDERS')],
  ['a misspelt topic option', 'UNKNOWN_OPTION', /'retention'/, log => log.topic('new', { retentoin: '7d' } as object)],
  ['a misspelt unit', 'DURATION_INVALID', /'7d'/, log => log.topic('new', { retention: '7days' })],
  ['another serde than the stored one', 'TOPIC_CONTRADICTS', /stored ones/, log => log.topic('orders', { value: 'json' })],
  ['fewer partitions', 'TOPIC_CONTRADICTS', /only be added/, (_log, topic) => topic.alter({ partitions: 1 })],
  ['a misspelt record', 'RECORD_INVALID', /'value'/, (_log, topic) => topic.send({ vlaue: 1 } as never)],
  ['one bad record in an array', 'PARTITION_INVALID', /0 to 1/, (_log, topic) => topic.send([{ value: 1 }, { value: 2, partition: 2 }])],
  ['a timestamp in the far future', 'TIMESTAMP_INVALID', /an hour ahead/, (_log, topic) => topic.send({ value: 1, timestamp: new Date('2100-01-01') })],
  ['a value that can not be stored', 'VALUE_NOT_ENCODABLE', /leave it out/, (_log, topic) => topic.send({ value: { callback: () => 0 } })],
  ['a record that is too large', 'RECORD_TOO_LARGE', /elsewhere/, (_log, topic) => topic.send({ value: 'x'.repeat(2000) })],
  ['a misspelt producer option', 'UNKNOWN_OPTION', /'durability'/, (_log, topic) => topic.producer({ durabilty: 'power' } as object)],
  ['a position that is none', 'POSITION_INVALID', /'earliest'/, (_log, topic) => topic.read({ from: 'begin' as 'earliest' })],
  ['an offset that is none', 'OFFSET_INVALID', /from 0 on/, (_log, topic) => topic.partitions[0]!.truncateBefore(-1)],
  ['an offset beyond the end', 'OFFSET_OUT_OF_RANGE', /partition\.endOffset/, (_log, topic) => topic.partitions[0]!.truncateBefore(100)],
  ['a topic that does not exist', 'TOPIC_NOT_FOUND', /log.topics/, log => log.deleteTopic('order')],
]

test.each(MISTAKES)('%s is %s, and nothing has changed', async (_what, code, hint, call) => {
  const log = await testLog()
  const topic = await log.topic('orders', { partitions: 2, maxRecordBytes: 1000 })
  await topic.send([{ value: 'a', partition: 0 }, { value: 'b', partition: 1 }])
  const state = (): unknown => ({ stats: log.stats(), settings: topic.settings, files: log.disk.list('/log'), bytes: log.disk.usedBytes })
  const before = state()
  const error: unknown = await (async () => call(log, topic))().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(MillraceError)
  expect(error).toMatchObject({ code, hint: expect.stringMatching(hint) as string })
  expect(state()).toEqual(before)
  await topic.send({ value: 'goes on' })
  await log.close()
})
