// What is in the log behind what the model has of it, and who sent it. Each record must be one that was sent and is not
// there yet, in the order of its producer's calls; one that was acknowledged must be where its sender was told.
// It may be there before its sender was told, and after its sender was told that it failed part of the way.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Position, Topic } from '../../src/index.ts'
import type { LogModel, ModelRecord, ModelTopic, Place, Sending } from './model-log.ts'
import { plainRecord } from './plain-record.ts'

type Stored = readonly [offset: number, record: ModelRecord]

/** Takes in what arrived, and forgets the sendings that were answered; returns those. */
export async function takeArrivals(model: LogModel, handles: ReadonlyMap<string, Topic>): Promise<Sending[]> {
  for (const topic of model.all) {
    const sendings = model.sendings.filter(({ topic: of }) => of === topic)
    if (sendings.length === 0) continue
    const stored = await recordsFrom(new Map(topic.partitions.map(({ end }, i) => [i, end])), topic, handles.get(topic.name)!)
    for (const [index, tail] of stored.entries()) adoptTail(topic, index, tail, sendings)
    assertAllFound(sendings, 'process')
    for (const sending of sendings) if (sending.power) for (const { partition, offset } of sending.stored ?? []) noteDurable(topic, partition, offset)
  }
  const isAnswered = ({ stored, failure }: Sending): boolean => stored !== undefined || failure !== undefined
  const answered = model.sendings.filter(isAnswered)
  model.sendings = model.sendings.filter(sending => !isAnswered(sending))
  return answered
}

/** By partition. */
export async function recordsFrom(from: Position, { partitions }: ModelTopic, handle: Topic): Promise<Stored[][]> {
  const stored: Stored[][] = partitions.map(() => [])
  for await (const record of handle.read({ from })) stored[record.partition]!.push([record.offset, plainRecord(record)])
  return stored
}

/** `tail` is what follows the records that the model has of the partition. */
export function adoptTail(topic: ModelTopic, index: number, tail: readonly Stored[], sendings: readonly Sending[]): void {
  const partition = topic.partitions[index]!
  for (const [offset, record] of tail) {
    assert.equal(offset, partition.end, `what follows the acknowledged records of ${topic.name}-${index}`)
    const found = findSender(index, record, sendings)
    assert(found !== undefined, `${topic.name}-${index} holds at ${offset} what nobody sent to it, or what is there twice: ${JSON.stringify(record)}`)
    found.sending.found.set(found.i, { partition: index, offset, timestamp: record.timestamp })
    partition.append(found.sending, found.i, record.timestamp)
  }
}

/** Records with equal content are told apart by nothing: the first that is not there yet. */
function findSender(index: number, record: ModelRecord, sendings: readonly Sending[]): { sending: Sending; i: number } | undefined {
  for (const sending of sendings) {
    const i = sending.records.findIndex(({ mayBeIn, record: sent, stampedLater }, i) => {
      const timestamp = stampedLater && record.timestamp >= sending.sentAt ? record.timestamp : sent.timestamp
      return !sending.found.has(i) && mayBeIn(index) && isDeepStrictEqual({ ...sent, timestamp }, record)
    })
    if (i !== -1) return { sending, i }
  }
  return undefined
}

export function assertAllFound(sendings: readonly Sending[], durability: 'process' | 'power'): void {
  for (const { stored, found, power, producer } of sendings) {
    if (stored === undefined || (durability === 'power' && !power)) continue
    const told = stored.map(({ partition, offset, timestamp }): Place => ({ partition, offset, timestamp }))
    assert.deepEqual(told.map((_, i) => found.get(i)), told, `producer ${producer}: where the log holds what was acknowledged`)
  }
}

function noteDurable({ partitions }: ModelTopic, index: number, offset: number): void {
  const partition = partitions[index]!
  partition.durable = Math.max(partition.durable, offset + 1)
}
