// What a log makes of positions that are damaged, gone, or not positions: it tells, its records can be read and written.
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, type EventLog, type LogEvents } from '../../src/index.ts'
import { offsetCommit } from '../../src/kafka/apis/08-offset-commit.ts'
import { offsetFetch } from '../../src/kafka/apis/09-offset-fetch.ts'
import { joinGroup } from '../../src/kafka/apis/11-join-group.ts'
import { heartbeat } from '../../src/kafka/apis/12-heartbeat.ts'
import { leaveGroup } from '../../src/kafka/apis/13-leave-group.ts'
import { syncGroup } from '../../src/kafka/apis/14-sync-group.ts'
import { offsetDelete } from '../../src/kafka/apis/47-offset-delete.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { listen } from '../../src/kafka.ts'
import { connectTo } from '../kafka-door/support/open-door.ts'
import { failureOf } from '../contract/support/failures.ts'

const FOLDER = '__consumer_offsets-0'

/** A closed log with a group that has handled all there is. */
async function closedLog(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-positions-'))
  onTestFinished(() => { rmSync(directory, { recursive: true, force: true }) })
  const log = await open(directory)
  const orders = await log.topic<number>('orders')
  await orders.send([{ value: 1 }, { value: 2 }])
  await log.group('billing').run(orders, () => undefined, { from: 'earliest' })
  await log.idle()
  await log.close()
  return directory
}

async function opened(directory: string) {
  const log = await open(directory)
  onTestFinished(() => log.close())
  const errors: LogEvents['error'][] = []
  const warnings: LogEvents['warning'][] = []
  log.on('error', event => errors.push(event))
  log.on('warning', event => warnings.push(event))
  await new Promise(resolve => { setImmediate(resolve) })
  return { log, errors, warnings }
}

async function expectRecordsUsable(log: EventLog): Promise<void> {
  const orders = await log.topic<number>('orders')
  await orders.send({ value: 3 })
  expect((await orders.partitions[0]!.get(0))?.value).toBe(1)
}

function segment(directory: string): string {
  return join(directory, FOLDER, readdirSync(join(directory, FOLDER)).find(name => name.endsWith('.log'))!)
}

test('where they are cut, groups say so and nothing else stops', async () => {
  const directory = await closedLog()
  truncateSync(segment(directory), 100)
  const { log, errors } = await opened(directory)
  expect(errors.at(-1)).toMatchObject({ error: { name: 'CorruptionError', code: 'POSITIONS_UNREADABLE' }, topic: '__consumer_offsets' })
  expect(await failureOf(() => log.group('billing').join('orders', { from: 'earliest' }))).toMatchObject({ name: 'CorruptionError', code: 'POSITIONS_UNREADABLE', hint: expect.stringContaining('remove that directory') as string })
  expect(await failureOf(() => log.group('billing').committed('orders'))).toMatchObject({ code: 'POSITIONS_UNREADABLE' })
  await expectRecordsUsable(log)
})

test('where they are cut, clients are told that no coordinator is there, and nothing is written behind the damage', async () => {
  const directory = await closedLog()
  truncateSync(segment(directory), 100)
  const { log } = await opened(directory)
  const client = await connectTo(await listen(log))
  const error = KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE
  const group = { groupId: 'billing', memberId: '' }
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }]
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }]
  expect(await client.ask(joinGroup, 3, { ...group, sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols })).toMatchObject({ errorCode: error })
  expect(await client.ask(syncGroup, 3, { ...group, generationId: 1, assignments: [] })).toMatchObject({ errorCode: error })
  expect(await client.ask(heartbeat, 3, { ...group, generationId: 1 })).toMatchObject({ errorCode: error })
  expect(await client.ask(leaveGroup, 3, { groupId: 'billing', members: [] })).toMatchObject({ errorCode: error })
  expect(await client.ask(offsetCommit, 8, { ...group, generationIdOrMemberEpoch: -1, topics: [{ name: 'orders', partitions }] })).toMatchObject({ topics: [{ partitions: [{ errorCode: error }] }] })
  expect(await client.ask(offsetFetch, 8, { groups: [{ groupId: 'billing', topics: null }] })).toMatchObject({ groups: [{ errorCode: error }] })
  expect(await client.ask(offsetDelete, 0, { groupId: 'billing', topics: [] })).toMatchObject({ errorCode: error })
  expect(statSync(segment(directory)).size).toBe(100)
})

test('where their directory is gone, that is told, once', async () => {
  const directory = await closedLog()
  rmSync(join(directory, FOLDER), { recursive: true })
  const { log, errors } = await opened(directory)
  expect(errors).toMatchObject([{ error: { name: 'CorruptionError', code: 'INTERNAL_PARTITION_MISSING' } }])
  expect(log.groups()).toEqual([])
  await expectRecordsUsable(log)
  await log.close()
  expect((await opened(directory)).errors).toEqual([])
})

test("where another topic's records stand in their place, that is told", async () => {
  const directory = await closedLog()
  const own = segment(directory)
  rmSync(own)
  cpSync(join(directory, 'orders-0', readdirSync(join(directory, 'orders-0')).find(name => name.endsWith('.log'))!), own)
  const { log, errors, warnings } = await opened(directory)
  expect([...errors.map(({ error }) => error.code), ...warnings.map(({ code }) => code)]).not.toEqual([])
  await expectRecordsUsable(log)
})
