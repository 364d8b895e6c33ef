// How a history ends: every group gets a member that reads everything, all loops run to the end, and then nothing is
// left. New records in every partition show that no group takes them for ones that it has handled.
import assert from 'node:assert/strict'
import type { GroupsBench } from './bench.ts'
import type { DrivenMember, MemberKind } from './driven-member.ts'
import { labelOf } from './model.ts'

/** Static members that are away have expired then, and nobody holds what he was asked for. */
const LONG_ENOUGH_MS = 60_000
const READS_ALL: MemberKind = { selection: { topics: /./, has: () => true }, assignor: 'sticky', memberId: undefined, takes: 'records', revokeTimeout: 30_000, sessionTimeout: 45_000 }

export async function finish(bench: GroupsBench): Promise<void> {
  bench.begins()
  await bench.advance(LONG_ENOUGH_MS)
  await bench.compare()
  bench.begins()
  for (const topic of bench.model.all) await bench.during(bench.send(topic, topic.partitions.map((_, partition) => ({ partition })), false))
  await bench.compare()
  bench.begins()
  for (const group of bench.model.groups.values()) await bench.during(bench.join(group, READS_ALL))
  await bench.compare()
  for (const member of bench.members) member.resume([])
  await toTheEnd(bench, bench.members)
  for (const member of bench.members) {
    if (member.hasLost) await bench.during(member.commit()) // refused, and told once
    if (member.group.kind.commit === 'manual') await bench.during(member.commit())
  }
  await bench.during(bench.log.idle(), 'idle()')
  for (const member of bench.members) member.deliveries.look()
  for (const group of bench.model.groups.values()) {
    for (const [label, ledger] of group.ledgers) {
      if (!ledger.hasBegun) continue // it could not, at an offset that there was not
      const { topic, partition } = bench.model.place(label)!
      ledger.mustCommit(topic.partitions[partition]!.length)
    }
  }
  await bench.compare()
  for (const group of bench.model.groups.values()) {
    for (const { topic, partition, committed, lag } of await bench.log.group(group.id).lag()) if (committed !== null || typeof group.kind.from === 'string') assert.equal(lag, 0, `group ${group.id}: lag of ${labelOf(topic, partition)} when all is handled`)
  }
}

/** Every loop has come to where it waits. */
async function toTheEnd(bench: GroupsBench, members: readonly DrivenMember[]): Promise<void> {
  while (members.some(({ isWaiting }) => !isWaiting)) {
    await Promise.all(members.map(async member => { await member.run(Infinity) }))
    await bench.rest()
  }
}
