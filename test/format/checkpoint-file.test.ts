import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CorruptionError } from '../../src/base/errors.ts'
import { formatEpochs, formatOffsets, formatPartitionMetadata, parseEpochs, parseOffsets, parsePartitionMetadata } from '../../src/format/checkpoint-file.ts'
import { files } from './support/kafka-vectors.ts'

const offsets = [{ topic: 'orders', partition: 0, offset: 0 }, { topic: 'a.b_c-1', partition: 12, offset: 2 ** 53 - 1 }]
const epochs = [{ epoch: 0, startOffset: 0 }, { epoch: 3, startOffset: 120 }, { epoch: 4, startOffset: 2 ** 40 }]
const topicId = 'ZGVtby10b3BpYy1pZC0wMQ'

test('Kafka\'s own files are read, and ours are the same to the byte', () => {
  expect(parseOffsets(files.offsets)).toEqual(offsets)
  expect(formatOffsets(offsets)).toBe(files.offsets)
  expect(parseEpochs(files.epochs)).toEqual(epochs)
  expect(formatEpochs(epochs)).toBe(files.epochs)
  expect(parsePartitionMetadata(files.partitionMetadata)).toBe(topicId)
  expect(formatPartitionMetadata(topicId)).toBe(files.partitionMetadata)
})

test('a file without entries is a file', () => {
  expect(parseOffsets(formatOffsets([]))).toEqual([])
  expect(parseEpochs(formatEpochs([]))).toEqual([])
})

test('any offsets that are written are read back', () => {
  const entry = fc.record({ topic: fc.stringMatching(/^[a-zA-Z0-9._-]{1,40}$/), partition: fc.nat(), offset: fc.maxSafeNat() })
  fc.assert(fc.property(fc.array(entry), entries => {
    expect(parseOffsets(formatOffsets(entries))).toEqual(entries)
  }))
})

describe('anything else is refused as malformed', () => {
  test.each([
    ['nothing', ''], ['another version', '1\n0\n'], ['no count', '0\n'], ['a count too high', '0\n2\norders 0 1\n'], ['a count too low', '0\n0\norders 0 1\n'],
    ['a cut last line', '0\n1\norders 0 1'], ['half a line behind the last', '0\n1\norders 0 1\npay'], ['a field too few', '0\n1\norders 1\n'], ['a field too many', '0\n1\norders 0 1 2\n'], ['two spaces', '0\n1\norders  1\n'],
    ['a negative offset', '0\n1\norders 0 -1\n'], ['an offset beyond 2^53', '0\n1\norders 0 9007199254740992\n'], ['a partition beyond int32', '0\n1\norders 2147483648 0\n'],
    ['a hexadecimal offset', '0\n1\norders 0 0x10\n'], ['zeros of a lost page', '\0'.repeat(64)], ['a count of many digits', '0\n99999999999999999999\n'], ['Windows line ends', '0\r\n0\r\n'],
  ])('an offset checkpoint with %s', (_what, text) => {
    expectMalformed(() => parseOffsets(text))
  })

  test.each([
    ['an epoch twice', '0\n2\n1 0\n1 5\n'], ['falling epochs', '0\n2\n2 0\n1 5\n'], ['a start offset twice', '0\n2\n1 5\n2 5\n'], ['a field too many', '0\n1\n1 2 3\n'],
  ])('a leader epoch checkpoint with %s', (_what, text) => {
    expectMalformed(() => parseEpochs(text))
  })

  test.each([
    ['nothing', ''], ['another version', `version: 1\ntopic_id: ${topicId}\n`], ['no id', 'version: 0\n'], ['a short id', 'version: 0\ntopic_id: abc\n'],
    ['the reserved id', `version: 0\ntopic_id: ${'A'.repeat(22)}\n`], ['an id of 22 characters that no 16 bytes have', `version: 0\ntopic_id: ${'_'.repeat(22)}\n`],
    ['a line too many', `version: 0\ntopic_id: ${topicId}\nmore\n`],
  ])('partition metadata with %s', (_what, text) => {
    expectMalformed(() => parsePartitionMetadata(text))
  })

  function expectMalformed(parse: () => unknown): void {
    expect(parse).toThrow(CorruptionError)
    expect(parse).toThrow(expect.objectContaining({ code: 'CHECKPOINT_MALFORMED' }))
  }
})
