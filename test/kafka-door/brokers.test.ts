// Where the door listens: several pretended brokers, of which a test stops one; Unix sockets; what is advertised.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open } from '../../src/index.ts'
import { listen, type Broker, type ListenOptions } from '../../src/kafka.ts'
import { listOffsets } from '../../src/kafka/apis/02-list-offsets.ts'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { findCoordinator } from '../../src/kafka/apis/10-find-coordinator.ts'
import { heartbeat } from '../../src/kafka/apis/12-heartbeat.ts'
import { describeCluster } from '../../src/kafka/apis/60-describe-cluster.ts'
import { KAFKA_ERRORS } from '../../src/kafka/kafka-errors.ts'
import { connectTo, openDoor } from './support/open-door.ts'
import type { WireClient } from './support/wire-client.ts'

async function leadersOf(client: WireClient): Promise<number[]> {
  const { topics: [topic] } = await client.ask(metadata, 12, { topics: [{ name: 'a' }] })
  return topic!.partitions.map(({ leaderId }) => leaderId)
}

const endOffset = { replicaId: -1, topics: [{ name: 'a', partitions: [{ partitionIndex: 1, timestamp: -1 }] }] }

test('brokers share out partitions, and only the one that leads a partition answers for it', async () => {
  const { log, door, client } = await openDoor({ brokers: 3 })
  await log.topic('a', { partitions: 4 })
  expect(door.bootstrap).toBe(door.brokers.map(({ host, port }) => `${host}:${port}`).join(','))
  const { brokers, topics } = await client.ask(metadata, 12, { topics: [{ name: 'a' }] })
  expect(brokers.map(({ nodeId, port }) => [nodeId, port])).toEqual(door.brokers.map(({ nodeId, port }) => [nodeId, port]))
  expect(topics[0]!.partitions[0]).toMatchObject({ leaderId: 0, replicaNodes: [0, 1, 2], isrNodes: [0, 1, 2], offlineReplicas: [] })
  expect(await leadersOf(client)).toEqual([0, 1, 2, 0])
  const errors = []
  for (const broker of door.brokers) errors.push((await (await connectTo(broker)).ask(listOffsets, 7, endOffset)).topics[0]!.partitions[0]!.errorCode)
  expect(errors).toEqual([KAFKA_ERRORS.NOT_LEADER_OR_FOLLOWER, 0, KAFKA_ERRORS.NOT_LEADER_OR_FOLLOWER])
})

test('a group has one coordinator, and the other brokers say that they are not it', async () => {
  const { door, client } = await openDoor({ brokers: 3 })
  const { coordinators: [found] } = await client.ask(findCoordinator, 4, { coordinatorKeys: ['g'] })
  const errors = []
  for (const broker of door.brokers) errors.push((await (await connectTo(broker)).ask(heartbeat, 4, { groupId: 'g', generationId: 1, memberId: 'm' })).errorCode)
  expect(errors).toEqual(door.brokers.map(({ nodeId }) => nodeId === found!.nodeId ? KAFKA_ERRORS.UNKNOWN_MEMBER_ID : KAFKA_ERRORS.NOT_COORDINATOR))
})

test('what a stopped broker led is with the others until it is back', async () => {
  const { log, door, client } = await openDoor({ brokers: 3 })
  await log.topic('a', { partitions: 4 })
  const second = door.brokers[1]!
  const { port } = second
  const cut = await connectTo(second)
  await second.stop()
  if (!cut.socket.closed) await once(cut.socket, 'close')
  const [refused] = await once(connect(port, second.host), 'error') as [NodeJS.ErrnoException]
  expect([refused.code, second.isUp]).toEqual(['ECONNREFUSED', false])
  expect(await leadersOf(client)).toEqual([0, 2, 2, 0])
  expect((await client.ask(metadata, 12, { topics: [{ name: 'a' }] })).topics[0]!.partitions[1]).toMatchObject({ replicaNodes: [0, 1, 2], isrNodes: [0, 2], offlineReplicas: [1] })
  expect((await client.ask(describeCluster, 2, { includeClusterAuthorizedOperations: false, includeFencedBrokers: true })).brokers.map(({ isFenced }) => isFenced)).toEqual([false, true, false])
  expect((await client.ask(describeCluster, 1, { includeClusterAuthorizedOperations: false })).brokers.map(({ brokerId }) => brokerId)).toEqual([0, 2])
  expect((await (await connectTo(door.brokers[2]!)).ask(listOffsets, 7, endOffset)).topics[0]!.partitions[0]!.errorCode).toBe(0)
  await second.start()
  expect([second.port, await leadersOf(client)]).toEqual([port, [0, 1, 2, 0]])
  expect((await (await connectTo(second)).ask(listOffsets, 7, endOffset)).topics[0]!.partitions[0]!.errorCode).toBe(0)
})

