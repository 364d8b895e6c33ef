// Producers of other processes, and a log that is killed or loses its power under them: what a client was told stays true.
import { expect, test } from 'vitest'
import { testLog } from '../../src/testing.ts'
import { valuesOf } from './support/held-transaction.ts'
import { RemoteClient } from './support/remote-client.ts'
import { RemoteHistory } from './support/remote-history.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const RUNS = Number(process.env['RUNS'] ?? 8)

test(`what a remote client was told of its transaction is so after any kill and power cut, seeds ${SEED} to ${SEED + RUNS - 1}`, { timeout: 10_000 * RUNS }, async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const history = await RemoteHistory.begin(seed)
    await history.run(8).catch((error: unknown) => { expect.fail(`seed ${seed}: ${(error as Error).message}\n${history.told}`) })
  }
})

test.each([1, 2] as const)('version %i: what was aborted stays so though the next transaction is committed, and then the power fails', async version => {
  for (let seed = 0; seed < 20; seed++) {
    const log = await testLog({ seed, durability: 'power' })
    const orders = await log.topic<string>('orders', { partitions: 2, value: 'string' })
    const client = await RemoteClient.begin(log, { version })
    await client.send('orders', 0, 'aborted')
    await orders.producer({ durability: 'power' }).send({ value: 'plain', partition: 0 }) // the batch before it is on the device, too
    expect(await client.abort()).toBe('NONE')
    await client.send('orders', 1, 'committed')
    expect(await client.commit()).toBe('NONE')
    const next = await log.powerCut({ seed })
    expect((await valuesOf(await next.topic<string>('orders'))).sort(), `seed ${seed}`).toEqual(['committed', 'plain'])
    await next.close()
  }
})

test.each([1, 2] as const)('version %i: a client whose transaction the end of the process has aborted is told so until it aborts, and goes on', async version => {
  const log = await testLog({ durability: 'power' })
  await log.topic<string>('orders', { partitions: 2, value: 'string' })
  const client = await RemoteClient.begin(log, { version })
  await client.send('orders', 0, 'half')
  const next = await (await log.crash()).crash()
  client.log = next
  const refusal = version === 1 ? 'PRODUCER_FENCED' : 'INVALID_PRODUCER_EPOCH' // an older one adds the partition first
  expect(await client.send('orders', 1, 'other half')).toBe(refusal)
  expect(client.write('orders', 0, ['more'])).toBe('INVALID_PRODUCER_EPOCH')
  expect(await client.move('g', { topic: 'orders', partition: 0, offset: 0 })).toBe(refusal)
  expect(await client.commit()).toBe('PRODUCER_FENCED')
  expect(await client.abort()).toBe('NONE')
  expect(await client.send('orders', 0, 'whole')).toBe('NONE')
  expect(await client.commit()).toBe('NONE')
  expect(await valuesOf(await next.topic<string>('orders'))).toEqual(['whole'])
  await next.close()
})

test('a client that never comes back leaves nothing behind but its id, which it loses when its time is over', async () => {
  const log = await testLog({ durability: 'power' })
  await log.topic<string>('orders', { value: 'string' })
  const client = await RemoteClient.begin(log, { version: 1, timeoutMs: 5000 })
  await client.send('orders', 0, 'half')
  const next = await log.crash()
  client.log = next
  await next.clock.advance('5s')
  expect(await client.abort()).toBe('PRODUCER_FENCED')
  expect([...client.remote.open]).toEqual([])
  await next.close()
})

test('an epoch that a client was given is given to nobody else after a power cut', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const log = await testLog({ seed })
    const { producer } = await RemoteClient.begin(log)
    const next = await log.powerCut({ seed })
    expect((await RemoteClient.begin(next)).producer, `seed ${seed}`).not.toEqual(producer)
    await next.close()
  }
})
