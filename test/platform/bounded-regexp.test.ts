import { expect, test } from 'vitest'
import { matching } from '../../src/platform/bounded-regexp.ts'

test('the texts that match are told, in their order', () => {
  expect(matching(/^o.*s$/, ['orders', 'payments', 'ores'], 1000)).toEqual(['orders', 'ores'])
})

test('an expression that would take years is given up', () => {
  expect(matching(/^(?:(a+)+)$/, [`${'a'.repeat(60)}b`], 10)).toBeUndefined()
})
