// Delivery 'exactly-once' where something is lost meanwhile: partitions to other members, topics, the disk's health. What was handled
// and is not committed has had no effect; whoever goes on there handles it again.
import { expect, test } from 'vitest'
import { Pipeline, newGate, numbers } from './support/pipeline.ts'

test('a partition that is asked back moves once what was handled of it is committed', async () => {
  const pipeline = await Pipeline.open({ partitions: 2 })
  await pipeline.send(20)
  const seen: number[] = []
  await pipeline.run(async (record, context) => {
    seen.push(record.value!)
    await pipeline.copy(record, context)
  }, { commitInterval: '1h' })
  await pipeline.log.clock.settle()
  expect(await pipeline.copied('read_uncommitted')).toEqual([])
  await pipeline.run(pipeline.copy)
  await pipeline.log.idle()
  expect(pipeline.log.group('copy').members().map(({ partitions }) => partitions.length)).toEqual([1, 1])
  expect([seen.length, (await pipeline.copied()).sort((a, b) => a - b)]).toEqual([20, numbers(20)])
})

test('a partition that was taken away late takes its effects along, and none of the other partitions', async () => {
  const pipeline = await Pipeline.open({ partitions: 2 })
  await pipeline.send(8)
  const gate = newGate()
  const calls: number[] = []
  await pipeline.run(async (record, context) => {
    calls.push(record.value!)
    await pipeline.copy(record, context)
    if (record.offset === 2) await gate.opened
  }, { concurrency: 2, revokeTimeout: '1s', commitInterval: '1h' })
  await pipeline.log.clock.settle()
  expect(calls).toEqual([0, 1, 2, 3, 4, 5])
  await pipeline.run(pipeline.copy)
  await pipeline.log.clock.advance('2s')
  gate.open()
  await pipeline.log.idle()
  expect(await pipeline.copied()).toEqual([0, 2, 4, 6, 1, 3, 5, 7])
  expect(await pipeline.committed()).toEqual([[0, 4], [1, 4]])
})

test('a full disk passes: what was handled is committed then, and no handler is called again', async () => {
  const pipeline = await Pipeline.open()
  const { disk } = pipeline.log
  let calls = 0
  const runner = await pipeline.run(async (record, context) => {
    calls++
    disk.capacityBytes = disk.usedBytes
    await pipeline.copy(record, context)
  })
  await pipeline.send(3)
  await pipeline.log.clock.advance('5s')
  expect(pipeline.errors.length).toBeGreaterThan(1)
  expect(pipeline.errors[0]).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
  expect([runner.health().state, calls, await pipeline.copied(), await pipeline.committed()]).toEqual(['running', 3, [], []])
  disk.capacityBytes = Infinity
  await pipeline.log.clock.advance('1s')
  expect([calls, await pipeline.copied(), await pipeline.committed()]).toEqual([3, numbers(3), [[0, 3]]])
})

test('a runner that is stopped on a full disk says so, and its records come again', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.send(3)
  const runner = await pipeline.run(pipeline.copy, { commitInterval: '1h' })
  await pipeline.log.clock.settle()
  const { disk } = pipeline.log
  disk.capacityBytes = disk.usedBytes
  await expect(runner.stop()).rejects.toMatchObject({ code: 'DISK_FULL' })
  disk.capacityBytes = Infinity
  await pipeline.run(pipeline.copy)
  await pipeline.log.idle()
  expect([await pipeline.copied(), await pipeline.committed()]).toEqual([numbers(3), [[0, 3]]])
})

test('a device that fails stops the runner: nothing more is handed out', async () => {
  const pipeline = await Pipeline.open({ durability: 'power' })
  const runner = await pipeline.run(pipeline.copy)
  await pipeline.log.idle()
  await pipeline.send(1)
  pipeline.log.disk.failNext('sync', { error: 'EIO', path: /target-0/ })
  await expect(runner.done).rejects.toMatchObject({ name: 'StorageError' })
  expect([await pipeline.committed(), runner.health().state]).toEqual([[[0, 0]], 'failed'])
})

test('a topic that is deleted while effects wait for it stops the runner', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.send(1)
  const runner = await pipeline.run(pipeline.copy, { commitInterval: '1s' })
  await pipeline.log.clock.settle()
  await pipeline.log.deleteTopic('target')
  const done = runner.done
  done.catch(() => { /* awaited below */ })
  await pipeline.log.clock.advance('1s')
  await expect(done).rejects.toMatchObject({ code: 'TOPIC_DELETED' })
})

test('of a topic that is deleted nothing is committed, and the others go on', async () => {
  const pipeline = await Pipeline.open()
  const other = await pipeline.log.topic<number>('other')
  await pipeline.send(2)
  await other.send({ value: 5 })
  const runner = await pipeline.log.group('both').run([pipeline.source, other], async ({ value }, { tx }) => { await tx.send(pipeline.target, { value }) }, { from: 'earliest', delivery: 'exactly-once', commitInterval: '1h' })
  await pipeline.log.clock.settle()
  await pipeline.log.deleteTopic('source')
  await pipeline.log.idle()
  expect([await pipeline.copied(), runner.health().state]).toEqual([[5], 'running'])
  expect(await pipeline.log.group('both').committed('source')).toEqual(new Map())
})

test('a member of the same id takes over: the earlier runner fails and has no effect any more', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.send(4)
  const options = { memberId: 'a', commitInterval: '1h' } as const
  const first = await pipeline.run(pipeline.copy, options)
  await pipeline.log.clock.settle()
  const { done } = first
  done.catch(() => { /* awaited below */ })
  await pipeline.run(pipeline.copy, options)
  await expect(done).rejects.toMatchObject({ code: 'MEMBER_FENCED' })
  await first.stop() // or idle() would tell of it
  await pipeline.log.idle()
  expect([await pipeline.copied(), await pipeline.committed()]).toEqual([numbers(4), [[0, 4]]])
})
