// However a send is refused, it says so by its promise: who calls without awaiting is never thrown at.
import { expect, test } from 'vitest'
import { open, type NewRecord } from '../../src/index.ts'
import { failureOf } from '../contract/support/failures.ts'

test('a send that is refused rejects, and does not throw', async () => {
  const log = await open('memory:')
  const [topic, deleted] = await Promise.all([log.topic('orders'), log.topic('deleted')])
  const producer = topic.producer()
  const malformed = { valeu: 1 } as unknown as NewRecord<unknown, string>
  const sends = [() => topic.send(malformed), () => topic.send([malformed]), () => producer.send(malformed), () => log.producer().send({ topic: 'orders', ...malformed })]
  for (const send of sends) expect(await failureOf(() => answered(send))).toMatchObject({ code: 'RECORD_INVALID' })
  await log.deleteTopic('deleted')
  expect(await failureOf(() => answered(() => deleted.send({ value: 1 })))).toMatchObject({ code: 'TOPIC_DELETED' })
  await log.close()
  for (const send of [() => topic.send({ value: 1 }), () => topic.send([]), () => producer.send({ value: 1 })]) expect(await failureOf(() => answered(send))).toMatchObject({ code: 'LOG_CLOSED' })
})

/** The promise of a call that may not throw. */
function answered(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return call()
  } catch (error) {
    throw new Error('it was thrown', { cause: error })
  }
}
