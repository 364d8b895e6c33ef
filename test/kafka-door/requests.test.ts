// What becomes of a request that can't be answered as it was meant.
import { afterEach, expect, test } from 'vitest'
import { open, type EventLog } from '../../src/index.ts'
import { describeCluster } from '../../src/kafka/apis/60-describe-cluster.ts'
import { produce } from '../../src/kafka/apis/00-produce.ts'
import { listOffsets } from '../../src/kafka/apis/02-list-offsets.ts'
import { Brokers } from '../../src/kafka/brokers.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { encodeRequest } from '../../src/kafka/protocol/messages.ts'
import { RequestFaults } from '../../src/kafka/request-faults.ts'
import { Requests } from '../../src/kafka/requests.ts'
import type { Handler } from '../../src/kafka/handlers/handler.ts'
import { listen, type Door } from '../../src/kafka.ts'
import { partsOf } from '../../src/surface/event-log.ts'
import { Fetches } from '../../src/kafka/fetches.ts'
import { Topics } from '../../src/kafka/topics.ts'
import { readListenOptions } from '../../src/kafka/listen-options.ts'
import { WireClient } from './support/wire-client.ts'

const opened: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of opened.splice(0).reverse()) await close() })

async function start(): Promise<{ log: EventLog; door: Door; client: WireClient }> {
  const log = await open('memory:')
  opened.push(() => log.close())
  const door = await listen(log)
  const client = await WireClient.connect(door)
  opened.push(() => client.close())
  return { log, door, client }
}

test('an API that is not spoken, and a version that is not, end the connection', async () => {
  const { door, client } = await start()
  const elections = Buffer.from([0, 0, 0, 10, 0, 43, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
  await expect(client.exchange(elections)).rejects.toThrow('closed')
  const second = await WireClient.connect(door)
  const request = Buffer.concat(encodeRequest(produce, 3, 1, null, { acks: 1, timeoutMs: 1, topicData: [] }))
  request.writeInt16BE(2, 6)
  await expect(second.exchange(request)).rejects.toThrow('closed')
})

test('what a handler throws is answered; where it is our own mistake, the log tells it as well', async () => {
  const log = await open('memory:')
  opened.push(() => log.close())
  const parts = partsOf(log)
  const told: string[] = []
  log.on('error', ({ error }) => { told.push(error.code) })
  await new Promise(resolve => { setImmediate(resolve) }) // what happens while a log opens is told a turn later
  const handler: Handler<typeof listOffsets> = {
    handle: () => { throw new TypeError('ours') },
    refuse: (_request, errorCode) => ({ topics: [{ name: 'refused', partitions: [{ partitionIndex: 0, errorCode }] }] }),
  }
  const requests = new Requests({ ...parts, settings: readListenOptions({}), brokers: new Brokers('id'), topics: new Topics(parts.log), fetches: new Fetches() }, [{ api: listOffsets, handler: handler as never }], new RequestFaults())
  const frame = Buffer.concat(encodeRequest(listOffsets, 1, 1, null, { replicaId: -1, topics: [] })).subarray(4)
  const connection = { host: 'x', closed: false, onClosed: () => () => {} } as never
  const [answer] = await requests.answer(frame, 0, connection, () => {})
  expect(answer!.includes('refused')).toBe(true)
  expect(told).toEqual(['REQUEST_FAILED'])
})

test('there are brokers to ask, and no controllers', async () => {
  const { client, door } = await start()
  expect(await client.ask(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 1 })).toMatchObject({ errorCode: 0, controllerId: 0, brokers: [{ brokerId: 0, port: door.port }] })
  expect((await client.ask(describeCluster, 1, { includeClusterAuthorizedOperations: false, endpointType: 2 })).errorCode).toBe(KAFKA_ERRORS.MISMATCHED_ENDPOINT_TYPE)
})

test('partitions and coordinators are shared out among the brokers that are up', () => {
  const brokers = new Brokers('id')
  const address = (nodeId: number) => ({ nodeId, host: 'localhost', port: 9092 + nodeId })
  expect(() => brokers.leaderOf(0)).toThrow(expect.objectContaining({ kafkaName: 'BROKER_NOT_AVAILABLE' }))
  brokers.use([address(0), address(1), address(2)])
  expect([0, 1, 2, 3].map(partition => brokers.leaderOf(partition))).toEqual([0, 1, 2, 0])
  expect(brokers.isLeader(1, 0)).toBe(false) // NOT_LEADER_OR_FOLLOWER
  const { nodeId } = brokers.coordinatorOf('billing')
  expect(() => { brokers.checkCoordinator(nodeId, 'billing') }).not.toThrow()
  expect(() => { brokers.checkCoordinator((nodeId + 1) % 3, 'billing') }).toThrow(expect.objectContaining({ kafkaName: 'NOT_COORDINATOR' }))
  brokers.use([address(2)])
  expect([0, 1, 2].map(partition => brokers.leaderOf(partition))).toEqual([2, 2, 2])
})
