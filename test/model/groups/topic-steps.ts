// Steps that change what there is to read: records, topics, partitions.
import fc from 'fast-check'
import type { GroupsBench } from './bench.ts'
import { number, step, topicOf, type Step } from './step.ts'

export const TOPICS = ['orders', 'orders-eu', 'notes'] as const
const MOST_PARTITIONS = 5
const KEYS = ['ada', 'bob', 'cem', 'dia', 'eve', 'fay', 'gus', 'hal'] as const

export interface DrawnSend {
  readonly topic: number
  /** By key where one is drawn, else to this partition. */
  readonly records: readonly { readonly key: number | undefined; readonly partition: number }[]
  /** One batch for each partition, or one for each record. */
  readonly together: boolean
  /** All to the partition of the first: a batch that takes several steps to handle. */
  readonly toOne: boolean
  readonly power: boolean
}

export const drawnSend: fc.Arbitrary<DrawnSend> = fc.record({
  topic: number,
  records: fc.array(fc.record({ key: fc.option(number, { nil: undefined }), partition: number }), { minLength: 1, maxLength: 10 }),
  together: fc.boolean(),
  toOne: fc.boolean(),
  power: fc.boolean(),
})

export async function sendDrawn(bench: GroupsBench, { topic: drawn, records, together, toOne, power }: DrawnSend): Promise<void> {
  const topic = topicOf(bench, drawn)
  if (topic === undefined) return
  const { length } = bench.topics.get(topic.name)!.partitions // more may be on their way
  const given = (toOne ? records.map(() => ({ ...records[0]!, key: undefined })) : records).map(({ key, partition }) => key === undefined ? { partition: partition % length } : { key: KEYS[key % KEYS.length]! })
  if (together) return await bench.send(topic, given, power)
  for (const record of given) await bench.send(topic, [record], power)
}

const send = step('send', drawnSend, async (bench, drawn) => { await bench.during(sendDrawn(bench, drawn)) })

const create = step('create', fc.record({ name: fc.constantFrom(...TOPICS), partitions: fc.integer({ min: 1, max: 4 }) }), async (bench, { name, partitions }) => {
  if (!bench.model.topics.has(name)) await bench.during(bench.create(name, partitions))
})

export async function grow(bench: GroupsBench, drawn: number): Promise<void> {
  const topic = topicOf(bench, drawn)
  if (topic === undefined || topic.partitions.length === MOST_PARTITIONS) return
  const growing = bench.topics.get(topic.name)!.alter({ partitions: topic.partitions.length + 1 })
  topic.partitions.push([])
  topic.durable.push(0)
  await growing
}

const growOne = step('grow', number, async (bench, drawn) => { await bench.during(grow(bench, drawn)) })

async function deleteOne(bench: GroupsBench, drawn: number): Promise<string | undefined> {
  const topic = topicOf(bench, drawn)
  if (topic === undefined) return undefined
  bench.model.topics.delete(topic.name)
  for (const group of bench.model.groups.values()) group.forget(topic)
  await bench.log.deleteTopic(topic.name)
  return topic.name
}

const remove = step('delete', number, async (bench, drawn) => { await bench.during(deleteOne(bench, drawn)) })

/** Members see a topic of the same name at once, with nothing of the one before. */
const replace = step('delete and create', fc.record({ topic: number, partitions: fc.integer({ min: 1, max: 4 }), then: fc.option(drawnSend, { nil: undefined }) }), async (bench, { topic, partitions, then }) => {
  const name = await bench.during(deleteOne(bench, topic))
  if (name === undefined) return
  await bench.during(bench.create(name, partitions))
  if (then !== undefined) await bench.during(sendDrawn(bench, then))
})

export const topicSteps: readonly fc.Arbitrary<Step>[] = [create, create, send, send, send, growOne, remove, replace]
