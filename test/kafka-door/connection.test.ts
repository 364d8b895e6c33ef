// A connection: requests are handled one after the other and answered in their order, whatever takes long; nothing grows
// without bound.
import { once } from 'node:events'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Connection, type ConnectionParts } from '../../src/kafka/connection.ts'

const opened: (() => void)[] = []
afterEach(() => { for (const close of opened.splice(0).reverse()) close() })

interface Pair { readonly client: Socket; readonly connection: Connection; readonly ended: { error: unknown }[] }

async function pair(answer: ConnectionParts['answer'], maxRequestBytes = 1024 * 1024): Promise<Pair> {
  const ended: { error: unknown }[] = []
  const server: Server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  const client = connect(address.port, '127.0.0.1')
  const [socket] = await once(server, 'connection') as [Socket]
  const connection = new Connection(socket, { maxRequestBytes, answer, onEnd: (_connection, error) => { ended.push({ error }) } })
  opened.push(() => { server.close() }, () => { client.destroy() }, () => { connection.end() })
  return { client, connection, ended }
}

/** A frame of one byte. */
function frame(value: number): Buffer {
  return Buffer.from([0, 0, 0, 1, value])
}

async function received(client: Socket, count: number): Promise<number[]> {
  const values: number[] = []
  client.on('data', chunk => { values.push(...chunk) })
  while (values.length < count) await once(client, 'data')
  return values
}

test('answers go out in the order of the requests, though a later one is done first', async () => {
  const done = new Map<number, () => void>()
  const { client } = await pair((request, _connection, proceed) => {
    proceed()
    return new Promise(resolve => { done.set(request[0]!, () => { resolve([Buffer.from([request[0]!])]) }) })
  })
  client.write(Buffer.concat([frame(1), frame(2), frame(3)]))
  while (done.size < 3) await new Promise(resolve => { setImmediate(resolve) })
  for (const value of [3, 2, 1]) done.get(value)!()
  expect(await received(client, 3)).toEqual([1, 2, 3])
})

test('a request begins when the one before it is answered, or has let it proceed', async () => {
  const begun: number[] = []
  let finish = (): void => {}
  const { client } = await pair(request => {
    begun.push(request[0]!)
    return request[0] === 1 ? new Promise(resolve => { finish = () => { resolve([Buffer.from([1])]) } }) : [Buffer.from([request[0]!])]
  })
  client.write(Buffer.concat([frame(1), frame(2)]))
  while (begun.length < 1) await new Promise(resolve => { setImmediate(resolve) })
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => { setImmediate(resolve) })
  expect(begun).toEqual([1])
  finish()
  expect(await received(client, 2)).toEqual([1, 2])
})

test('a request without an answer holds up no other', async () => {
  const { client } = await pair(request => request[0] === 2 ? [] : [Buffer.from([request[0]!])])
  client.write(Buffer.concat([frame(1), frame(2), frame(3)]))
  expect(await received(client, 2)).toEqual([1, 3])
})

test('a client that sends and never reads is not read from without end', async () => {
  const large = Buffer.alloc(1024 * 1024, 7)
  let begun = 0
  const { client } = await pair(() => {
    begun++
    return [large]
  })
  client.pause()
  for (let i = 0; i < 300; i++) client.write(frame(1))
  for (let last = -1; last !== begun;) {
    last = begun
    for (let turn = 0; turn < 200; turn++) await new Promise(resolve => { setImmediate(resolve) })
  }
  expect(begun).toBeLessThan(100)
  client.resume()
  let bytes = 0
  client.on('data', chunk => { bytes += chunk.length })
  while (bytes < 300 * large.length) await once(client, 'data')
  expect(begun).toBe(300)
})

test('what can not be handled ends the connection, and is told', async () => {
  const { client, ended } = await pair(() => { throw new Error('no') })
  client.write(frame(1))
  await once(client, 'close')
  expect(ended).toEqual([{ error: new Error('no') }])
})

test('a request that is announced too large ends the connection before it is read', async () => {
  const { client, ended } = await pair(() => [], 100)
  client.write(Buffer.from([0, 0, 1, 0]))
  await once(client, 'close')
  expect(ended).toMatchObject([{ error: { code: 'PROTOCOL_FRAME_SIZE' } }])
})

test('who waits for an answer is told that nobody does any more', async () => {
  const told: string[] = []
  const { client, connection } = await pair((_request, from) => new Promise(() => { from.onClosed(() => { told.push('waiting') }) }))
  client.write(frame(1))
  while (connection.isIdle) await new Promise(resolve => { setImmediate(resolve) })
  client.destroy()
  while (told.length === 0) await new Promise(resolve => { setImmediate(resolve) })
  connection.onClosed(() => { told.push('late') })
  expect([told, connection.closed]).toEqual([['waiting', 'late'], true])
})

test('thousands of requests in one chunk hold up nobody else', async () => {
  let turn = 0
  let isDone = false
  const count = (): void => {
    turn++
    if (!isDone) setImmediate(count)
  }
  const turns = new Set<number>()
  const { client } = await pair(() => {
    turns.add(turn)
    for (const until = performance.now() + 0.05; performance.now() < until;);
    return [Buffer.from([1])]
  })
  count()
  client.write(Buffer.concat(Array.from({ length: 2000 }, () => frame(1))))
  await received(client, 2000)
  isDone = true
  expect(turns.size).toBeGreaterThan(5)
})

test('a client that does not take its answers counts as idle, one whose request is under way does not', async () => {
  const { client, connection } = await pair(request => request[0] === 1 ? [Buffer.alloc(16 * 1024 * 1024)] : new Promise(() => { /* for ever */ }))
  expect(connection.isIdle).toBe(true)
  client.write(frame(2))
  while (connection.isIdle) await new Promise(resolve => { setImmediate(resolve) })
  const slow = await pair(() => [Buffer.alloc(16 * 1024 * 1024)])
  slow.client.pause()
  let begun = 0
  slow.client.write(Buffer.concat([frame(1), frame(1), frame(1)]))
  while (begun++ < 200) await new Promise(resolve => { setImmediate(resolve) })
  expect([connection.isIdle, slow.connection.isIdle]).toEqual([false, true])
})

test('requests that wait for their answers are held up to a limit of bytes', async () => {
  const finish: (() => void)[] = []
  const { client } = await pair((_request, _connection, proceed) => {
    proceed()
    return new Promise(resolve => { finish.push(() => { resolve([Buffer.from([1])]) }) })
  }, 8 * 1024 * 1024)
  const large = Buffer.alloc(4 + 4 * 1024 * 1024)
  large.writeInt32BE(large.length - 4, 0)
  for (let i = 0; i < 20; i++) client.write(large)
  for (let last = -1; last !== finish.length || last === 0;) {
    last = finish.length
    for (let turn = 0; turn < 200; turn++) await new Promise(resolve => { setImmediate(resolve) })
  }
  expect(finish.length).toBeLessThan(7)
  for (let answered = 0; answered < 20; answered++) {
    while (finish.length === answered) await new Promise(resolve => { setImmediate(resolve) })
    finish[answered]!()
  }
  expect(await received(client, 20)).toHaveLength(20)
})
