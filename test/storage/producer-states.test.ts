// What a partition knows of producers, by itself: batches are placed and taken, no disk about.
import { describe, expect, test } from 'vitest'
import { encodeMarkerBatch } from '../../src/format/control-records.ts'
import type { AbortedTransaction } from '../../src/format/aborted-transactions.ts'
import { encodeProducerSnapshot, parseProducerSnapshot } from '../../src/format/producer-snapshot.ts'
import { ProducerStates } from '../../src/storage/producer-states.ts'
import { numberedBatch, type Numbers } from '../support/numbered-batches.ts'

const LARGEST_SEQUENCE = 2 ** 31 - 1

/** States, and the end of a log that nobody keeps. */
class Sender {
  states = new ProducerStates('t-0')
  end = 0

  /** Its offset, or that of the batch it repeats. */
  send(count: number, numbers: Numbers): number {
    const batch = numberedBatch(Array.from({ length: count }, () => 'value'), numbers)
    const known = this.states.place(batch, 0)
    if (known !== undefined) return known.lastOffset - known.offsetDelta
    this.states.take(batch, 0, this.end)
    this.end += count
    return this.end - count
  }

  mark(type: 'commit' | 'abort', { id, epoch = 0, timestamp = 1000 }: Pick<Numbers, 'id' | 'epoch' | 'timestamp'>): AbortedTransaction | undefined {
    const marker = encodeMarkerBatch({ type, producerId: id, producerEpoch: epoch, coordinatorEpoch: 3, timestamp })
    this.states.place(marker, 0)
    return this.states.take(marker, 0, this.end++)
  }
}

const refused = (code: string, details: object = {}): unknown => expect.objectContaining({ code, details: expect.objectContaining(details) })

describe('sequences', () => {
  test("a producer's last five batches are known again, in whatever order they come, the sixth is out of order", () => {
    const sender = new Sender()
    const batches = [1, 2, 3, 1, 2, 3].map((count, i, counts) => ({ count, sequence: counts.slice(0, i).reduce((sum, n) => sum + n, 0) }))
    const offsets = batches.map(({ count, sequence }) => sender.send(count, { id: 7, sequence }))
    for (const i of [5, 1, 3, 2, 4]) expect(sender.send(batches[i]!.count, { id: 7, sequence: batches[i]!.sequence })).toBe(offsets[i])
    expect(() => sender.send(1, { id: 7, sequence: 0 })).toThrow(refused('SEQUENCE_OUT_OF_ORDER', { producerId: 7, sequence: 0, expected: 12 }))
    expect(sender.end).toBe(12)
  })

  test('a batch is the same only from its first sequence to its last', () => {
    const sender = new Sender()
    sender.send(4, { id: 7, sequence: 0 })
    for (const [count, sequence] of [[3, 0], [3, 1], [5, 0], [2, 1]] as const) expect(() => sender.send(count, { id: 7, sequence })).toThrow(refused('SEQUENCE_OUT_OF_ORDER'))
  })

  test('behind the largest sequence comes 0, between batches and within one', () => {
    const sender = new Sender()
    sender.send(2, { id: 7, sequence: LARGEST_SEQUENCE - 1 })
    expect(sender.send(1, { id: 7, sequence: 0 })).toBe(2)
    sender.send(3, { id: 8, sequence: LARGEST_SEQUENCE - 1 })
    expect(sender.send(1, { id: 8, sequence: 1 })).toBe(6)
    expect(sender.send(3, { id: 8, sequence: LARGEST_SEQUENCE - 1 })).toBe(3)
    expect(sender.states.entries().map(({ lastSequence }) => lastSequence)).toEqual([0, 1])
  })

  test('a gap is refused, and changes nothing', () => {
    const sender = new Sender()
    sender.send(2, { id: 7, sequence: 0 })
    expect(() => sender.send(1, { id: 7, sequence: 3 })).toThrow(refused('SEQUENCE_OUT_OF_ORDER', { sequence: 3, expected: 2 }))
    expect(sender.send(1, { id: 7, sequence: 2 })).toBe(2)
  })

  test('of a producer that nobody knows any sequence is taken: what came before may have been deleted', () => {
    const sender = new Sender()
    expect(sender.send(1, { id: 7, epoch: 3, sequence: 41 })).toBe(0)
    expect(sender.send(1, { id: 7, epoch: 3, sequence: 42 })).toBe(1)
  })
})