test('brokers are stopped and started as often as one likes, in the order of the calls', async () => {
  const { door } = await openDoor({ brokers: 2 })
  const [first, second] = door.brokers as [Broker, Broker]
  await Promise.all([first.stop(), first.stop(), first.start(), second.stop(), first.start(), first.stop()])
  expect([first.isUp, second.isUp]).toEqual([false, false])
  await Promise.all([first.start(), second.start()])
  expect((await (await connectTo(second)).ask(metadata, 12, { topics: null })).brokers.length).toBe(2)
  await door.close()
  await expect(first.start()).rejects.toMatchObject({ code: 'DOOR_CLOSED' })
})

test('what is advertised is what clients are told', async () => {
  const log = await open('memory:')
  onTestFinished(() => log.close())
  const door = await listen(log, { brokers: 2, advertisedHost: 'kafka.test', advertisedPort: 19_092 })
  expect(door.bootstrap).toBe('kafka.test:19092,kafka.test:19093')
})

test('a port that is taken, and a place that is none, are told', async () => {
  const { log, door } = await openDoor()
  await expect(listen(log, { port: door.port })).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringContaining(`127.0.0.1:${door.port}`) })
  await expect(listen(log, { host: '192.0.2.1' })).rejects.toMatchObject({ code: 'LISTEN_FAILED', hint: expect.stringContaining('address of this machine') })
  await expect(listen(log, { socket: join(tmpdir(), 'no', 'such', 'directory', 'kafka.sock') })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  await expect(listen(log, { socket: 'kafka.sock', brokers: 2 })).rejects.toMatchObject({ code: 'OPTIONS_CONTRADICT' })
})

async function openOnSocket(options: ListenOptions & { socket: string }): Promise<() => Promise<void>> {
  const log = await open('memory:')
  onTestFinished(() => log.close())
  const door = await listen(log, options)
  expect(door.socket).toBe(options.socket)
  return () => door.close()
}

function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-'))
  onTestFinished(() => { rmSync(directory, { recursive: true }) })
  return join(directory, 'kafka.sock')
}

test.skipIf(process.platform === 'win32')('a Unix socket is answered, guarded while it is, and gone when the door is closed', async () => {
  const path = socketPath()
  const close = await openOnSocket({ socket: path })
  const socket = connect(path)
  await once(socket, 'connect')
  socket.destroy()
  await expect(openOnSocket({ socket: path })).rejects.toMatchObject({ code: 'LISTEN_FAILED', hint: expect.stringContaining('another process') })
  await close()
  expect(existsSync(path)).toBe(false)
})

test.skipIf(process.platform === 'win32')('the socket that a killed process left does not stand in the way', async () => {
  const path = socketPath()
  const holder = spawn(process.execPath, ['-e', `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  expect(existsSync(path)).toBe(true)
  await (await openOnSocket({ socket: path }))()
})

test.skipIf(process.platform === 'win32')('a file that is no socket is left alone', async () => {
  const path = socketPath()
  writeFileSync(path, 'precious')
  await expect(openOnSocket({ socket: path })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  expect(existsSync(path)).toBe(true)
})

test('a door whose port is taken while it was stopped says so when it is started', async () => {
  const { door } = await openDoor({ brokers: 2 })
  const [, second] = door.brokers as [Broker, Broker]
  await second.stop()
  const other = createServer().listen(second.port, second.host)
  await once(other, 'listening')
  await expect(second.start()).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  other.close()
  await once(other, 'close')
  await second.start()
  expect(second.isUp).toBe(true)
})
