// What goes into which transaction of a runner, by transactions that the test commits and aborts.
import { expect, test } from 'vitest'
import { ConflictError, LimitError, StorageError } from '../../src/base/errors.ts'
import type { Lane } from '../../src/groups/lane.ts'
import type { Member } from '../../src/groups/member.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import type { Task } from '../../src/run/lane-queue.ts'
import { RunTransactions } from '../../src/run/run-transactions.ts'
import type { OpenTransaction } from '../../src/transactions/open-transaction.ts'

interface FakeLane { label: string; state: 'active' | 'revoking' | 'gone'; stored: { gone: Error | undefined }; handled: number; committed: number }

/** One that the test lets end. */
class FakeTransaction {
  readonly sent: string[] = []
  positions: string[] = []
  isAborted = false
  end!: (error?: Error) => void
  #lanes: readonly { lane: FakeLane; offset: number }[] = []

  advance(_member: unknown, entries: readonly { lane: FakeLane; offset: number }[]): void {
    this.#lanes = entries
    this.positions = entries.map(({ lane, offset }) => `${lane.label}@${offset}`)
  }

  sendEncoded(topic: string, record: string): void {
    this.sent.push(`${topic} ${record}`)
  }

  async commit(): Promise<void> {
    await new Promise<void>((resolve, reject) => { this.end = error => { if (error === undefined) resolve(); else reject(error) } })
    for (const { lane, offset } of this.#lanes) lane.committed = offset
  }

  abort(): void {
    this.isAborted = true
  }
}

function startRun(...labels: string[]) {
  const lanes = labels.map((label): FakeLane => ({ label, state: 'active', stored: { gone: undefined }, handled: 0, committed: 0 }))
  const member = { lanes: new Map(lanes.map(lane => [lane.label, lane])), ended: undefined }
  const clock = new SteppedClock()
  const begun: FakeTransaction[] = []
  const failures: unknown[] = []
  const fatal: unknown[] = []
  const transactions = new RunTransactions({
    member: member as unknown as Member, clock, commitIntervalMs: 1000,
    begin: async () => {
      const transaction = new FakeTransaction()
      begun.push(transaction)
      return await Promise.resolve(transaction as unknown as OpenTransaction)
    },
    onCommitted: () => undefined, onFailed: error => { failures.push(error) }, onFailedForGood: error => { fatal.push(error) },
  })
  /** Of the lane, and with one effect, of that size. */
  const handle = (lane: FakeLane, bytes = 1) => {
    const offset = lane.handled++
    transactions.passed({ queue: { lane: lane as unknown as Lane }, records: [{ offset }], effects: { bytes, records: [{ topic: lane.label, record: String(offset) }] } } as unknown as Task)
  }
  const take = (lane: FakeLane) => {
    lane.state = 'gone'
    member.lanes.delete(lane.label)
  }
  return { lanes, clock, begun, failures, fatal, transactions, handle, take, settle: () => clock.settle() }
}

const fenced = new ConflictError('COMMIT_FENCED', 'gone', { hint: 'none' })

test('a lane that is taken away while its transaction is committed: the rest goes into the next one, in order', async () => {
  const { lanes: [a, b], begun, transactions, handle, take, settle } = startRun('a', 'b')
  handle(a!)
  handle(b!)
  handle(a!)
  void transactions.handled()
  await settle()
  expect([begun[0]!.sent, begun[0]!.positions]).toEqual([['a 0', 'b 0', 'a 1'], ['a@2', 'b@1']])
  take(b!)
  handle(a!)
  begun[0]!.end(fenced)
  await settle()
  expect([begun[0]!.isAborted, begun[1]!.sent, begun[1]!.positions]).toEqual([true, ['a 0', 'a 1', 'a 2'], ['a@3']])
  begun[1]!.end()
  await settle()
  expect([transactions.owes(a as unknown as Lane), transactions.owes(b as unknown as Lane), begun.length]).toEqual([false, false, 2])
})

test('of more than 500 records the first 500 are committed, with the positions behind them and no further', async () => {
  const { lanes: [a, b], begun, transactions, handle, settle } = startRun('a', 'b')
  handle(b!)
  for (let i = 0; i < 600; i++) handle(a!)
  await settle()
  expect([begun[0]!.sent.length, begun[0]!.positions]).toEqual([500, ['a@499', 'b@1']])
  expect(transactions.room).toBeUndefined()
  begun[0]!.end()
  await settle()
  expect(begun).toHaveLength(1) // the rest waits for its time
  void transactions.handled()
  await settle()
  expect([begun[1]!.sent.length, begun[1]!.positions]).toEqual([101, ['a@600']])
})

test('positions behind which nothing was handled are committed too: there are no records up to there', async () => {
  const { lanes: [a], begun, transactions, settle } = startRun('a')
  a!.handled = 7
  void transactions.handled()
  await settle()
  expect([begun[0]!.sent, begun[0]!.positions]).toEqual([[], ['a@7']])
})

test('what is held back is bounded by its size as well', async () => {
  const { lanes: [a], begun, transactions, handle, settle } = startRun('a')
  for (let i = 0; i < 3; i++) handle(a!, 20 * 1024 * 1024)
  expect(transactions.room).toBeInstanceOf(Promise)
  await settle()
  expect([begun[0]!.sent, begun[0]!.positions]).toEqual([['a 0', 'a 1'], ['a@2']])
  expect(transactions.room).toBeUndefined()
})

test('where the disk was full the same is tried again after a second, and handlers wait when there is enough for the next', async () => {
  const { lanes: [a], clock, begun, failures, transactions, handle, settle } = startRun('a')
  for (let i = 0; i < 500; i++) handle(a!)
  await settle()
  const full = new LimitError('DISK_FULL', 'full', { hint: 'none' })
  begun[0]!.end(full)
  await settle()
  for (let i = 0; i < 500; i++) handle(a!)
  await settle()
  expect([begun.length, failures, transactions.room === undefined]).toEqual([1, [full], false])
  await clock.advance(1000)
  expect([begun.length, begun[1]!.sent.length, begun[1]!.positions]).toEqual([2, 500, ['a@500']])
})

test('whose outcome the disk does not tell is not tried again, though a lane was taken away as well', async () => {
  const { lanes: [a, b], begun, fatal, transactions, handle, take, settle } = startRun('a', 'b')
  handle(a!)
  handle(b!)
  void transactions.handled()
  await settle()
  take(b!)
  const uncertain = new StorageError('TRANSACTION_UNCERTAIN', 'who knows', { hint: 'none' })
  begun[0]!.end(uncertain)
  await settle()
  handle(a!)
  await transactions.close()
  expect([begun.length, fatal]).toEqual([1, [uncertain]])
})

test('when all lanes of what is held back are gone, nobody waits for room', async () => {
  const { lanes: [a], begun, transactions, handle, take, settle } = startRun('a')
  for (let i = 0; i < 1000; i++) handle(a!)
  await settle()
  for (let i = 0; i < 500; i++) handle(a!)
  const { room } = transactions
  expect(room).toBeInstanceOf(Promise)
  take(a!)
  begun[0]!.end(fenced)
  await room
  await transactions.close()
  expect(begun).toHaveLength(1)
})
