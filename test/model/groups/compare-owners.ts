// Who has what: the group's own account, what each member says of itself, and what must be with somebody, agree.
import assert from 'node:assert/strict'
import type { GroupsBench } from './bench.ts'
import { labelOf, type ModelGroup } from './model.ts'

interface Having { readonly id: string | undefined; readonly labels: readonly string[] }

export function compareOwners(bench: GroupsBench, group: ModelGroup): void {
  const { id: name } = group
  const told = toldBy(bench, group)
  const members = bench.membersOf(group)
  const expected: Having[] = members.map(({ kind, labels }) => ({ id: kind.memberId, labels: labels.sort() }))
  const owned = told.flatMap(({ labels }) => labels)
  assert.equal(new Set(owned).size, owned.length, `group ${name}: a partition has two owners: ${owned.sort().join(', ')}`)
  for (const { id, labels } of expected.filter(isStatic)) assert.deepEqual(told.find(each => each.id === id)?.labels, labels, `group ${name}: what ${id} has`)
  const away = told.filter(each => isStatic(each) && !expected.some(({ id }) => id === each.id))
  for (const { id, labels } of away) assert.deepEqual(labels, [], `group ${name}: what ${id} has while it is away`)
  assert.deepEqual(unnamed(told), unnamed(expected), `group ${name}: what its members have`)
  assert.equal(bench.log.stats().groups.find(({ id }) => id === name)?.members ?? 0, told.length, `group ${name}: members in stats()`)
  if (away.length > 0) return // some partitions wait for it
  for (const topic of bench.model.all) {
    if (!members.some(({ kind: { selection } }) => selection.has(topic.name))) continue
    for (const partition of topic.partitions.keys()) assert(owned.includes(labelOf(topic.name, partition)), `group ${name}: nobody has ${labelOf(topic.name, partition)}`)
  }
}

function toldBy({ log }: GroupsBench, { id }: ModelGroup): Having[] {
  return log.group(id).members().map(({ id, partitions }) => ({ id, labels: partitions.map(({ topic, partition }) => labelOf(topic, partition)).sort() }))
}

function isStatic({ id }: Having): boolean {
  return id?.startsWith('static') === true
}

/** Members without a memberId have names that nobody else knows. */
function unnamed(of: readonly Having[]): string[] {
  return of.filter(each => !isStatic(each)).map(({ labels }) => labels.join(' ')).sort()
}
