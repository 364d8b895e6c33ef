// What a test asks of the simulated disk is refused where it could never come about.
import { expect, test } from 'vitest'
import { testLog, type Operation } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'

test.each([
  ['an operation that is misspelt', 'wirte', { error: 'ENOSPC' }, "did you mean 'write'?"],
  ['an error that no system has', 'write', { error: 'FULL' }, 'take one of these names'],
  ['a path that is no pattern', 'write', { error: 'ENOSPC', path: 'orders-0' }, /RegExp/],
  ['no error', 'write', {}, /ENOSPC/],
  ['nothing at all', 'write', undefined, /ENOSPC/],
  ['an option that is misspelt', 'write', { error: 'EIO', afer: 1 }, "did you mean 'after'?"],
])('%s is refused, and nothing is planned', async (_what, operation, fault, hint) => {
  const log = await testLog()
  const failure = await failureOf(() => { log.disk.failNext(operation as Operation, fault as never) })
  expect(failure.name).toBe('UsageError')
  expect(`${failure.message} ${failure.hint}`).toMatch(hint)
  const orders = await log.topic('orders')
  await orders.send({ value: 1 })
  await log.close()
})
