import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseSchemaVersion, SchemaGate } from '../../src/log/schema.ts'

const standard = (validate: (value: unknown) => unknown): unknown => ({ '~standard': { version: 1, vendor: 'test', validate } })
const rejection = (message: string, issues: number): unknown => expect.objectContaining({
  name: 'UsageError', code: 'SCHEMA_REJECTED', message: expect.stringContaining(message) as string, details: expect.objectContaining({ issues: expect.toSatisfy(list => (list as unknown[]).length === issues) as unknown }) as unknown,
})

describe('a schema', () => {
  it.each<[string, unknown]>([
    ['zod', z.object({ item: z.string().trim(), total: z.number().default(1) })],
    ['valibot', v.object({ item: v.pipe(v.string(), v.trim()), total: v.optional(v.number(), 1) })],
  ])("of %s: its output is what is stored, its first issue is the message", (_vendor, schema) => {
    const gate = new SchemaGate(schema, 'orders')
    expect(gate.version).toBeUndefined()
    expect(gate.check({ item: ' mill ' })).toEqual({ item: 'mill', total: 1 })
    expect(() => gate.check({ item: 7, total: 'x' })).toThrow(rejection("topic 'orders': the schema refused the value: item: ", 2))
    expect(() => gate.check({ item: 7, total: 'x' })).toThrow(/\(and 1 more\)$/)
  })

  it.each<[string, unknown]>([
    ['zod', z.object({ lines: z.array(z.object({ price: z.number() })), id: z.string().refine(async id => await Promise.resolve(id !== 'taken'), 'is taken') })],
    ['valibot', v.objectAsync({ lines: v.array(v.object({ price: v.number() })), id: v.pipeAsync(v.string(), v.checkAsync(async id => await Promise.resolve(id !== 'taken'), 'is taken')) })],
  ])('of %s that is asynchronous: a promise of the output or of the refusal', async (_vendor, schema) => {
    const gate = new SchemaGate(schema, 'orders')
    const checked = gate.check({ lines: [], id: 'free' })
    expect(checked).toBeInstanceOf(Promise)
    await expect(checked).resolves.toEqual({ lines: [], id: 'free' })
    await expect(gate.check({ lines: [], id: 'taken' })).rejects.toThrow(rejection('id: is taken', 1))
    await expect(gate.check({ lines: [{ price: 1 }, {}], id: 'free' })).rejects.toThrow(rejection('lines[1].price: ', 1))
  })

  it('lets tombstones pass', () => {
    const gate = new SchemaGate(z.string(), 'orders')
    expect(gate.check(null)).toBeNull()
    expect(gate.upcast(null, undefined)).toBeNull()
    expect(new SchemaGate({ version: 2, upcast: {} }, 'orders').upcast(null, 1)).toBeNull()
  })

  it('can be a function with the property, as those of arktype are', () => {
    const schema = Object.assign(() => 0, standard(value => ({ value: [value] })))
    expect(new SchemaGate(schema, 'orders').check(1)).toEqual([1])
  })

  it.each<[string, (value: unknown) => unknown, string, string]>([
    ['throws', () => { throw new Error('out of memory') }, 'SCHEMA_FAILED', 'out of memory'], ['returns nothing', () => undefined, 'SCHEMA_FAILED', 'validate returned undefined'], ['returns no result', () => ({}), 'SCHEMA_FAILED', 'validate returned an object'],
    ['refuses without issues', () => ({ issues: [] }), 'SCHEMA_REJECTED', 'no reason given'], ['refuses with a path of segments', () => ({ issues: [{ message: 'bad', path: [{ key: 'a b' }, 0, Symbol('s')] }] }), 'SCHEMA_REJECTED', '["a b"][0]["Symbol(s)"]: bad'],
    ['refuses with things that are no issues', () => ({ issues: [null, 1] }), 'SCHEMA_REJECTED', 'no reason given (and 1 more)'],
  ])('that %s is a typed error', (_name, validate, code, message) => {
    expect(() => new SchemaGate(standard(validate), 'orders').check({})).toThrow(expect.objectContaining({ name: 'UsageError', code, message: expect.stringContaining(message) as string }))
  })

  it('that rejects its promise is a typed error', async () => {
    const gate = new SchemaGate(standard(async () => await Promise.reject(new Error('no network'))), 'orders')
    await expect(gate.check({})).rejects.toThrow(expect.objectContaining({ code: 'SCHEMA_FAILED', message: expect.stringContaining('no network') as string }))
  })

  it.each<[unknown, string]>([
    [null, 'found null'], ['zod', "found 'zod'"], [{}, 'found an object'], [{ '~standard': { version: 2, validate: () => 0 } }, 'Standard Schema version 2'], [{ '~standard': { version: 1 } }, 'validate is undefined'],
    [{ version: 0, upcast: {} }, 'version is 0'], [{ version: 1.5, upcast: {} }, 'version is 1.5'], [{ version: '2', upcast: {} }, "version is '2'"], [{ version: 2 }, 'upcast is undefined'], [{ version: 2, upcast: null }, 'upcast is null'],
    [{ version: 2, schema: {}, upcast: {} }, 'schema is an object'], [{ version: 2, upcast: { 1: 'up' } }, "upcast[1] is 'up'"], [{ version: 2, upcast: { 2: () => 0 } }, "upcast has the key '2'"], [{ version: 1, upcast: { 1: () => 0 } }, 'expected none'], [{ version: 3, upcast: { one: () => 0 } }, "upcast has the key 'one'"],
  ])('is refused when it is none: %o', (schema, message) => {
    expect(() => new SchemaGate(schema, 'orders')).toThrow(expect.objectContaining({ name: 'UsageError', code: 'SCHEMA_INVALID', message: expect.stringMatching(/^topic 'orders': option 'schema': /) as string }))
    expect(() => new SchemaGate(schema, 'orders')).toThrow(message)
  })
})

