// What a log that died may have come back with: all that was acknowledged, and every position where it was or may have
// been. After a power cut with durability 'process' what was not synced may be gone, and positions that were beyond
// what is left have been moved to its end, and were reported.
import assert from 'node:assert/strict'
import type { GroupsBench } from './bench.ts'
import { labelOf, type ModelGroup, type ModelTopic } from './model.ts'

export type End = 'kill' | 'power cut'

/** Ends the log in this way, opens what is left, and brings the model to it. */
export async function reopen(bench: GroupsBench, end: End, seed: number): Promise<void> {
  bench.isDying = true
  bench.use(end === 'kill' ? await bench.log.crash() : await bench.log.powerCut({ seed }))
  for (const topic of bench.model.all) await reconcile(bench, topic, end)
  await bench.rest() // the log tells now what it did while nobody could listen
  for (const group of bench.model.groups.values()) {
    await reconcilePositions(bench, group, end)
    if (end === 'power cut' && bench.model.durability === 'process') group.generation = 0
    group.isMoving = false
    bench.hear(group)
  }
  if (end === 'kill') assert.deepEqual(bench.rewound, [], 'nothing is rewound after a kill')
}

async function reconcile(bench: GroupsBench, topic: ModelTopic, end: End): Promise<void> {
  const handle = await bench.log.topic<string>(topic.name, { value: 'string' })
  bench.topics.set(topic.name, handle)
  assert.equal(handle.partitions.length, topic.partitions.length, `partitions of ${topic.name} after a ${end}`)
  const stored: string[][] = topic.partitions.map(() => [])
  for await (const { partition, offset, value } of handle.read()) stored[partition]![offset] = value!
  for (const [i, records] of topic.partitions.entries()) {
    const where = `${labelOf(topic.name, i)} after a ${end}`
    const found = stored[i]!
    const least = end === 'kill' ? records.length : topic.durable[i]!
    assert(found.length >= least, `${where} ends at ${found.length}, all before ${least} was to survive`)
    for (const [offset, value] of found.entries()) assert([undefined, value].includes(records[offset]), `${where} has another record at ${offset}`)
    records.splice(0, Infinity, ...found)
    if (end === 'power cut') topic.durable[i] = found.length
  }
}

async function reconcilePositions(bench: GroupsBench, group: ModelGroup, end: End): Promise<void> {
  const mayBeLost = end === 'power cut' && bench.model.durability === 'process'
  for (const [label, ledger] of [...group.ledgers].filter(([, { hasBegun }]) => hasBegun)) {
    const { topic, partition } = bench.model.place(label)!
    const offset = (await bench.log.group(group.id).committed(topic.name)).get(partition)
    const rewound = bench.rewound.find(event => event.group === group.id && labelOf(event.topic, event.partition) === label)
    if (mayBeLost && offset === undefined && group.kind.from !== 'earliest') group.ledgers.delete(label) // it begins anew
    else if (end === 'power cut') ledger.survivePowerCut(offset, topic.partitions[partition]!.length, rewound?.from)
    else ledger.survive(offset)
  }
}
