// Steps of the machine: ends of the process and of the power, at rest and in the middle of rounds; disks that fail.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Operation } from '../../../src/platform/faults.ts'
import type { KeepingBench, Pending } from './bench.ts'
import { takeRacedStarts } from './keeping-steps.ts'
import type { KeptTopic } from './kept-topic.ts'
import { plainKept } from './plain-kept.ts'
import { beginSend, drawnSend } from './sending.ts'
import { number, offsetNear, step, topicOf, type Step } from './step.ts'

type End = 'close' | 'kill' | 'power cut'
const end = fc.constantFrom<End>('close', 'kill', 'power cut')

/** Ends the log in this way, opens what is left, and brings the model to it. */
async function reopen(bench: KeepingBench, how: End, seed: number, pending: readonly Pending[] = []): Promise<void> {
  if (how === 'close') {
    await bench.during(bench.log.close())
    for (const topic of bench.model.all) topic.durable = topic.end
  }
  bench.use(how === 'power cut' ? await bench.log.powerCut({ seed }) : await bench.log.crash())
  for (const topic of bench.model.all) await reconcile(bench, topic, how, pending.filter(send => send.topic === topic && send.stored === undefined))
}

async function reconcile(bench: KeepingBench, topic: KeptTopic, how: End, pending: readonly Pending[]): Promise<void> {
  const { start, end } = bench.topic(topic).partitions[0]!.offsets()
  const least = how === 'power cut' ? Math.max(topic.durable, start) : topic.end
  assert(end >= least, `${topic.name} ends at ${end} after a ${how}, all before ${least} was to survive`)
  assert(start >= topic.start, `${topic.name} begins at ${start} after a ${how}, ${topic.start} is expected`)
  assert(start === topic.start || pending.length > 0 || topic.isDeleted, `${topic.name} begins at ${start} after a ${how}, ${topic.start} is expected`)
  topic.start = start
  const sent = new Map(pending.flatMap(({ records }) => records.map(record => [record.number, record] as const)))
  for (const { key } of sent.values()) topic.excuse(key)
  const before = new Set(topic.records.keys())
  if (end < topic.end) topic.cutAt(end)
  for await (const record of bench.topic(topic).read()) {
    if (before.has(record.offset)) continue
    const plain = plainKept(record)
    const given = sent.get(plain.number)
    assert(given !== undefined, `${topic.name} holds at ${record.offset} what nobody sent: ${JSON.stringify(plain)}`)
    assert.deepEqual({ ...plain, timestamp: 0 }, { ...given, timestamp: 0 })
    topic.add(record.offset, plain, bench.now)
  }
  topic.cutAt(end) // what was sent and is gone has taken offsets as well
  if (how !== 'kill') topic.durable = end
  topic.noteReopened(bench.now)
}

const restart = step('restart', fc.record({ end, seed: number }), async (bench, { end, seed }) => { await reopen(bench, end, seed) }, false)

/** The process ends at one of the next calls to the disk, with rounds and sends under way. */
const dieBusy = step('die busy', fc.record({ calls: fc.integer({ min: 1, max: 150 }), end: fc.constantFrom<End>('kill', 'power cut'), seed: number, sends: fc.array(drawnSend, { maxLength: 3 }), truncate: fc.option(number, { nil: undefined, freq: 1 }) }), async (bench, { calls, end, seed, sends, truncate }) => {
  bench.disk.crashAfter(calls)
  const rounds = [bench.log.housekeep()]
  const begun = sends.map(drawn => beginSend(bench, topicOf(bench.model, drawn.topic), drawn))
  const work: Promise<unknown>[] = [...rounds, ...begun.map(({ done }) => done)]
  const target = topicOf(bench.model, truncate ?? 0)
  const offset = truncate === undefined ? 0 : offsetNear(target, truncate)
  const marker: Pending = { topic: target, records: [] }
  if (truncate !== undefined) work.push(bench.topic(target).partitions[0]!.truncateBefore(offset).then(() => { target.start = Math.max(target.start, offset) }))
  await bench.during(Promise.allSettled(work))
  if (!bench.disk.crashed) {
    bench.disk.crashAfter(Infinity)
    bench.noteLimits()
    takeRacedStarts(bench)
  } else {
    forgetLimits(bench)
  }
  await reopen(bench, end, seed, [...begun.map(({ pending }) => pending), marker])
  for (const topic of bench.model.all) topic.limit = Math.min(topic.limit, topic.end)
})

/** How far a compaction came that nobody could look at. */
function forgetLimits(bench: KeepingBench): void {
  for (const topic of bench.model.all) if (topic.isCompacted) topic.limit = Infinity
}

/** A round meets a failing disk: it is told, and what it was to do is done once the disk is well. */
const failingRound = step('failing round', fc.record({
  topic: number, operation: fc.constantFrom<Operation>('write', 'sync', 'rename', 'open', 'syncDirectory', 'readLater', 'remove'), error: fc.constantFrom('EIO', 'ENOSPC', 'EMFILE'), after: fc.nat({ max: 12 }),
  mend: fc.constantFrom('recover' as const, 'kill' as const, 'power cut' as const), seed: number,
}), async (bench, { topic: drawn, operation, error, after, mend, seed }) => {
  const topic = topicOf(bench.model, drawn)
  bench.disk.failNext(operation, { error, path: new RegExp(`^/log/${topic.name}-0`), after })
  const { failures } = await bench.during(bench.log.housekeep())
  takeRacedStarts(bench)
  const isTold = bench.troubles.length > 0
  bench.mayLackIndexes ||= isTold
  assert(isTold || failures.length === 0, 'a failure is told')
  forgetLimits(bench)
  if (mend === 'recover' && isTold) await bench.during(bench.topic(topic).partitions[0]!.recover())
  else await reopen(bench, mend === 'power cut' ? mend : 'kill', seed) // a fault that has not struck would stay planned
  for (const topic of bench.model.all) topic.limit = Math.min(topic.limit, topic.end)
  bench.troubles.length = bench.rounds.length = 0
  const ends = bench.compactionEnds()
  const again = await bench.during(bench.log.housekeep())
  assert.deepEqual(again.failures, [], 'the disk is well again')
  takeRacedStarts(bench)
  await bench.noteCompacted(ends)
  await reopen(bench, 'kill', seed) // files below the start that could not be renamed wait for it
})

export const machineSteps: readonly fc.Arbitrary<Step>[] = [restart, restart, dieBusy, dieBusy, failingRound]
