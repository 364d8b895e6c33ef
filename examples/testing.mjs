// examples/testing.mjs
// Testing event-driven code without Docker, sleeps or files: `testLog` is the same log over a simulated machine.
// With vitest or jest the tests read the same: only the two imports from node: change.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testLog } from 'millrace/testing'

test('an acknowledged order survives the crash of the process', async () => {
  const log = await testLog()
  const orders = await log.topic('orders')
  await orders.send({ key: 'ada', value: { total: 12 } })

  const reopened = await log.crash() // as kill -9 and a start
  const record = await (await reopened.topic('orders')).partitions[0]?.get(0)
  assert.deepEqual(record?.value, { total: 12 })
  await reopened.close()
})

test('what was sent with durability power survives a power cut', async () => {
  const log = await testLog({ durability: 'power', seed: 42 }) // the seed decides what else the cut takes
  const orders = await log.topic('orders')
  const { offset } = await orders.send({ key: 'ada', value: { total: 12 } })

  const reopened = await log.powerCut()
  const record = await (await reopened.topic('orders')).partitions[0]?.get(offset)
  assert.deepEqual(record?.value, { total: 12 })
  await reopened.close()
})

test('a batch lingers for a second of the stepped clock, which takes no time at all', async () => {
  const log = await testLog()
  const orders = await log.topic('orders')
  const sent = orders.producer({ linger: '1s' }).send({ value: 'patient' })
  await log.clock.advance('999ms')
  assert.equal(orders.partitions[0]?.endOffset, 0)
  await log.clock.advance('1ms')
  assert.equal((await sent).offset, 0)
  await log.close()
})

test('a full disk refuses an order, and takes the next one once there is room', async () => {
  const log = await testLog()
  const orders = await log.topic('orders')
  log.disk.failNext('write', { error: 'ENOSPC' })
  await assert.rejects(orders.send({ value: 'too much' }), { name: 'LimitError', code: 'DISK_FULL' })
  assert.equal((await orders.send({ value: 'fits' })).offset, 0)
  await log.close()
})