describe('a versioned schema', () => {
  const schema = {
    version: 3,
    schema: z.object({ cents: z.number(), currency: z.string() }),
    upcast: { 1: (old: { euros: number }) => ({ cents: old.euros * 100 }), 2: (old: { cents: number }) => ({ ...old, currency: 'EUR' }) },
  }
  const gate = new SchemaGate(schema, 'orders')

  it('checks what is sent by its newest version', () => {
    expect(gate.version).toBe(3)
    expect(gate.check({ cents: 5, currency: 'EUR' })).toEqual({ cents: 5, currency: 'EUR' })
    expect(() => gate.check({ euros: 5 })).toThrow(expect.objectContaining({ code: 'SCHEMA_REJECTED' }))
    expect(new SchemaGate({ version: 2, upcast: {} }, 'orders').check({ any: 'thing' })).toEqual({ any: 'thing' })
  })

  it('brings older records up step by step, those without a header from version 1', () => {
    expect(gate.upcast({ euros: 7 }, 1)).toEqual({ cents: 700, currency: 'EUR' })
    expect(gate.upcast({ euros: 7 }, undefined)).toEqual({ cents: 700, currency: 'EUR' })
    expect(gate.upcast({ cents: 700 }, 2)).toEqual({ cents: 700, currency: 'EUR' })
    expect(gate.upcast('as it is', 3)).toBe('as it is')
    expect(new SchemaGate(z.string(), 'orders').upcast('as it is', 9)).toBe('as it is')
  })

  it('says which step is missing', () => {
    const gap = new SchemaGate({ version: 3, upcast: { 1: () => 0 } }, 'orders')
    expect(() => gap.upcast({}, 1)).toThrow(expect.objectContaining({ name: 'UsageError', code: 'UPCAST_MISSING', message: expect.stringContaining('no upcast from version 2 to 3') as string, details: { topic: 'orders', version: 2 } }))
  })

  it('names a step that fails, or that is asynchronous', () => {
    const cause = new Error('no euros')
    const failing = new SchemaGate({ version: 3, upcast: { 1: () => { throw cause }, 2: async () => await Promise.resolve(1) } }, 'orders')
    expect(() => failing.upcast({}, 1)).toThrow(expect.objectContaining({ code: 'UPCAST_FAILED', cause, message: expect.stringContaining('from version 1 to 2 failed: no euros') as string }))
    expect(() => failing.upcast({}, 2)).toThrow(expect.objectContaining({ code: 'UPCAST_FAILED', message: expect.stringContaining('returned a promise') as string }))
  })

  it('refuses a record of a version that it does not know yet', () => {
    expect(() => gate.upcast({}, 4)).toThrow(expect.objectContaining({ code: 'SCHEMA_VERSION_NEWER', hint: expect.stringContaining('deploy the readers') as string, details: { topic: 'orders', found: 4, newest: 3 } }))
  })

  it('does not follow later changes of the object it was made from', () => {
    const given = { version: 2, upcast: { 1: (): unknown => 'first' } }
    const made = new SchemaGate(given, 'orders')
    given.version = 1
    given.upcast[1] = () => 'second'
    expect([made.version, made.upcast('old', 1)]).toEqual([2, 'first'])
  })
})

it('the version header is decimal text', () => {
  expect(parseSchemaVersion(undefined)).toBeUndefined()
  expect(['1', '12', '1000000'].map(parseSchemaVersion)).toEqual([1, 12, 1_000_000])
  for (const text of [null, '', '0', '01', '-1', '1.0', ' 1', 'two', '1000001', '99999999999']) expect(() => parseSchemaVersion(text)).toThrow(expect.objectContaining({ name: 'CorruptionError', code: 'SCHEMA_VERSION_MALFORMED' }))
})
