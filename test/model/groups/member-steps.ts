// Steps of members: they join and leave, take what there is, commit, seek, pause, or stop without a word.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { GroupsBench } from './bench.ts'
import type { DrivenMember } from './driven-member.ts'
import type { GroupKind } from './model.ts'
import { memberOf, number, pickMaybe, step, type Step } from './step.ts'

const GROUPS = ['billing', 'audit', 'search'] as const
const MOST_MEMBERS = 4
const SELECTIONS = ['orders', 'notes', ['orders', 'notes'], /^orders/, /./] as const

const groupKind: fc.Arbitrary<GroupKind> = fc.record({
  commit: fc.constantFrom('auto', 'auto', 'manual', 'before'),
  from: fc.constantFrom<GroupKind['from'][]>('earliest', 'earliest', 'latest', { offset: 1 }),
  commitInterval: fc.constantFrom(0, 0, 1_000),
})

export interface DrawnJoin {
  readonly group: (typeof GROUPS)[number]
  readonly kind: GroupKind
  readonly selection: number
  readonly assignor: 'sticky' | 'range' | 'roundRobin'
  readonly memberId: string | undefined
  readonly takes: 'records' | 'batches'
  readonly revokeTimeout: number
}

export const drawnJoin: fc.Arbitrary<DrawnJoin> = fc.record({
  group: fc.constantFrom(...GROUPS),
  kind: groupKind,
  selection: number,
  assignor: fc.constantFrom('sticky', 'sticky', 'range', 'roundRobin'),
  memberId: fc.constantFrom(undefined, undefined, 'static-1', 'static-2'),
  takes: fc.constantFrom('records', 'records', 'batches'),
  revokeTimeout: fc.constantFrom(0, 50, 30_000),
})

export async function joinDrawn(bench: GroupsBench, { group: id, kind, selection, ...member }: DrawnJoin): Promise<void> {
  const group = bench.model.group(id, kind)
  if (bench.membersOf(group).length === MOST_MEMBERS) return
  const topics = SELECTIONS[selection % SELECTIONS.length]!
  const has = (topic: string): boolean => topics instanceof RegExp ? topics.test(topic) : ([] as readonly string[]).concat(topics).includes(topic)
  await bench.join(group, { ...member, selection: { topics, has }, sessionTimeout: 45_000 })
}

const join = step('join', drawnJoin, async (bench, drawn) => { await bench.during(joinDrawn(bench, drawn), 'a join') })

const take = step('take', fc.record({ member: number, count: fc.integer({ min: 1, max: 8 }) }), async (bench, { member: drawn, count }) => {
  const member = memberOf(bench, drawn)
  for (let taken = 0; taken < count && member?.isWaiting === false; taken++) {
    member.ask()
    await bench.rest()
  }
})

const takeTogether = step('take together', fc.array(fc.record({ member: number, count: fc.integer({ min: 1, max: 20 }) }), { minLength: 1, maxLength: 4 }), async (bench, takers) => {
  await bench.during(Promise.all(takers.map(async ({ member, count }) => { await memberOf(bench, member)?.run(count) })))
})

const leaveLoop = step('leave the loop', number, async (bench, drawn) => { await Promise.resolve(memberOf(bench, drawn)?.leaveLoop()) })

const commit = step('commit', number, async (bench, drawn) => { await bench.during(memberOf(bench, drawn)?.commit() ?? Promise.resolve()) })

const commitRecord = step('commit a record', fc.record({ member: number, back: fc.constantFrom(0, 0, 1, 3) }), async (bench, { member, back }) => {
  await bench.during(memberOf(bench, member)?.commitRecord(back) ?? Promise.resolve())
})

/** Every other time the one that it has in hand. */
function labelOfMember({ model }: GroupsBench, { inHand, labels }: DrivenMember, drawn: number): string | undefined {
  return (drawn % 2 === 0 ? inHand?.label : undefined) ?? pickMaybe(labels.filter(label => model.place(label) !== undefined), drawn)
}

/** What it is handed next shows whether it was heeded. */
async function goOn(bench: GroupsBench, member: DrivenMember): Promise<void> {
  member.ask()
  await bench.rest()
}

const seek = step('seek', fc.record({ member: number, label: number, to: fc.oneof(fc.constantFrom('earliest' as const, 'latest' as const), fc.record({ offset: fc.nat({ max: 12 }) })), goOn: fc.boolean() }), async (bench, { member: drawn, label: drawnLabel, to, goOn: goesOn }) => {
  const member = memberOf(bench, drawn)
  const label = member && labelOfMember(bench, member, drawnLabel)
  if (member === undefined || label === undefined) return
  await bench.during(member.seek(label, to))
  if (goesOn) await goOn(bench, member)
})

const pause = step('pause', fc.record({ member: number, label: fc.option(number, { nil: undefined }), resume: fc.boolean(), goOn: fc.boolean() }), async (bench, { member: drawn, label: drawnLabel, resume, goOn: goesOn }) => {
  const member = memberOf(bench, drawn)
  if (member === undefined) return
  const label = drawnLabel === undefined ? undefined : labelOfMember(bench, member, drawnLabel)
  if (resume) member.resume(label === undefined ? [] : [label])
  else member.pause(label === undefined ? [] : [label])
  if (goesOn) await goOn(bench, member)
})

const close = step('close', fc.record({ member: number, leave: fc.constantFrom(undefined, undefined, true) }), async (bench, { member: drawn, leave }) => {
  const member = memberOf(bench, drawn)
  if (member !== undefined) await bench.during(bench.close(member, leave))
})

/** A static member that comes back in time has what it had: nobody else was given it. */
const comeBack = step('close and come back', fc.record({ member: number, awayMs: fc.constantFrom(0, 1_000, 44_000), takes: fc.constantFrom('records' as const, 'batches' as const) }), async (bench, { member: drawn, awayMs, takes }) => {
  const member = pickMaybe(bench.members.filter(({ kind }) => kind.memberId !== undefined), drawn)
  if (member === undefined) return
  const { group, kind } = member
  const isSettled = bench.isSettled(group)
  const had = member.labels.sort()
  await bench.during(bench.close(member, undefined))
  await bench.advance(awayMs)
  const others = bench.membersOf(group).flatMap(({ labels }) => labels)
  if (isSettled) for (const label of had) assert(!others.includes(label), `group ${group.id}: ${label} was given away while its static member was away`)
  const returned = await bench.during(bench.join(group, { ...kind, takes }))
  if (isSettled && returned !== undefined) assert.deepEqual(returned.labels.sort(), had, `group ${group.id}: what a static member has when it is back`)
})

export const memberSteps: readonly fc.Arbitrary<Step>[] = [join, join, take, take, take, take, takeTogether, takeTogether, leaveLoop, commit, commitRecord, seek, seek, pause, pause, close, comeBack]
