// A read that follows goes by what may be read, not by what is stored: the two differ after a failed sync.
import { expect, test } from 'vitest'
import { RecordReader, readReadOptions } from '../../src/log/record-reader.ts'
import { StoredTopic } from '../../src/log/stored-topic.ts'
import type { RecordBatchView } from '../../src/log/record-batch-view.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { batchOf, newPartition } from '../support/partitions.ts'

/** A partition of two batches, of which readers are shown `shown`, and a read that has had what there is to read. */
async function following(over: { onMore?: () => void } = {}) {
  const log = await newPartition()
  for (const value of ['a', 'b']) log.append(batchOf([value]))
  const state: { shown: number; failure: Error | undefined } = { shown: 1, failure: undefined }
  let looks = 0
  Object.defineProperty(log, 'readableEnd', {
    get() {
      if (++looks > 1000) throw new Error('asked again and again')
      return state.shown
    },
  })
  log.failureAtEnd = () => state.failure
  const onMore = log.onMore.bind(log)
  const wake: (() => void)[] = []
  log.onMore = callback => {
    over.onMore?.()
    wake.push(callback)
    return onMore(callback)
  }
  const topic = new StoredTopic('t', 'id', {} as never, [log], {} as never)
  const reader = new RecordReader(topic, readReadOptions({ follow: true }, 't'))
  expect((await reader.next())?.baseOffset).toBe(0)
  return { reader, state, wake }
}

async function settle(next: Promise<RecordBatchView | undefined>): Promise<unknown> {
  let outcome: unknown = 'waiting'
  next.then(batch => { outcome = batch?.baseOffset }, (error: Error) => { outcome = error.message })
  for (let turns = 0; turns < 5; turns++) await nextTurn()
  return outcome
}

test('it waits, and is not busy, where more is stored than may be read', async () => {
  const { reader, state, wake } = await following()
  const next = reader.next()
  expect(await settle(next)).toBe('waiting')
  state.shown = 2
  for (const callback of wake) callback()
  expect(await settle(next)).toBe(1)
})

test('it ends with a failure that came between its last look and its waiting', async () => {
  const waits = await following({ onMore: () => { waits.state.failure = new Error('the disk failed') } })
  expect(await settle(waits.reader.next())).toBe('the disk failed')
})
