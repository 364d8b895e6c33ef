import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GrowableBytes } from '../../src/platform/growable-bytes.ts'

const position = fc.oneof(fc.nat(300), fc.integer({ min: 65_000, max: 66_000 }), fc.nat(200_000))
const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), at: position, length: fc.oneof(fc.nat(200), fc.nat(140_000)), fill: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('resize' as const), at: position, length: fc.constant(0), fill: fc.constant(0) }),
)

test('content is what a plain array would hold after any writes, cuts and growth', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 12 }), steps => {
    const bytes = new GrowableBytes()
    let model = Buffer.alloc(0)
    const resize = (length: number): void => { model = Buffer.concat([model.subarray(0, length), Buffer.alloc(Math.max(0, length - model.length))]) }
    for (const { kind, at, length, fill } of steps) {
      if (kind === 'resize') {
        bytes.resize(at)
        resize(at)
      } else {
        bytes.write(new Uint8Array(length).fill(fill), at)
        resize(Math.max(model.length, at + length))
        model.fill(fill, at, at + length)
      }
    }
    const copy = bytes.copy()
    bytes.write(Uint8Array.of(77), 0)
    expect(copy.length).toBe(model.length)
    expect(Buffer.compare(copy.slice(0, copy.length), model)).toBe(0)
    const target = Buffer.alloc(1000)
    const from = Math.max(0, model.length - 500)
    expect(target.subarray(0, copy.read(target, from)).equals(model.subarray(from))).toBe(true)
  }), { numRuns: 150 })
})
