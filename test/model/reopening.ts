// What a log that died may have come back with. Everything acknowledged must be there; what was under way when it died
// (sends, and the changes in Underway) may have happened or not, and the model then takes what it finds.
import assert from 'node:assert/strict'
import type { Topic } from '../../src/index.ts'
import { adoptTail, assertAllFound, recordsFrom } from './arrivals.ts'
import type { Bench } from './bench.ts'
import { ModelTopic, type ModelPartition, type Sending } from './model-log.ts'
import type { TopicKind } from './topic-kinds.ts'

/** Changes that were not answered when the log died. */
export interface Underway {
  readonly created: readonly { readonly kind: TopicKind; readonly partitions: number }[]
  readonly deleted: ReadonlySet<ModelTopic>
  readonly grown: ReadonlyMap<ModelTopic, number>
  readonly truncated: ReadonlyMap<ModelPartition, number>
}

export const NOTHING_UNDERWAY: Underway = { created: [], deleted: new Set(), grown: new Map(), truncated: new Map() }

export type End = 'close' | 'kill' | 'power cut'

/** Ends the log in this way, opens what is left, and brings the model to it. */
export async function reopen(bench: Bench, end: End, cutSeed: number, underway = NOTHING_UNDERWAY): Promise<void> {
  const { sendings } = bench.model
  bench.model.sendings = []
  if (end === 'close') bench.model.allDurable()
  bench.use(end === 'power cut' ? await bench.log.powerCut({ seed: cutSeed }) : await bench.log.crash())
  await reconcileTopics(bench, underway)
  for (const topic of bench.model.all) {
    const handle = await bench.log.topic<unknown, unknown>(topic.name, topic.kind.options)
    bench.topics.set(topic.name, handle)
    await reconcileTopic(topic, handle, sendings.filter(({ topic: of }) => of === topic), end, underway)
  }
  if (end === 'close') assert.deepEqual(bench.cuts, [], 'a log that was closed needs no recovery')
}

async function reconcileTopics(bench: Bench, { created, deleted }: Underway): Promise<void> {
  const { topics } = bench.model
  const found = new Set(bench.log.topics().map(({ name }) => name))
  for (const [name, topic] of topics) if (!found.has(name) && deleted.has(topic)) topics.delete(name)
  for (const { kind, partitions } of created) if (found.has(kind.name) && !topics.has(kind.name)) topics.set(kind.name, new ModelTopic(kind, partitions))
  assert.deepEqual([...found].sort(), [...topics.keys()].sort(), 'topics after the log died')
}

async function reconcileTopic(topic: ModelTopic, handle: Topic, sendings: readonly Sending[], end: End, { grown, truncated }: Underway): Promise<void> {
  const counts = [topic.partitions.length, grown.get(topic) ?? topic.partitions.length]
  assert(counts.includes(handle.partitions.length), `${topic.name} has ${handle.partitions.length} partitions, ${counts.join(' or ')} are expected`)
  topic.grow(handle.partitions.length)
  const stored = await recordsFrom('earliest', topic, handle)
  for (const [index, partition] of topic.partitions.entries()) {
    const name = `${topic.name}-${index} after a ${end}`
    const { start, end: endOffset } = handle.partitions[index]!.offsets()
    assert([partition.start, truncated.get(partition)].includes(start), `${name} begins at ${start}, ${partition.start} is expected`)
    partition.start = start
    const leastEnd = end === 'power cut' ? Math.max(partition.durable, start) : partition.end
    assert(endOffset >= leastEnd, `${name} ends at ${endOffset}, all before ${leastEnd} was to survive`)
    partition.records.length = Math.min(partition.end, endOffset)
    assert.deepEqual(stored[index]!.slice(0, partition.end - start), partition.between(start, partition.end), `records of ${name}`)
    adoptTail(topic, index, stored[index]!.slice(partition.end - start), sendings)
    assert.equal(partition.end, endOffset, name)
    partition.openedEmpty = start === endOffset
    partition.durable = end === 'kill' ? partition.durable : endOffset
  }
  assertAllFound(sendings, end === 'power cut' ? 'power' : 'process')
}
