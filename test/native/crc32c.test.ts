import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../../src/native/crc32c.ts'

const count = (from: number, step: number): Buffer => Buffer.from(Array.from({ length: 32 }, (_, i) => from + i * step))

// RFC 3720, B.4, and the check value of the CRC catalogues.
test.each([
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['rising bytes', count(0, 1), 0x46dd794e],
  ['falling bytes', count(31, -1), 0x113fdb5c],
  ['an iSCSI read command', Buffer.from('01c00000000000000000000000000000140000000000040000000014000000182800000000000000' + '0200000000000000', 'hex'), 0xd9963a56],
  ['the digits 1 to 9', Buffer.from('123456789'), 0xe3069283],
  ['nothing', Buffer.alloc(0), 0],
])('the checksum of %s is the published one', (_name, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected)
})

test('any range of any bytes has the checksum that the definition gives', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, a, b) => {
    const start = Math.min(a, b, bytes.length)
    const end = Math.min(Math.max(a, b), bytes.length)
    expect(crc32c(bytes, start, end)).toBe(bitByBit(bytes.subarray(start, end)))
  }), { numRuns: 300 })
})

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
