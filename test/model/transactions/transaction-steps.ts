// Steps of transactions and of those who send beside them.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { TransactionsBench } from './bench.ts'
import type { DrivenTransaction } from './driven-transaction.ts'
import { LABELS, placeOf, type ModelRecord, type ModelTransaction } from './model.ts'
import { number, openOne, step, type Step } from './step.ts'

const MOST_OPEN = 5
const SHORT_MS = 5_000
const LONG_MS = 600_000

const drawnRecord = fc.record({ label: number, key: fc.nat({ max: 3 }), bytes: fc.constantFrom(30, 30, 120, 900) })
const drawnRecords = fc.array(drawnRecord, { minLength: 1, maxLength: 6 })
type DrawnRecord = typeof drawnRecord extends fc.Arbitrary<infer T> ? T : never

export const drawnBegin = fc.record({ id: fc.constantFrom(undefined, undefined, undefined, 'a', 'b'), power: fc.boolean(), isShort: fc.constantFrom(false, false, true) })

export async function beginDrawn(bench: TransactionsBench, { id, power, isShort }: typeof drawnBegin extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  if (bench.model.open.length === MOST_OPEN) return
  for (const earlier of bench.model.open) if (id !== undefined && earlier.id === id) earlier.status = 'aborted' // the newer one fences it
  const timeout = isShort ? SHORT_MS : LONG_MS
  const transaction: ModelTransaction = { name: `t${bench.model.transactions.size}`, id, power, endsBy: bench.now + timeout, status: 'open', records: [], isDoomed: false, advanced: new Map() }
  const driven = bench.begin(transaction, timeout)
  await bench.rest()
  assert(driven.hasBegun || bench.mayFailAnyhow, `${transaction.name} has not begun`)
}

function recordsOf(bench: TransactionsBench, drawn: readonly DrawnRecord[], of: ModelTransaction | undefined, power: boolean): ModelRecord[] {
  return drawn.map(({ label, key, bytes }) => bench.model.newRecord(LABELS[label % LABELS.length]!, key, bytes, of, power))
}

export function sendIn(bench: TransactionsBench, driven: DrivenTransaction, drawn: readonly DrawnRecord[], together: boolean): Promise<unknown> {
  return driven.send(recordsOf(bench, drawn, driven.model, driven.model.power), together)
}

export const drawnSends = fc.record({ records: drawnRecords, together: fc.boolean() })

const begin = step('begin', drawnBegin, beginDrawn)

const send = step('send', fc.record({ transaction: number, sends: drawnSends }), async (bench, { transaction, sends: { records, together } }) => {
  const driven = openOne(bench, transaction)
  if (driven !== undefined) await bench.during(sendIn(bench, driven, records, together))
})

/** Not awaited: the commit writes it. */
const sendAndCommit = step('send and commit', fc.record({ transaction: number, sends: drawnSends }), async (bench, { transaction, sends: { records, together } }) => {
  const driven = openOne(bench, transaction)
  if (driven === undefined) return
  void sendIn(bench, driven, records, together)
  driven.commit()
  await bench.during(driven.done)
})

/** What is too large is refused, and dooms it, whoever catches that. */
const sendTooLarge = step('send too large', number, async (bench, transaction) => {
  const driven = openOne(bench, transaction)
  if (driven === undefined) return
  driven.model.isDoomed = true
  await bench.during(assert.rejects(driven.tx.send(bench.topic('orders'), { key: 'k', value: 'x'.repeat(20_000) }), { code: 'RECORD_TOO_LARGE' }))
})

const advance = step('advance', number, async (bench, transaction) => {
  const driven = openOne(bench, transaction)
  const { reader } = bench
  if (driven === undefined || reader === undefined) return
  reader.ask()
  await bench.rest()
  const { inHand } = reader
  const label = `orders-${inHand?.partition}`
  if (inHand === undefined || bench.model.open.some(other => other !== driven.model && other.advanced.has(label))) return
  driven.tx.advance(reader.consumer, inHand)
  driven.model.advanced.set(label, inHand.offset + 1)
  reader.inHand = undefined
})

const end = step('end', fc.record({ transactions: fc.array(number, { minLength: 1, maxLength: 4 }), how: fc.constantFrom('commit', 'commit', 'commit', 'throw', 'abort') }), async (bench, { transactions, how }) => {
  const ending = transactions.map(drawn => openOne(bench, drawn)).filter(driven => driven !== undefined)
  for (const driven of ending) driven[how as 'commit' | 'throw' | 'abort']()
  await bench.during(Promise.all(ending.map(({ done }) => done)))
})

export async function sendPlain(bench: TransactionsBench, drawn: readonly DrawnRecord[], power: boolean): Promise<void> {
  await Promise.allSettled(recordsOf(bench, drawn, undefined, power).map(async record => {
    const { topic, partition } = placeOf(record.label)
    await bench.topic(topic).producer({ durability: power ? 'power' : 'process' }).send({ key: record.key, value: record.value, partition })
    bench.sent.add(record.value)
  }))
}

const plain = step('send plain', fc.record({ records: drawnRecords, power: fc.boolean() }), async (bench, { records, power }) => { await bench.during(sendPlain(bench, records, power)) })

export const transactionSteps: readonly fc.Arbitrary<Step>[] = [begin, begin, send, send, send, sendAndCommit, sendTooLarge, advance, advance, end, end, end, plain]
