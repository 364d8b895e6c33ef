// Steps of the machine and of what is done to groups from outside: time, resets, the ends of processes and of power,
// at rest or in the middle of everything.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SYNC_INTERVAL_MS, type GroupsBench } from './bench.ts'
import { drawnJoin, joinDrawn, type DrawnJoin } from './member-steps.ts'
import { labelOf } from './model.ts'
import { reopen, type End } from './reopening.ts'
import { groupOf, memberOf, number, step, topicOf, type Step } from './step.ts'
import { drawnSend, grow, sendDrawn, type DrawnSend } from './topic-steps.ts'

const advance = step('advance', fc.constantFrom(1, 50, 1_000, 30_000, 45_000), async (bench, ms) => { await bench.advance(ms) })

const reset = step('reset', fc.record({ group: number, topic: number, to: fc.constantFrom('earliest', 'latest') }), async (bench, { group: drawn, topic: drawnTopic, to }) => {
  const group = groupOf(bench, drawn)
  const topic = topicOf(bench, drawnTopic)
  if (group === undefined || topic === undefined) return
  const resetting = bench.log.group(group.id).reset(topic.name, to)
  if (bench.membersOf(group).length > 0) return await assert.rejects(resetting, { code: 'GROUP_ACTIVE' })
  await bench.during(resetting)
  for (const [i, records] of topic.partitions.entries()) group.ledger(labelOf(topic.name, i)).reset(to === 'earliest' ? 0 : records.length)
})

const deleteGroup = step('delete a group', number, async (bench, drawn) => {
  const group = groupOf(bench, drawn)
  if (group === undefined) return
  const isKnown = bench.log.groups().some(({ id }) => id === group.id)
  const deleting = bench.log.group(group.id).delete()
  if (bench.membersOf(group).length > 0) return await assert.rejects(deleting, { code: 'GROUP_ACTIVE' })
  if (!isKnown) return await assert.rejects(deleting, { code: 'GROUP_NOT_FOUND' })
  await bench.during(deleting)
  bench.forgetGroup(group)
  await bench.advance(SYNC_INTERVAL_MS) // or a power cut may bring it back
})

/** More than is sent in a step. */
const MANY = 20

const end: fc.Arbitrary<End> = fc.constantFrom('kill', 'power cut')

const die = step('die', fc.record({ end, seed: number }), async (bench, { end, seed }) => { await reopen(bench, end, seed) })

/** Records are handled that the device does not have. Positions that are moved back stay so: other records have those offsets then. */
const dieTwice = step('die twice', fc.record({ seeds: fc.tuple(number, number), before: drawnSend, between: drawnSend }), async (bench, { seeds, before, between }) => {
  await bench.during(sendDrawn(bench, { ...before, power: false }))
  await bench.during(Promise.all(bench.members.map(async member => { await member.run(MANY) })))
  await bench.compare()
  await reopen(bench, 'power cut', seeds[0])
  await bench.during(sendDrawn(bench, { ...between, topic: before.topic, power: true }))
  await reopen(bench, 'power cut', seeds[1])
})

type Doing =
  | { readonly what: 'take'; readonly member: number; readonly count: number }
  | { readonly what: 'leave the loop' | 'commit' | 'close' | 'grow'; readonly which: number }
  | { readonly what: 'send'; readonly send: DrawnSend }
  | { readonly what: 'join'; readonly join: DrawnJoin }

const doing: fc.Arbitrary<Doing> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('take' as const), member: number, count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('leave the loop' as const, 'commit' as const, 'close' as const, 'grow' as const), which: number }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('send' as const), send: drawnSend }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('join' as const), join: drawnJoin }) },
)

async function carryOut(bench: GroupsBench, drawn: Doing): Promise<void> {
  if (drawn.what === 'take') return await memberOf(bench, drawn.member)?.run(drawn.count)
  if (drawn.what === 'send') return await sendDrawn(bench, drawn.send)
  if (drawn.what === 'join') return await joinDrawn(bench, drawn.join)
  if (drawn.what === 'grow') return bench.isDying ? undefined : await grow(bench, drawn.which)
  const member = memberOf(bench, drawn.which)
  if (drawn.what === 'close') return member === undefined ? undefined : await bench.close(member, undefined)
  if (member?.isWaiting !== false) return // what is on its way to a loop that waits is neither handed out nor not
  if (drawn.what === 'commit') return await member.commit()
  member.leaveLoop()
}

/** Many things at once, each a few turns after the one before. */
const together = step('together', fc.array(fc.record({ turns: fc.nat({ max: 6 }), doing }), { minLength: 2, maxLength: 8 }), async (bench, all) => {
  const work: Promise<void>[] = []
  for (const { turns, doing } of all) {
    for (let turn = 0; turn < turns; turn++) await bench.turn()
    work.push(carryOut(bench, doing))
  }
  await bench.during(Promise.all(work))
})

/** The process dies at one of its next calls to the disk, with all of that under way. */
const dieBusy = step('die busy', fc.record({ calls: fc.integer({ min: 1, max: 40 }), end, seed: number, all: fc.array(doing, { minLength: 1, maxLength: 8 }) }), async (bench, { calls, end, seed, all }) => {
  bench.isDying = true
  bench.disk.crashAfter(calls)
  for (const each of all) void carryOut(bench, each).catch(() => { /* its log is dead */ })
  for (let turn = 0; turn < 20 && !bench.disk.crashed; turn++) await bench.turn()
  if (!bench.disk.crashed) bench.disk.crashAfter(Infinity) // all was done in fewer calls
  await reopen(bench, end, seed)
})

export const machineSteps: readonly fc.Arbitrary<Step>[] = [advance, advance, reset, deleteGroup, die, dieTwice, dieTwice, together, together, together, dieBusy, dieBusy]
