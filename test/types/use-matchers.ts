// What a TypeScript user can write with the matchers, in vitest and in jest; compiled against the build by
// types.test.ts, never run.
import { expect as jestExpect } from 'expect'
import type { Topic } from 'millrace'
import { matchers, testLog, type ExpectedRecord, type MillraceMatchers } from 'millrace/testing'
import { expect } from 'vitest'

expect.extend(matchers)
jestExpect.extend(matchers)

const log = await testLog()
const orders: Topic<{ total: number }> = await log.topic<{ total: number }>('orders')
const group = { id: 'billing', lag: async () => [] }

const expected: ExpectedRecord = { key: 'ada', value: expect.objectContaining({ total: 12 }), headers: { trace: 'abc' } }
const awaited: Promise<void> = expect(orders).toHaveRecord(expected)
await awaited
await expect(orders.partitions[0]).not.toHaveRecord(await orders.send({ value: null }))
await expect(orders).toHaveRecordsInOrder([expected, { partition: 0, offset: 3 }])
await expect(group).toHaveLag(0, orders)

const jestAwaited: Promise<void> = jestExpect(orders).toHaveRecord(expected)
await jestAwaited
await jestExpect(orders).not.toHaveRecordsInOrder([expected])
await jestExpect(group).toHaveLag(3, 'orders')

// @ts-expect-error no field of a record
await expect(orders).toHaveRecord({ vlaue: 1 })
// @ts-expect-error a list
await jestExpect(orders).toHaveRecordsInOrder({ key: 'ada' })
// @ts-expect-error a number
await expect(group).toHaveLag('3')

/** Where a runner's types are found nowhere, they can be added to by hand. */
declare const custom: MillraceMatchers
await custom.toHaveLag(0)
await log.close()
