// tx.send: what it takes, when it refuses, and what that means for the attempt.
import { expect, test } from 'vitest'
import type { ExactlyOnceContext } from '../../src/index.ts'
import { testLog } from '../../src/testing.ts'
import { Pipeline, newGate } from './support/pipeline.ts'

/** What the handler's only attempt ends with. */
async function causeOf(send: (tx: ExactlyOnceContext['tx'], pipeline: Pipeline) => unknown): Promise<unknown> {
  const pipeline = await Pipeline.open()
  await pipeline.send(1)
  const runner = await pipeline.run((_record, { tx }) => send(tx, pipeline))
  const error: unknown = await runner.done.catch((failure: unknown) => failure)
  expect(await pipeline.copied('read_uncommitted')).toEqual([])
  return (error as Error).cause
}

test('a mistake rejects at the call, and fails the attempt also where nobody awaits it', async () => {
  expect(await causeOf((tx, { target }) => tx.send(target, { valeu: 1 } as never))).toMatchObject({ code: 'RECORD_INVALID', hint: "did you mean 'value'?" })
  expect(await causeOf((tx, { target }) => { void tx.send(target, [{ value: 1 }, { value: undefined } as never]) })).toMatchObject({ code: 'RECORD_INVALID' })
  expect(await causeOf(tx => { void tx.send({ name: 'nowhere' } as never, { value: 1 }) })).toMatchObject({ code: 'TOPIC_UNKNOWN', message: expect.stringContaining("group 'copy': tx.send") as string })
  expect(await causeOf((tx, { target }) => tx.send(target, { value: 1, partition: 7 }))).toMatchObject({ code: 'PARTITION_INVALID' })
})

test('a handler that catches the error of a send has failed all the same: all of what it sent, or nothing', async () => {
  expect(await causeOf(async (tx, { target }) => {
    await tx.send(target, { value: 1 })
    await tx.send(target, { value: 2, partition: 7 }).catch(() => undefined)
  })).toMatchObject({ code: 'PARTITION_INVALID' })
})

test('a topic of another log is refused', async () => {
  const other = await testLog()
  const elsewhere = await other.topic<number>('target')
  expect(await causeOf(tx => tx.send(elsewhere, { value: 1 }))).toMatchObject({ code: 'TOPIC_OF_ANOTHER_LOG' })
  await other.close()
})

test('an attempt that sends more than is held back for one is told, and has no effect', async () => {
  expect(await causeOf(async (tx, { log }) => {
    const blobs = await log.topic<Uint8Array>('blobs', { value: 'bytes', maxRecordBytes: '20MiB' })
    for (let i = 0; i < 3; i++) await tx.send(blobs, { value: Buffer.alloc(15 * 1024 * 1024) })
  })).toMatchObject({ name: 'LimitError', code: 'TRANSACTION_TOO_LARGE', message: expect.stringContaining('32MiB') as string, hint: expect.stringContaining('several records') as string })
})

test('a record that is larger than its topic takes is refused at the call', async () => {
  expect(await causeOf(async (tx, { log }) => {
    const small = await log.topic<string>('small', { maxRecordBytes: 100 })
    await tx.send(small, { value: 'x'.repeat(1000) })
  })).toMatchObject({ code: 'RECORD_TOO_LARGE' })
})

test('once the attempt has ended, its tx refuses', async () => {
  const pipeline = await Pipeline.open()
  await pipeline.send(1)
  let kept: ExactlyOnceContext['tx'] | undefined
  await pipeline.run((_record, { tx }) => { kept = tx })
  await pipeline.log.idle()
  await expect(kept!.send(pipeline.target, { value: 1 })).rejects.toMatchObject({ name: 'UsageError', code: 'TRANSACTION_ENDED', hint: expect.stringContaining('await what the handler starts') as string })
  await pipeline.log.idle()
  expect(await pipeline.copied('read_uncommitted')).toEqual([])
})

test('what is sent is what it was at the call', async () => {
  const pipeline = await Pipeline.open()
  const lists = await pipeline.log.topic<number[]>('lists')
  await pipeline.send(1)
  await pipeline.run(async (_record, { tx }) => {
    const value = [1]
    const sent = tx.send(lists, { value })
    value.push(2)
    await sent
  })
  await pipeline.log.idle()
  expect(await lists.partitions[0]!.get(0)).toMatchObject({ value: [1] })
})

test('a schema may take its time: the order of the calls holds, and the attempt ends when all have answered', async () => {
  const pipeline = await Pipeline.open()
  const gate = newGate()
  const schema = { '~standard': { version: 1, vendor: 'test', validate: async (value: unknown) => {
    if (value === 1) await gate.opened
    return { value }
  } } } as never
  const checked = await pipeline.log.topic<number>('checked', { schema })
  await pipeline.send(1)
  await pipeline.run((_record, { tx }) => { void tx.send(checked, [{ value: 1 }, { value: 2 }]) })
  await pipeline.log.clock.settle()
  expect([checked.partitions[0]!.endOffset, await pipeline.committed()]).toEqual([0, []])
  gate.open()
  await pipeline.log.idle()
  expect([await checked.partitions[0]!.get(0), await checked.partitions[0]!.get(1)]).toMatchObject([{ value: 1 }, { value: 2 }])
})

test('a schema that refuses later fails the attempt', async () => {
  const schema = { '~standard': { version: 1, vendor: 'test', validate: async () => await Promise.resolve({ issues: [{ message: 'no' }] }) } } as never
  expect(await causeOf(async (tx, { log }) => {
    const checked = await log.topic<number>('checked', { schema })
    void tx.send(checked, { value: 1 })
  })).toMatchObject({ name: 'UsageError' })
})
