import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatHolder, formatLegacy, parseLockText, type Holder } from '../../src/platform/lock-file.ts'

const holder: Holder = { id: '0a-1', pid: 12, start: '34', boot: 'b', kind: 'flock' }

test('holder and legacy are read back, whatever the note holds', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.option(fc.string()), (note, dataBoot) => {
    expect(parseLockText(formatHolder(holder) + formatLegacy({ note, dataBoot }))).toEqual({ holder, held: true, note, dataBoot })
  }))
})

test('the first word alone says whether it is held, and a longer earlier note leaves no trace', () => {
  const text = formatHolder(holder) + formatLegacy({ note: 'new', dataBoot: null }) + 'the rest of an older note"}\n'
  expect(parseLockText(text)).toMatchObject({ held: true, note: 'new' })
  expect(parseLockText(text.replace('held', 'free'))).toMatchObject({ held: false, holder, note: 'new' })
})

test('a text that makes no sense has no holder and says nothing', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map(text => `held ${text}`), fc.json().map(json => `held ${json}\n${json}\n`)), text => {
    const parsed = parseLockText(text)
    expect(parsed.holder).toBeUndefined()
    expect(parsed.held).toBe(false)
  }))
  for (const wrong of [{ id: '../x' }, { id: 1 }, { pid: 0 }, { pid: -1 }, { pid: 1.5 }, { pid: '1' }, { kind: 'other' }]) {
    expect(parseLockText(`held ${JSON.stringify({ ...holder, ...wrong })}\n`).holder, JSON.stringify(wrong)).toBeUndefined()
  }
})
