// Damage that compaction has met keeps a partition from being compacted in the background for as long as it is there, and no longer.
import { expect, test } from 'vitest'
import type { MillraceError, Topic } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'

const FIRST = '/log/users-0/00000000000000000000.log'

/** A topic that is not compacted any more, because its first segment is damaged; that was told. */
async function damaged() {
  const log = await testLog()
  const errors: MillraceError[] = []
  log.on('error', ({ error }) => { errors.push(error) })
  const topic = await log.topic<string, string>('users', { value: 'string', segmentBytes: 1024, cleanup: 'compact' })
  await send(topic, 'abcdabcdabcdabcd')
  const file = log.disk.corrupt(FIRST, 100, 1)
  await log.clock.advance('1m')
  expect(errors.splice(0).map(({ code }) => code)).toEqual(['SEGMENT_NOT_CLEANED'])
  return { log, topic, errors, file }
}

async function send(topic: Topic<string, string>, keys: string): Promise<void> {
  for (const key of keys) await topic.send({ key, value: 'x'.repeat(200) })
}

async function keysOf(topic: Topic<string, string>): Promise<string> {
  let keys = ''
  for await (const { key } of topic.read()) keys += key!
  return keys
}

test('when the damaged segment is truncated away, what is left is compacted', async () => {
  const { log, topic, errors } = await damaged()
  await topic.partitions[0]!.truncateBefore(topic.partitions[0]!.segments()[1]!.baseOffset)
  await send(topic, 'abcdabcdabcdabcd')
  await log.clock.advance('1m')
  expect((await keysOf(topic)).length).toBeLessThan(10)
  expect(errors).toEqual([])
})

test('when it has succeeded on demand, it goes on in the background', async () => {
  const { log, topic, errors } = await damaged()
  log.disk.corrupt(FIRST, 100, 1) // the same bit again: as it was
  expect(await log.housekeep()).toMatchObject({ failures: [] })
  expect(await keysOf(topic)).toBe('abcd')
  await send(topic, 'abcdabcdabcdabcd')
  await log.clock.advance('1m')
  expect((await keysOf(topic)).length).toBeLessThan(10)
  expect(errors).toEqual([])
})

test('while it is there, what is sent later is not compacted, and nothing more is told', async () => {
  const { log, topic, errors } = await damaged()
  await send(topic, 'abcdabcdabcdabcd')
  await log.clock.advance('1m')
  expect(topic.partitions[0]!.endOffset).toBe(32)
  expect(topic.partitions[0]!.segments().some(({ compacted }) => compacted)).toBe(false)
  expect(errors).toEqual([])
})
