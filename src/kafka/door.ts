// The door itself: what listens, who is connected, and the end of both. What is said on a connection is requests.ts.
import { createServer, type AddressInfo, type ListenOptions as NetListenOptions, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { UsageError } from '../base/errors.ts'
import type { Coordinator } from '../groups/coordinator.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { Brokers } from './brokers.ts'
import { Connection } from './connection.ts'
import type { DoorParts } from './handlers/handler.ts'
import { routes } from './handlers/table.ts'
import type { ListenSettings } from './listen-options.ts'
import { RequestFaults, type DelayOptions, type FailOptions } from './request-faults.ts'
import { Requests } from './requests.ts'
import { Topics } from './topics.ts'

export interface DoorLog {
  readonly log: OpenLog
  readonly groups: Coordinator
  readonly transactions: TransactionCoordinator
  /** Calls back before the log closes, or when it is made to crash. Returns what takes that back. */
  readonly onEnding: (callback: () => Promise<void>) => () => void
}

export class Door implements AsyncDisposable {
  readonly #parts: DoorParts
  readonly #servers: Server[] = []
  readonly #faults = new RequestFaults()
  readonly #requests: Requests
  readonly #connections = new Map<Connection, number>()
  #stopListening: () => void = () => {}
  #closing: Promise<void> | undefined

  private constructor({ log, groups, transactions }: DoorLog, settings: ListenSettings) {
    this.#parts = { log, groups, transactions, settings, brokers: new Brokers(log.id), topics: new Topics(log) }
    this.#requests = new Requests(this.#parts, routes, this.#faults)
  }

  /** @internal */
  static async open(from: DoorLog, settings: ListenSettings): Promise<Door> {
    const door = new Door(from, settings)
    try {
      await door.#listen(settings)
    } catch (error) {
      await door.close()
      throw error
    }
    door.#stopListening = from.onEnding(() => door.close())
    return door
  }

  /** What a client takes: 'host:port', of several brokers with commas between. */
  get bootstrap(): string { return this.#parts.brokers.up.map(({ host, port }) => `${host}:${port}`).join(',') }
  get host(): string { return this.#parts.brokers.controller.host }
  get port(): number { return this.#parts.brokers.controller.port }

  /** For tests: the next requests of that kind are answered with an error of Kafka's, and nothing else is done. */
  fail(options: FailOptions): void {
    this.#faults.fail(options)
  }

  /** For tests: the next requests are handled that much later. */
  delay(options: DelayOptions): void {
    this.#faults.delay(options)
  }

  /** For tests: every connection is cut. Clients may come back at once. */
  disconnect(): void {
    for (const connection of [...this.#connections.keys()]) connection.end()
  }

  /** Nobody is answered any more. The log stays open. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#stopListening()
    const closed = this.#servers.filter(({ listening }) => listening).map(async server => {
      server.close()
      await once(server, 'close')
    })
    this.disconnect()
    await Promise.all(closed)
  }

  async #listen(settings: ListenSettings): Promise<void> {
    const { host, port, brokers: count, advertisedHost = host, socket } = settings
    const up: { nodeId: number; host: string; port: number }[] = []
    for (let nodeId = 0; nodeId < count; nodeId++) {
      const server = createServer(connected => { this.#connect(connected, nodeId) })
      this.#servers.push(server)
      const address = await bind(server, socket === undefined ? { host, port: port === 0 ? 0 : port + nodeId } : { path: socket })
      up.push({ nodeId, host: advertisedHost, port: address?.port ?? port })
    }
    this.#parts.brokers.use(up)
  }

  #connect(socket: Socket, node: number): void {
    const { settings } = this.#parts
    if (this.#connections.size >= settings.maxConnections) {
      socket.destroy()
      return
    }
    const connection = new Connection(socket, {
      maxRequestBytes: settings.maxRequestBytes,
      answer: (frame, from, proceed) => this.#requests.answer(frame, node, from, proceed),
      onEnd: ended => { this.#connections.delete(ended) },
    })
    this.#connections.set(connection, node)
    socket.setTimeout(settings.idleTimeout, () => { if (connection.isIdle) connection.end() })
  }
}

async function bind(server: Server, where: NetListenOptions): Promise<AddressInfo | undefined> {
  try {
    server.listen(where)
    await once(server, 'listening')
    const address = server.address()
    return address === null || typeof address === 'string' ? undefined : address
  } catch (cause) {
    const place = where.path ?? `${where.host}:${where.port}`
    throw new UsageError('LISTEN_FAILED', `listen: can't listen on ${place}: ${(cause as Error).message}`, { hint: 'choose another port, or 0 for one that is free', details: { place }, cause })
  }
}
