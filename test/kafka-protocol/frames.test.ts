import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameSplitter } from '../../src/kafka/protocol/frames.ts'
import { ProtocolError } from '../../src/kafka/protocol/protocol-error.ts'

test('frames come out as they went in, however their bytes were cut', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
  fc.assert(fc.property(fc.array(bytes, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 120 })), (frames, cuts) => {
    const splitter = new FrameSplitter(300)
    const found = inChunks(Buffer.concat(frames.map(framed)), cuts).flatMap(chunk => [...splitter.take(chunk)])
    expect(found).toEqual(frames)
  }))
})

test('frames that came in one chunk are views of it', () => {
  const chunk = Buffer.concat([framed(Buffer.from('abc')), framed(Buffer.from('de'))])
  const found = [...new FrameSplitter(3).take(chunk)]
  expect(found.map(({ buffer, byteOffset }) => [buffer, byteOffset])).toEqual([[chunk.buffer, chunk.byteOffset + 4], [chunk.buffer, chunk.byteOffset + 11]])
})

test('a frame of the limit is taken, one byte more is refused before a byte of it has come', () => {
  expect([...new FrameSplitter(100).take(framed(Buffer.alloc(100)))]).toHaveLength(1)
  const refused = (): Buffer[] => [...new FrameSplitter(100).take(Buffer.of(0, 0, 0, 101))]
  expect(refused).toThrow(ProtocolError)
  expect(refused).toThrow(expect.objectContaining({ code: 'PROTOCOL_FRAME_SIZE', message: 'a request announces 101 bytes, allowed are 0 to 100' }))
})

test('a negative length is refused, behind frames that were whole before it', () => {
  const frames = new FrameSplitter(100).take(Buffer.concat([framed(Buffer.from('a')), Buffer.of(0xff, 0xff, 0xff, 0xff)]))
  expect(frames.next().value).toEqual(Buffer.from('a'))
  expect(() => frames.next()).toThrow(/announces -1 bytes/)
})

test('who stops in the middle gets the rest with the next chunk', () => {
  const splitter = new FrameSplitter(100)
  for (const first of splitter.take(Buffer.concat([framed(Buffer.from('a')), framed(Buffer.from('b')), framed(Buffer.from('c'))]))) {
    expect(first).toEqual(Buffer.from('a'))
    break
  }
  expect([...splitter.take(framed(Buffer.from('d')))].map(String)).toEqual(['b', 'c', 'd'])
})

function framed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.length)
  return Buffer.concat([length, frame])
}

function inChunks(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let from = 0
  for (const cut of cuts) {
    chunks.push(bytes.subarray(from, from + cut))
    from += cut
  }
  return [...chunks, bytes.subarray(from)]
}
