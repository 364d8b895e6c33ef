// What a test may ask to go wrong: errors, delays, connections that are cut.
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { findCoordinator } from '../../src/kafka/apis/10-find-coordinator.ts'
import { createTopics } from '../../src/kafka/apis/19-create-topics.ts'
import { routes } from '../../src/kafka/handlers/table.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { encodeResponse } from '../../src/kafka/protocol/messages.ts'
import { connectTo, openDoor, topicsOf } from './support/open-door.ts'

const all = { topics: null }
const newTopic = { topics: [{ name: 'a', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }], validateOnly: false }

test('only requests of the API that was named fail, as often as was asked for, and nothing is done', async () => {
  const { log, door, client } = await openDoor()
  door.fail({ api: 'CreateTopics', error: 'NOT_CONTROLLER', times: 2 })
  const codes = []
  for (let i = 0; i < 2; i++) {
    codes.push((await client.ask(createTopics, 7, newTopic)).topics[0]!.errorCode)
    expect((await client.ask(metadata, 13, all)).errorCode).toBe(0)
    expect(topicsOf(log)).toEqual([])
  }
  codes.push((await client.ask(createTopics, 7, newTopic)).topics[0]!.errorCode)
  expect(codes).toEqual([KAFKA_ERRORS.NOT_CONTROLLER, KAFKA_ERRORS.NOT_CONTROLLER, 0])
})

test('errors that are asked for come in the order in which they were', async () => {
  const { door, client } = await openDoor()
  door.fail({ api: 'FindCoordinator', error: 'COORDINATOR_NOT_AVAILABLE' })
  door.fail({ api: 'FindCoordinator', error: 'COORDINATOR_LOAD_IN_PROGRESS' })
  const codes = []
  for (let i = 0; i < 3; i++) codes.push((await client.ask(findCoordinator, 4, { coordinatorKeys: ['g'] })).coordinators[0]!.errorCode)
  expect(codes).toEqual([KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE, KAFKA_ERRORS.COORDINATOR_LOAD_IN_PROGRESS, 0])
})

test('a delayed request holds back those behind it on its connection, and on no other', async () => {
  const { door, client } = await openDoor()
  const other = await connectTo(door)
  door.delay({ api: 'CreateTopics', by: '100ms' })
  const answered: string[] = []
  const delayed = client.ask(createTopics, 7, newTopic).then(() => answered.push('delayed'))
  const behind = client.ask(metadata, 13, all).then(() => answered.push('behind'))
  await other.ask(metadata, 13, all).then(() => answered.push('other'))
  await Promise.all([delayed, behind])
  expect(answered).toEqual(['other', 'delayed', 'behind'])
})

test('a request can be late and fail', async () => {
  const { door, client } = await openDoor()
  door.delay({ by: 5 })
  door.fail({ api: 'Metadata', error: 'REQUEST_TIMED_OUT' })
  expect((await client.ask(metadata, 13, all)).errorCode).toBe(KAFKA_ERRORS.REQUEST_TIMED_OUT)
  expect((await client.ask(metadata, 13, all)).errorCode).toBe(0)
})

test('disconnect() cuts every connection, and a delayed request of one is not done any more', async () => {
  const { log, door, client } = await openDoor()
  const other = await connectTo(door)
  door.delay({ api: 'CreateTopics', by: '10m' })
  const lost = client.ask(createTopics, 7, newTopic)
  await other.ask(metadata, 13, all)
  door.disconnect()
  await expect(lost).rejects.toThrow('closed')
  if (!other.socket.closed) await once(other.socket, 'close')
  expect((await (await connectTo(door)).ask(metadata, 13, all)).topics).toEqual([])
  expect(topicsOf(log)).toEqual([])
})

test.each([
  [{ api: 'Produze', error: 'REQUEST_TIMED_OUT' }, "did you mean 'Produce'?"],
  [{ api: 'Produce', error: 'REQUEST_TIMEOUT' }, 'REQUEST_TIMED_OUT'],
  [{ api: 'Produce', error: 'NONE' }, 'docs/kafka.md'],
  [{ api: 'Produce' }, 'fail({'],
  [{ error: 'REQUEST_TIMED_OUT' }, 'fail({'],
])('fail(%o) is refused, with a hint', async (options, hint) => {
  const { door } = await openDoor()
  let refused: unknown
  try { door.fail(options as never) } catch (error) { refused = error }
  expect(refused).toMatchObject({ code: 'OPTION_INVALID', hint: expect.stringContaining(hint) })
  expect(() => { door.delay({} as never) }).toThrow("by can't be left out")
  expect(() => { door.delay({ by: '30d' }) }).toThrow('by')
})

test('every API can be asked to fail, in each of its versions', () => {
  for (const { api, handler } of routes) {
    const request = Object.fromEntries(Object.entries(api.request.fields).map(([name, { initial }]) => [name, initial]))
    for (let version = api.versions.min; version <= api.versions.max; version++) {
      const answer = handler.refuse(request, KAFKA_ERRORS.UNKNOWN_SERVER_ERROR, 'why', version)
      if (answer !== undefined) encodeResponse(api, version, 1, answer)
    }
  }
})
