import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { caseClash, checkTopicName, parsePartitionDirectory, partitionDirectory } from '../../src/log/topic-name.ts'

const legalName = fc.stringMatching(/^[a-zA-Z0-9._-]{1,12}$/).filter(name => name !== '.' && name !== '..')

describe('checkTopicName', () => {
  it.each(['orders', 'A', '0', '-', '_', 'a-1', 'Orders.v2_eu-west', '...a', '_private', 'console', 'com10', 'lpt0', 'nulls', 'x.con', 'a'.repeat(249)])("takes '%s'", name => {
    expect(() => checkTopicName(name)).not.toThrow()
  })

  it.each([
    ['', 'it is empty'], ['.', "'.' and '..' are directories"], ['..', "'.' and '..' are directories"], ['a'.repeat(250), 'it has 250 characters, at most 249'],
    ['a/b', "it contains '/'"], ['a b', "it contains ' '"], ['zażółć', "it contains 'ż'"], ['a\u0000', String.raw`it contains '\u0000'`], ['a\n', String.raw`it contains '\n'`], ['a:b', "it contains ':'"], ['🦉', "it contains '🦉'"], ['\u212a', "it contains '\u212a'"],
    ['__topics', "beginning with '__' are the log's own"], ['__', "beginning with '__' are the log's own"], ['orders.', 'it ends with a dot'], ['...', 'it ends with a dot'],
    ['con', 'device on Windows'], ['CON', 'device on Windows'], ['con.x', 'device on Windows'], ['Aux.a.b', 'device on Windows'], ['nul', 'device on Windows'], ['prn', 'device on Windows'], ['COM1', 'device on Windows'], ['com9.log', 'device on Windows'], ['lpt1', 'device on Windows'],
  ])('refuses %j and names the rule', (name, rule) => {
    expect(() => checkTopicName(name)).toThrow(expect.objectContaining({ name: 'UsageError', code: 'TOPIC_NAME_INVALID', message: expect.stringContaining(rule) as string, details: { name } }))
  })

  it.each([undefined, null, 1, {}, ['orders'], new String('orders')])('refuses %o, which is not a string', name => {
    expect(() => checkTopicName(name)).toThrow(expect.objectContaining({ code: 'TOPIC_NAME_INVALID', message: expect.stringContaining('expected a string') as string }))
  })
})

it('caseClash finds the name that differs only in capital letters', () => {
  expect(caseClash('Orders', ['payments', 'orders'])).toBe('orders')
  expect(caseClash('orders', ['orders', 'payments'])).toBeUndefined()
  expect(caseClash('orders', new Set(['orders', 'ORDERS']))).toBe('ORDERS')
  expect(caseClash('orders', [])).toBeUndefined()
})

describe('partition directories', () => {
  it('come back from their name, hyphens and digits in the topic or not', () => {
    fc.assert(fc.property(legalName, fc.nat(0x7fff_ffff), (topic, partition) => {
      expect(parsePartitionDirectory(partitionDirectory(topic, partition))).toEqual({ topic, partition })
    }))
  })

  it('are shared by no two partitions', () => {
    const hyphenated = fc.stringMatching(/^[a1-]{1,5}$/)
    fc.assert(fc.property(hyphenated, fc.nat(30), hyphenated, fc.nat(30), (topicA, a, topicB, b) => {
      expect(partitionDirectory(topicA, a) === partitionDirectory(topicB, b)).toBe(topicA === topicB && a === b)
    }))
  })

  it.each([['a-10', 'a', 10], ['a-1-0', 'a-1', 0], ['--0', '-', 0], ['__consumer_offsets-49', '__consumer_offsets', 49], ['con-0', 'con', 0]])("'%s' is topic '%s', partition %d", (directory, topic, partition) => {
    expect(parsePartitionDirectory(directory)).toEqual({ topic, partition })
  })

  it.each(['', '-0', 'orders', 'orders-', 'orders-01', 'orders--', 'orders-1.5', 'orders-1e3', 'orders-2147483648', 'orders-99999999999', 'a b-0', '.-0', '..-0', `${'a'.repeat(250)}-0`, 'orders-0.3f2a-delete', 'log.json', '.lock', 'orders-0\n', 'recovery-point-offset-checkpoint'])("'%s' is not one", directory => {
    expect(parsePartitionDirectory(directory)).toBeUndefined()
  })
})
