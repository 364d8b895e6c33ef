import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { copyRecords } from '../../src/format/copy-records.ts'
import { records } from './support/arbitraries.ts'
import { appendAll, decoded } from './support/plain-record.ts'

test('those that are kept are the same records, in the same order', () => {
  fc.assert(fc.property(records, fc.infiniteStream(fc.boolean()), (given, stream) => {
    const keeps = given.map(() => stream.next().value as boolean)
    const [from, to] = [new BatchEncoder(), new BatchEncoder()]
    appendAll(from, given)
    copyRecords(from, to, index => keeps[index]!)
    const kept = given.filter((_, index) => keeps[index])
    expect(to.count).toBe(kept.length)
    if (kept.length > 0) expect(decoded(to.seal({}))).toEqual(kept)
  }))
})