describe('epochs', () => {
  test('a newer epoch begins with sequence 0', () => {
    const sender = new Sender()
    sender.send(2, { id: 7, sequence: 0 })
    expect(() => sender.send(1, { id: 7, epoch: 1, sequence: 2 })).toThrow(refused('SEQUENCE_OUT_OF_ORDER', { expected: 0 }))
    expect(sender.send(2, { id: 7, epoch: 1, sequence: 0 })).toBe(2)
  })

  test('an older epoch is fenced, duplicates and markers of it too', () => {
    const sender = new Sender()
    sender.send(1, { id: 7, epoch: 1, sequence: 0 })
    sender.send(1, { id: 7, epoch: 2, sequence: 0 })
    for (const sequence of [0, 1]) expect(() => sender.send(1, { id: 7, epoch: 1, sequence })).toThrow(refused('PRODUCER_FENCED', { producerEpoch: 1, currentEpoch: 2 }))
    expect(() => sender.mark('commit', { id: 7, epoch: 1 })).toThrow(refused('PRODUCER_FENCED'))
  })

  test('a marker with a raised epoch fences the one that wrote, and sequences begin anew', () => {
    const sender = new Sender()
    sender.send(2, { id: 7, sequence: 0, transactional: true })
    sender.mark('commit', { id: 7, epoch: 1 })
    expect(() => sender.send(1, { id: 7, sequence: 2, transactional: true })).toThrow(refused('PRODUCER_FENCED'))
    expect(() => sender.send(1, { id: 7, epoch: 1, sequence: 2, transactional: true })).toThrow(refused('SEQUENCE_OUT_OF_ORDER', { expected: 0 }))
    expect(sender.send(1, { id: 7, epoch: 1, sequence: 0, transactional: true })).toBe(3)
  })

  test('a marker of the same epoch lets sequences go on', () => {
    const sender = new Sender()
    sender.send(2, { id: 7, sequence: 0, transactional: true })
    sender.mark('commit', { id: 7 })
    expect(sender.send(1, { id: 7, sequence: 2, transactional: true })).toBe(3)
  })
})

describe('transactions', () => {
  test('the first unstable offset is that of the oldest open transaction, whichever ends first', () => {
    const sender = new Sender()
    for (const id of [1, 2, 3]) sender.send(2, { id, sequence: 0, transactional: true })
    sender.send(1, { id: 2, sequence: 2, transactional: true })
    expect(sender.states.firstUnstable).toBe(0)
    sender.mark('commit', { id: 2 })
    expect(sender.states.firstUnstable).toBe(0)
    sender.mark('commit', { id: 1 })
    expect(sender.states.firstUnstable).toBe(4)
    sender.send(1, { id: 1, sequence: 2, transactional: true })
    sender.mark('commit', { id: 3 })
    expect(sender.states.firstUnstable).toBe(9)
    sender.mark('abort', { id: 1 })
    expect(sender.states.firstUnstable).toBe(Infinity)
  })

  test('an aborted one is told from its first offset to its marker, with the stable offset behind it', () => {
    const sender = new Sender()
    sender.send(2, { id: 1, sequence: 0, transactional: true })
    sender.send(3, { id: 2, sequence: 0, transactional: true })
    expect(sender.mark('abort', { id: 1 })).toEqual({ producerId: 1, firstOffset: 0, lastOffset: 5, lastStableOffset: 2 })
    expect(sender.mark('abort', { id: 2 })).toEqual({ producerId: 2, firstOffset: 2, lastOffset: 6, lastStableOffset: 7 })
  })

  test('a commit, and an abort of nothing, tell of none', () => {
    const sender = new Sender()
    sender.send(1, { id: 1, sequence: 0, transactional: true })
    expect(sender.mark('commit', { id: 1 })).toBeUndefined()
    expect(sender.mark('abort', { id: 1 })).toBeUndefined()
    expect(sender.mark('abort', { id: 9 })).toBeUndefined()
  })

  test('a batch outside of it is refused while one is open, and taken before and after', () => {
    const sender = new Sender()
    sender.send(1, { id: 1, sequence: 0 })
    sender.send(1, { id: 1, sequence: 1, transactional: true })
    expect(() => sender.send(1, { id: 1, sequence: 2 })).toThrow(refused('TRANSACTION_OPEN', { producerId: 1 }))
    sender.mark('commit', { id: 1 })
    expect(sender.send(1, { id: 1, sequence: 2 })).toBe(3)
  })
})

