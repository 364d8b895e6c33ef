import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const nextTurn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

test('a send that waits for the device when its topic is deleted ends with the deletion, and no disk has failed', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const log = await testLog({ durability: 'power', seed })
    const failures: unknown[] = []
    log.on('error', ({ error }) => { failures.push(error) })
    const topic = await log.topic('orders')
    const deleting = log.deleteTopic('orders')
    const outcomes: Promise<string>[] = []
    for (let turn = 0; turn < 20; turn++) {
      outcomes.push(topic.send({ value: turn }).then(() => 'stored', (error: unknown) => (error as { code: string }).code))
      await nextTurn()
    }
    await deleting
    expect(new Set(await Promise.all(outcomes)), `seed ${seed}`).toEqual(new Set(['stored', 'TOPIC_DELETED']))
    expect(failures, `seed ${seed}`).toEqual([])
  }
})

test('a topic that is deleted while its sealed segments are synced is no trouble to tell of', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-')) // real files: a simulated one is synced without its name
  const log = await open(directory)
  const troubles: string[] = []
  log.on('error', ({ error }) => { troubles.push(error.message) })
  for (let round = 0; round < 4; round++) {
    const topic = await log.topic('orders', { segmentBytes: '1KiB' })
    const producer = topic.producer()
    for (let i = 0; i < 40; i++) producer.sendSync({ value: 'x'.repeat(900) })
    for (let turn = 0; turn < round; turn++) await nextTurn()
    await log.deleteTopic('orders')
  }
  await log.close()
  rmSync(directory, { recursive: true })
  expect(troubles).toEqual([])
})

test('a log that goes on keeps nothing in memory of topics that were deleted', async () => {
  const log = await open('memory:')
  const topics: WeakRef<object>[] = []
  const makeAndDelete = async (name: string): Promise<void> => {
    const topic = await log.topic(name)
    await topic.send({ value: 1 })
    await topic.producer().send({ value: 2 })
    topics.push(new WeakRef(topic))
    await log.deleteTopic(name)
  }
  for (let i = 0; i < 20; i++) await makeAndDelete(`topic-${i}`)
  for (let round = 0; round < 3; round++) {
    await nextTurn()
    collectGarbage()
  }
  expect(topics.filter(topic => topic.deref() !== undefined).length).toBeLessThanOrEqual(1) // the last one may be on the stack
  await log.close()
})
