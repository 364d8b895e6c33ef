// The door as such: what it listens on, how it ends, what it does with bytes that are no requests.
import { connect } from 'node:net'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { listen, type Door } from '../../src/kafka.ts'
import { open, type EventLog } from '../../src/index.ts'
import { metadata } from '../../src/kafka/apis/03-metadata.ts'
import { apiVersions } from '../../src/kafka/apis/18-api-versions.ts'
import { API_NAMES } from '../../src/kafka/api-names.ts'
import { apis } from '../../src/kafka/apis/table.ts'
import { routes } from '../../src/kafka/handlers/table.ts'
import { decodeResponse, encodeRequest } from '../../src/kafka/protocol/messages.ts'
import { WireClient } from './support/wire-client.ts'

const opened: (() => Promise<void>)[] = []
afterEach(async () => { for (const close of opened.splice(0).reverse()) await close() })

async function start(options = {}): Promise<{ log: EventLog; door: Door; client: WireClient }> {
  const log = await open('memory:')
  opened.push(() => log.close())
  const door = await listen(log, options)
  const client = await WireClient.connect(door)
  opened.push(() => client.close())
  return { log, door, client }
}

test('every API that is announced is handled, and no other', () => {
  expect(routes.map(({ api }) => api.name)).toEqual(apis.map(({ name }) => name))
  expect(API_NAMES).toEqual(apis.map(({ name }) => name))
})

test('a client learns which versions are spoken', async () => {
  const { client } = await start()
  const { errorCode, apiKeys, finalizedFeatures } = await client.ask(apiVersions, 4, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  expect(errorCode).toBe(0)
  expect(apiKeys).toEqual(apis.map(({ key, advertised }) => ({ apiKey: key, minVersion: advertised.min, maxVersion: advertised.max })))
  expect(finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel])).toContainEqual(['transaction.version', 2])
})

test('an ApiVersions request of an unknown version is answered in version 0, with the error that says so', async () => {
  const { client } = await start()
  const request = Buffer.concat(encodeRequest(apiVersions, 4, 77, 'newer', { clientSoftwareName: 'newer', clientSoftwareVersion: '9' }))
  request.writeInt16BE(99, 6)
  const { correlationId, body } = decodeResponse(apiVersions, 0, await client.exchange(request))
  expect([correlationId, body.errorCode]).toEqual([77, 35])
  expect(body.apiKeys).toContainEqual({ apiKey: 18, minVersion: 0, maxVersion: 4 })
})

test('closing the log closes the door', async () => {
  const { log, door, client } = await start()
  await log.close()
  if (!client.socket.closed) await once(client.socket, 'close')
  const late = connect(door.port, door.host)
  const [error] = await once(late, 'error') as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
})

test('bytes that are no request end their connection, and no other; the log tells it', async () => {
  const { log, door, client } = await start()
  const told: string[] = []
  log.on('warning', ({ code }) => { told.push(code) })
  const stranger = connect(door.port, door.host)
  stranger.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(stranger, 'close')
  expect((await client.ask(metadata, 12, { topics: null })).brokers).toEqual([{ nodeId: 0, host: door.host, port: door.port, rack: null }])
  expect(told).toEqual(['CLIENT_REFUSED'])
})

test('an error that a test asks for is answered so many times', async () => {
  const { door, client } = await start()
  door.fail({ api: 'Metadata', error: 'UNKNOWN_SERVER_ERROR', times: 2 })
  const codes = []
  for (let i = 0; i < 3; i++) codes.push((await client.ask(metadata, 13, { topics: null })).errorCode)
  expect(codes).toEqual([-1, -1, 0])
})

test('a port that is taken, and a log that is none, are told', async () => {
  const { door, log } = await start()
  await expect(listen(log, { port: door.port })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  await expect(listen({} as EventLog)).rejects.toMatchObject({ code: 'LOG_INVALID' })
  await expect(listen(log, { prot: 1 } as object)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION', hint: "did you mean 'port'?" })
})

test('a connection too many is closed at once', async () => {
  const { door } = await start({ maxConnections: 1 })
  const second = connect(door.port, door.host)
  await once(second, 'close')
})

test('a connection without requests is closed after a while', async () => {
  const { client } = await start({ idleTimeout: 20 })
  await once(client.socket, 'close')
})