describe('expiry', () => {
  test('a producer that has not written since is forgotten, one with an open transaction is not', () => {
    const sender = new Sender()
    sender.send(1, { id: 1, sequence: 0, timestamp: 100 })
    sender.send(1, { id: 2, sequence: 0, timestamp: 100, transactional: true })
    sender.send(1, { id: 3, sequence: 0, timestamp: 200 })
    expect(sender.states.oldestTimestamp).toBe(100)
    sender.states.expire(200)
    expect(sender.states.entries().map(({ producerId }) => producerId)).toEqual([2, 3])
    expect(sender.states.oldestTimestamp).toBe(200)
    sender.mark('commit', { id: 2, timestamp: 150 })
    expect(sender.states.oldestTimestamp).toBe(150)
    sender.states.expire(151)
    expect(sender.states.entries().map(({ producerId }) => producerId)).toEqual([3])
  })
})

describe('snapshots', () => {
  test('what a snapshot keeps is known again: epochs, last batches, open transactions in their order, and coordinators', () => {
    const before = new Sender()
    before.send(2, { id: 5, sequence: 0, transactional: true, timestamp: 10 })
    before.send(2, { id: 4, epoch: 2, sequence: 9, timestamp: 20 })
    before.send(1, { id: 3, sequence: 0, transactional: true, timestamp: 30 })
    before.send(1, { id: 6, sequence: 0, transactional: true, timestamp: 40 })
    before.mark('commit', { id: 6, epoch: 1, timestamp: 50 })
    const after = new Sender()
    after.states.load(parseProducerSnapshot(encodeProducerSnapshot(before.states.entries())).reverse())
    after.end = before.end

    expect(after.states.openTransactions).toEqual([
      { producerId: 5, producerEpoch: 0, firstOffset: 0, lastTimestamp: 10 },
      { producerId: 3, producerEpoch: 0, firstOffset: 4, lastTimestamp: 30 },
    ])
    expect(after.states.firstUnstable).toBe(0)
    expect(after.states.entries().toReversed()).toEqual(before.states.entries())
    expect(after.states.entries().find(({ producerId }) => producerId === 6)).toMatchObject({ producerEpoch: 1, lastSequence: -1, lastOffset: -1, coordinatorEpoch: 3 })
    expect(after.send(2, { id: 4, epoch: 2, sequence: 9 })).toBe(2)
    expect(after.send(1, { id: 4, epoch: 2, sequence: 11 })).toBe(7)
    expect(after.send(1, { id: 6, epoch: 1, sequence: 0, transactional: true })).toBe(8)
    expect(after.mark('abort', { id: 5 })).toEqual({ producerId: 5, firstOffset: 0, lastOffset: 9, lastStableOffset: 4 })
  })

  test('of the five known batches a snapshot keeps the last', () => {
    const before = new Sender()
    for (const sequence of [0, 1, 2]) before.send(1, { id: 1, sequence })
    const after = new Sender()
    after.states.load(before.states.entries())
    expect(after.send(1, { id: 1, sequence: 2 })).toBe(2)
    expect(() => after.send(1, { id: 1, sequence: 1 })).toThrow(refused('SEQUENCE_OUT_OF_ORDER', { expected: 3 }))
  })
})
