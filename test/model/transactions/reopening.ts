// What a log that died may have come back with: all that log.transaction() resolved for, nothing of what it threw for or
// was still open, and what was being decided as a whole or not at all. After a power cut that holds for what was to be
// 'power'; of the rest anything may be gone.
import assert from 'node:assert/strict'
import { GROUP, type TransactionsBench } from './bench.ts'
import { LABELS, isCompacted, placeOf, type ModelRecord, type ModelTransaction } from './model.ts'

export type End = 'close' | 'kill' | 'power cut'

/** Ends the log in this way, opens what is left, and brings the model to it. */
export async function reopen(bench: TransactionsBench, how: End, seed: number): Promise<void> {
  bench.die()
  bench.mayFailAnyhow = true
  if (how === 'close') {
    const closing = bench.log.close({ timeout: 0 })
    await bench.log.clock.settle()
    await bench.during(closing)
  }
  for (const transaction of bench.model.open) transaction.status = 'aborted'
  bench.use(how === 'power cut' ? await bench.log.powerCut({ seed }) : await bench.log.crash())
  const visible = new Set<string>()
  for (const label of LABELS) await lookAgain(bench, label, how, visible)
  const transactions = [...bench.model.transactions]
  for (const transaction of transactions) reconcile(bench, transaction, how, visible)
  for (const value of bench.sent) if (how !== 'power cut' || bench.model.records.get(value)!.power) assertThere(bench, value, how)
  bench.sent.clear()
  await reconcilePositions(bench, how, transactions)
  await bench.watch()
}

async function lookAgain(bench: TransactionsBench, label: string, how: End, visible: Set<string>): Promise<void> {
  const found = new Map(await bench.read(label, 'read_uncommitted'))
  const seen = bench.model.seen.get(label)!
  for (const [offset, value] of found) {
    assert(bench.model.records.get(value)?.label === label, `${label} at ${offset} after a ${how}: ${value}`)
    if (seen.has(offset)) assert.equal(value, seen.get(offset), `${label} at ${offset} after a ${how}`)
  }
  if (how !== 'power cut' && !isCompacted(label)) for (const [offset, value] of seen) assert.equal(found.get(offset), value, `${label} at ${offset} after a ${how}`)
  const { stableOffset, endOffset } = bench.topic(placeOf(label).topic).partitions[placeOf(label).partition]!
  assert.equal(stableOffset, endOffset, `${label} after a ${how}: nothing is open`)
  const merged = isCompacted(label) && how !== 'power cut' ? [...seen, ...found] : [...found]
  bench.model.seen.set(label, new Map(merged.sort(([a], [b]) => a - b)))
  for (const [, value] of await bench.read(label, 'read_committed')) visible.add(value)
}

function reconcile({ model }: TransactionsBench, transaction: ModelTransaction, how: End, visible: ReadonlySet<string>): void {
  const { name, status, power, records } = transaction
  const there = records.filter(({ value }) => visible.has(value))
  const what = `${name} after a ${how}: ${there.length} of ${records.length} records`
  const isPromised = power || how !== 'power cut'
  const uncompacted = records.filter(({ label }) => !isCompacted(label))
  const isWhole = uncompacted.every(({ value }) => visible.has(value))
  if (status === 'aborted') assert.equal(there.length, 0, `${what}, it was not committed`)
  if (status === 'committed' && isPromised) assert(isWhole, `${what}, it was committed`)
  if (status === 'deciding' && isPromised) {
    assert(isWhole || there.length === 0, `${what}, all or nothing`)
    if (there.length > 0) model.commit(transaction)
    else transaction.status = 'aborted'
  }
  if (!isPromised && status !== 'aborted') keepPart(model.transactions, transaction, there)
}

/** What is left of it counts as all of it; the rest was never committed. */
function keepPart(transactions: Set<ModelTransaction>, transaction: ModelTransaction, there: ModelRecord[]): void {
  const lost: ModelTransaction = { ...transaction, name: `the rest of ${transaction.name}`, status: 'aborted', records: transaction.records.filter(record => !there.includes(record)), advanced: new Map() }
  for (const record of lost.records) record.of = lost
  transaction.records = there
  transaction.status = 'committed'
  transactions.add(lost)
}

function assertThere({ model }: TransactionsBench, value: string, how: End): void {
  const { label } = model.records.get(value)!
  if (isCompacted(label)) return
  assert([...model.seen.get(label)!.values()].includes(value), `${label} after a ${how}: ${value} was acknowledged`)
}

/** A position was moved with what was written, or neither was. Beyond what a power cut has left nobody stands. */
async function reconcilePositions(bench: TransactionsBench, how: End, transactions: readonly ModelTransaction[]): Promise<void> {
  const { model } = bench
  const committed = await bench.log.group(GROUP).committed('orders')
  for (const [partition, { endOffset }] of bench.topic('orders').partitions.entries()) {
    const label = `orders-${partition}`
    const moving = transactions.filter(({ advanced }) => advanced.has(label))
    const found = committed.get(partition) ?? 0
    const empty = moving.filter(({ status, records }) => records.length === 0 && status === 'aborted').map(({ advanced }) => advanced.get(label)!)
    if (how !== 'power cut' || moving.every(({ power }) => power)) {
      const expected = model.positions.get(label) ?? 0
      assert([expected, ...empty].map(offset => Math.min(offset, endOffset)).includes(found), `${label} after a ${how}: the group stands at ${found}, expected ${expected}`)
    }
    model.positions.set(label, found)
  }
}
