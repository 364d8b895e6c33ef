// Steps of the machine: time, housekeeping, disks that fill up or fail, ends of the process and of the power.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { open } from '../../../src/index.ts'
import type { TransactionsBench } from './bench.ts'
import { LABELS, TOPIC_NAMES, isCompacted, placeOf, type TopicName } from './model.ts'
import { reopen, type End } from './reopening.ts'
import { number, openOne, step, type Step } from './step.ts'
import { drawnSends, sendIn, sendPlain } from './transaction-steps.ts'

const ends = fc.constantFrom<End>('close', 'kill', 'power cut')
const busy = fc.record({ sends: fc.array(fc.record({ transaction: number, sends: drawnSends }), { maxLength: 3 }), commits: fc.array(number, { maxLength: 3 }), throws: fc.array(number, { maxLength: 1 }), plain: drawnSends, power: fc.boolean() })
type Busy = typeof busy extends fc.Arbitrary<infer T> ? T : never

/** Several things at once. Resolves when all of them have come to an end, or never where the machine is about to. */
async function beBusy(bench: TransactionsBench, { sends, commits, throws, plain, power }: Busy): Promise<void> {
  const work: Promise<unknown>[] = [sendPlain(bench, plain.records, power)]
  for (const { transaction, sends: { records, together } } of sends) {
    const driven = openOne(bench, transaction)
    if (driven !== undefined) work.push(sendIn(bench, driven, records, together))
  }
  for (const [how, drawn] of [['commit', commits], ['throw', throws]] as const) {
    for (const one of drawn) {
      const driven = openOne(bench, one)
      driven?.[how]()
      if (driven !== undefined) work.push(driven.done)
    }
  }
  await Promise.allSettled(work)
}

const advanceClock = step('advance the clock', fc.constantFrom(1_000, 6_000, 31_000, 700_000), async (bench, ms) => { await bench.log.clock.advance(ms) })

const housekeep = step('housekeep', fc.constant(null), async bench => { assert.deepEqual((await bench.during(bench.log.housekeep())).failures, []) })

const restart = step('restart', fc.record({ end: ends, seed: number }), async (bench, { end, seed }) => { await reopen(bench, end, seed) })

const dieBusy = step('die busy', fc.record({ busy, calls: fc.integer({ min: 1, max: 60 }), end: fc.constantFrom<End>('kill', 'power cut'), seed: number }), async (bench, { busy: drawn, calls, end, seed }) => {
  bench.disk.crashAfter(calls)
  bench.mayFailAnyhow = true
  const work = beBusy(bench, drawn)
  for (let turns = 0; turns < 30 && !bench.disk.crashed; turns++) await bench.log.clock.settle()
  if (bench.disk.crashed) {
    bench.die()
  } else {
    bench.disk.crashAfter(Infinity) // all was done in fewer calls: it dies at rest
    await bench.during(work)
  }
  await reopen(bench, end, seed)
})

/** What it refuses changes nothing; markers that found no room are written when there is some. */
const fullDisk = step('full disk', fc.record({ busy, bytes: fc.nat({ max: 2000 }) }), async (bench, { busy: drawn, bytes }) => {
  bench.mayFailAnyhow = bench.mayOwe = true
  bench.disk.capacityBytes = bench.disk.usedBytes + bytes
  await bench.during(beBusy(bench, drawn))
  bench.disk.capacityBytes = Infinity
  await bench.log.clock.advance(2_000)
  await bench.rest()
  bench.mayFailAnyhow = bench.mayOwe = false
})

/** A data partition's sync fails; it recovers, what is open goes on, and then the process is killed. */
const failingSync = step('failing sync', fc.record({ label: number, busy, after: busy, end: fc.constantFrom<End>('kill', 'power cut'), seed: number }), async (bench, { label, busy: before, after, end, seed }) => {
  const { topic, partition } = placeOf(LABELS[label % LABELS.length]!)
  bench.mayFailAnyhow = bench.mayOwe = true
  bench.disk.failNext('sync', { error: 'EIO', path: new RegExp(`/${topic}-${partition}/\\d+\\.log$`) })
  await bench.during(beBusy(bench, { ...before, power: true }))
  await bench.during(bench.topic(topic).partitions[partition]!.recover())
  await bench.during(beBusy(bench, after))
  await reopen(bench, end, seed)
})

/** Whether a transaction is committed is not known: the next opening decides. Data partitions that recover meanwhile don't. */
const uncertain = step('uncertain', fc.record({ busy, recovers: fc.boolean(), end: fc.constantFrom<End>('kill', 'power cut'), seed: number }), async (bench, { busy: drawn, recovers, end, seed }) => {
  bench.mayFailAnyhow = bench.mayOwe = true
  bench.disk.failNext('sync', { error: 'EIO', path: /__transaction_state-0\/\d+\.log$/ })
  await bench.during(beBusy(bench, drawn))
  if (recovers) {
    bench.disk.failNext('sync', { error: 'EIO', path: /orders-0\/\d+\.log$/ })
    await bench.during(sendPlain(bench, [{ label: 0, key: 0, bytes: 30 }], true))
    await bench.during(bench.topic('orders').partitions[0]!.recover())
  }
  await reopen(bench, end, seed)
})

/** A log of its own, with what is committed, and nothing that is open. */
const snapshot = step('snapshot', fc.constant(null), async bench => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-model-'))
  try {
    const copying = bench.log.snapshot(join(folder, 'copy'))
    const state = { isCopying: true }
    const done = (): void => { state.isCopying = false }
    copying.then(done, done)
    while (state.isCopying) await new Promise<void>(resolve => { setImmediate(resolve) })
    await copying
    const copy = await open(join(folder, 'copy'), { housekeeping: false })
    const found = new Map<string, [number, string][]>(LABELS.map(label => [label, []]))
    for (const name of TOPIC_NAMES) for await (const { partition, offset, value } of (await copy.topic<string, string>(name)).read()) found.get(labelOf(name, partition))!.push([offset, value!])
    await copy.close()
    for (const label of LABELS) if (!isCompacted(label)) assert.deepEqual(found.get(label), bench.model.committed(label, Infinity), `committed records of ${label} in a snapshot`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

function labelOf(topic: TopicName, partition: number): string {
  return `${topic}-${partition}`
}

export const machineSteps: readonly fc.Arbitrary<Step>[] = [advanceClock, housekeep, restart, dieBusy, dieBusy, fullDisk, failingSync, uncertain]
export const rareSteps: readonly fc.Arbitrary<Step>[] = [snapshot]
