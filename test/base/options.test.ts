import { describe, expect, expectTypeOf, it } from 'vitest'
import { systemClock } from '../../src/platform/clock.ts'
import type { Clock } from '../../src/platform/clock.ts'
import * as read from '../../src/base/options.ts'

const table = read.optionTable({
  retention: { default: 1000, read: read.duration() },
  order: { default: 'partition', read: read.oneOf(['partition', 'key']) },
  create: { default: true, read: read.boolean },
  signal: { default: undefined, read: read.signal },
})

describe('readOptions', () => {
  it('gives a frozen, complete object whose type follows from the table', () => {
    const options = read.readOptions({ order: 'key' }, table, 'test')
    expectTypeOf(options).toEqualTypeOf<{ readonly retention: number; readonly order: 'partition' | 'key'; readonly create: boolean; readonly signal: AbortSignal | undefined }>()
    expect(options).toEqual({ retention: 1000, order: 'key', create: true, signal: undefined })
    expect(Object.isFrozen(options)).toBe(true)
  })

  it('takes no options at all, and undefined values, as not given', () => {
    const defaults = { retention: 1000, order: 'partition', create: true, signal: undefined }
    for (const given of [undefined, {}, { retention: undefined, signal: undefined }, Object.create(null)]) expect(read.readOptions(given, table, 'test')).toEqual(defaults)
  })

  it('names an unknown option and the nearest known one', () => {
    expect(() => read.readOptions({ retenton: 1 }, table, "topic 'orders'")).toThrow(expect.objectContaining({
      code: 'UNKNOWN_OPTION', message: "topic 'orders': unknown option 'retenton'", hint: "did you mean 'retention'?",
    }))
    expect(() => read.readOptions({ xyz: undefined }, table, 'test')).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION', hint: 'known options are retention, order, create, signal' }))
  })

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])("does not take '%s' for a known option", name => {
    const given = JSON.parse(`{"${name}": {"create": false}}`) as unknown
    expect(() => read.readOptions(given, table, 'test')).toThrow(expect.objectContaining({ code: 'UNKNOWN_OPTION' }))
  })

  it('is not reached by what the caller put on a prototype', () => {
    expect(read.readOptions({ __proto__: { create: false } }, table, 'test').create).toBe(true)
  })

  it.each([[null, 'null'], [[], 'an array'], ['a', "'a'"], [1, '1'], [() => 0, 'a function']])('refuses %o in place of options', (given, found) => {
    expect(() => read.readOptions(given, table, 'producer')).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID', message: `producer: found ${found}, expected an object of options` }))
  })

  it("reads each of the caller's options once, and neither changes nor keeps the object", () => {
    let reads = 0
    const given = Object.freeze({ get retention() { return ++reads }, order: 'key' })
    const options = read.readOptions(given, table, 'test')
    expect(reads).toBe(1)
    expect(options.retention).toBe(1)
    const groups = ['a']
    const list = read.readOptions({ groups }, { groups: { default: [], read: read.listOf(read.nonEmptyText) } }, 'test').groups
    groups.push('b')
    expect(list).toEqual(['a'])
    expect(Object.isFrozen(list)).toBe(true)
  })
})

