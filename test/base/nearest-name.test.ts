import { expect, it } from 'vitest'
import { nearestName } from '../../src/base/nearest-name.ts'

const known = ['retention', 'retentionBytes', 'partitions', 'partitioner', 'key', 'value', 'cleanup', 'compression']

it.each([
  ['retenton', 'retention'], ['retnetion', 'retention'], ['Retention', 'retention'], ['retentionbytes', 'retentionBytes'], ['partition', 'partitions'],
  ['partitionner', 'partitioner'], ['keys', 'key'], ['eky', 'key'], ['vlaue', 'value'], ['clean-up', 'cleanup'], ['compresion', 'compression'],
])("'%s' was meant to be '%s'", (found, meant) => {
  expect(nearestName(found, known)).toBe(meant)
})

it.each(['', 'x', 'linger', 'kez-val', 'constructor', '__proto__', 'k'.repeat(100_000)])('nothing is suggested where nothing is near: %#', found => {
  expect(nearestName(found, known)).toBeUndefined()
})
