// What a client names and what its expression matches, and that no expression holds up the process.
import { expect, test } from 'vitest'
import type { GroupFault } from '../../src/groups/group-fault.ts'
import { RemoteSubscription } from '../../src/groups/remote-subscription.ts'
import { RemoteClient } from './support/remote-client.ts'
import { SimulatedGroups } from './support/simulated-groups.ts'

/** Against a name of forty a's and a b it would take hours. */
const SLOW = '(a+)+'
const LONG_NAME = `${'a'.repeat(40)}b`

test('topics that come later are read if they match, and those that went are not', () => {
  const subscription = new RemoteSubscription(['payments'], 'orders-.*')
  expect(subscription.topicsAmong(['orders-1', 'payments', 'my-orders-2'])).toEqual(new Set(['orders-1', 'payments']))
  expect(subscription.topicsAmong(['payments', 'orders-3'])).toEqual(new Set(['payments', 'orders-3']))
  expect(() => { subscription.check() }).not.toThrow()
})

test('an expression that is too slow matches nothing more, and is refused', () => {
  const subscription = new RemoteSubscription([], SLOW)
  expect(subscription.topicsAmong(['aa'])).toEqual(new Set(['aa']))
  expect(subscription.topicsAmong(['aa', LONG_NAME])).toEqual(new Set(['aa']))
  expect(() => { subscription.check() }).toThrow(`'${SLOW}'`)
})

test('a client is told that its expression is too slow, also when that comes with a later topic, which is made nevertheless', async () => {
  const groups = await SimulatedGroups.open()
  await groups.log.topic('aa')
  const client = await new RemoteClient(groups.coordinator, 'billing', 'a', { topics: null, pattern: SLOW }).join()
  expect(client.owned).toEqual(new Set(['aa-0']))
  await groups.log.topic(LONG_NAME)
  const refusal: unknown = await client.live().catch((error: unknown) => error)
  expect((refusal as GroupFault).reason).toBe('INVALID_REGULAR_EXPRESSION')
  expect(groups.log.topics().map(({ name }) => name)).toContain(LONG_NAME)
})