it('readGiven returns only what was given, checked and frozen', () => {
  const given = read.readGiven({ retention: '2s', order: undefined }, table, 'test')
  expectTypeOf(given).toEqualTypeOf<{ readonly retention?: number; readonly order?: 'partition' | 'key'; readonly create?: boolean; readonly signal?: AbortSignal }>()
  expect(Object.entries(given)).toEqual([['retention', 2000]])
  expect(Object.isFrozen(given)).toBe(true)
  expect(() => read.readGiven({ create: 1 }, table, 'test')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
})

describe('readers', () => {
  class Handle { readonly open = true }
  const abort = new AbortController().signal
  const clock = read.object<Clock>('a Clock', ['now', 'setTimeout'])
  const callback = read.callback<() => void>()
  const handler = (): void => undefined
  const handle = new Handle()

  it.each<[read.Reader<unknown>, unknown, unknown]>([
    [read.oneOf(['a', 'b']), 'b', 'b'], [read.boolean, false, false], [read.integer({ min: 1, max: 5 }), 5, 5], [read.integer({ min: 0, max: 5 }), -0, 0], [read.number({ min: 0, max: 1 }), 0.5, 0.5],
    [read.duration({ min: 1 }), '1s', 1000], [read.size({ max: 2048 }), '2KiB', 2048], [callback, handler, handler], [read.signal, abort, abort],
    [clock, systemClock, systemClock], [read.instanceOf(Handle), handle, handle], [read.listOf(read.boolean), [true], [true]], [read.nonEmptyText, 'x', 'x'],
  ])('takes what fits: %#', (reader, given, expected) => {
    expect(reader(given, 'x')).toStrictEqual(expected)
  })

  it.each<[read.Reader<unknown>, unknown, string]>([
    [read.oneOf(['delete', 'compact']), 'compcat', "found 'compcat', expected 'delete' or 'compact'"], [read.oneOf(['a', 'b', 'c']), 1, "found 1, expected 'a', 'b' or 'c'"],
    [read.boolean, 'true', "found 'true', expected true or false"], [read.boolean, 0, 'found 0'], [read.boolean, null, 'found null'],
    [read.integer({ min: 1, max: 5 }), 0, 'found 0, expected a whole number from 1 to 5'], [read.integer({ min: 1, max: 5 }), 6, 'found 6'], [read.integer({ min: 1, max: 5 }), 1.5, 'found 1.5'],
    [read.integer({ min: 1, max: 5 }), NaN, 'found NaN'], [read.integer({ min: 1, max: 5 }), '3', "found '3'"], [read.integer({ min: 1, max: 5 }), 3n, 'found 3n'], [read.integer({ min: 1, max: Infinity }), 2 ** 53, 'found 9007199254740992'],
    [read.number({ min: 0, max: 1 }), 1.01, 'found 1.01, expected a number from 0 to 1'], [read.number({ min: 0, max: 1 }), NaN, 'found NaN'],
    [read.duration({ min: 1 }), 0, 'found 0, expected at least 1ms'], [read.size({ min: 1024, max: 4096 }), '8KiB', "found '8KiB', expected 1KiB to 4KiB"], [read.size({ max: 4096 }), Infinity, 'found Infinity'],
    [callback, {}, 'found an object, expected a function'], [read.signal, {}, 'found an object, expected an AbortSignal'], [read.signal, { addEventListener: handler, removeEventListener: handler, throwIfAborted: handler }, 'found an object'], [read.signal, new AbortController(), 'found an AbortController, expected an AbortSignal'],
    [clock, { now: 1, setTimeout: handler }, 'found an object, expected a Clock'], [clock, null, 'found null'], [read.instanceOf(Handle), { open: true }, 'found an object, expected a Handle'],
    [read.listOf(read.nonEmptyText), 'a', "found 'a', expected an array"], [read.listOf(read.nonEmptyText), ['a', ''], "x[1]: found '', expected a text that is not empty"], [read.nonEmptyText, Symbol('s'), 'found a symbol'],
    [read.nonEmptyText, new Map(), 'found a Map'], [read.nonEmptyText, Object.create(null), 'found an object'],
  ])('refuses what does not fit, and says what was found: %#', (reader, given, message) => {
    expect(() => reader(given, 'x')).toThrow(expect.objectContaining({ name: 'UsageError', code: 'OPTION_INVALID', message: expect.stringContaining(message) as string, hint: expect.stringMatching(/./) as string }))
  })

  it('suggests the nearest of the names', () => {
    expect(() => read.oneOf(['delete', 'compact'])('compcat', 'cleanup')).toThrow(expect.objectContaining({ hint: "did you mean 'compact'?" }))
  })

  it('keeps long and many-lined values out of messages', () => {
    expect(() => read.boolean('x\n'.repeat(10_000), 'x')).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,120}$/) as string }))
  })
})
