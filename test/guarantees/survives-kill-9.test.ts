// What was acknowledged survives the end of the process. test/crash/ kills real processes; here each acknowledgement
// is followed by a crash of the simulated one.
import { MillraceError, type Topic } from 'millrace'
import { testLog } from 'millrace/testing'
import { expect, test } from 'vitest'

async function valuesOf(topic: Topic): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const record of topic.read()) values.push(record.value)
  return values
}

test.each(['process', 'power'] as const)("a record acknowledged with durability '%s' survives kill -9, in order and once", async durability => {
  let log = await testLog({ durability })
  const acknowledged: unknown[] = []
  for (let round = 0; round < 10; round++) {
    const topic = await log.topic('orders', { segmentBytes: '1KiB', compression: 'gzip' })
    for (let i = 0; i < 5; i++) {
      await topic.send({ value: `${round}.${i}` })
      acknowledged.push(`${round}.${i}`)
    }
    acknowledged.push(topic.producer().sendSync({ value: `${round}.sync` }) && `${round}.sync`)
    void topic.send({ value: 'not acknowledged' }).catch(() => undefined)
    log = await log.crash()
    expect(await valuesOf(await log.topic('orders'))).toEqual(acknowledged)
  }
  await log.close()
})

test('topics that were made, altered and deleted are so after kill -9', async () => {
  const log = await testLog()
  const kept = await log.topic('kept', { retention: '7d' })
  await kept.alter({ partitions: 3 })
  await log.topic('gone')
  await log.deleteTopic('gone')
  const next = await log.crash()
  expect(next.topics().map(topic => [topic.name, topic.settings.partitions, topic.settings.retentionMs])).toEqual([['kept', 3, 604_800_000]])
  await next.close()
})

test('the log that crashed is over: its calls fail, and harm nobody', async () => {
  const log = await testLog()
  const topic = await log.topic('orders')
  const next = await log.crash()
  const failure: unknown = await topic.send({ value: 'late' }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(MillraceError)
  expect(failure).toMatchObject({ name: 'ClosedError', code: 'LOG_CRASHED' })
  expect(await valuesOf(await next.topic('orders'))).toEqual([])
  await next.close()
})
