// A broker that clients know of: a port, or a Unix socket, and who is connected there. There is one, unless a test asks for
// several to pretend; those it may stop and start again, on the same port.
import { once } from 'node:events'
import { createServer, type AddressInfo, type ListenOptions, type Server, type Socket } from 'node:net'
import { ClosedError, UsageError } from '../base/errors.ts'
import { removeStaleSocket } from '../platform/unix-socket.ts'
import type { Connection } from './connection.ts'
import type { ListenSettings } from './listen-options.ts'

/** Of a Unix socket, where no port is given: some clients check it, though they connect to the path. */
const PORT_OF_SOCKETS = 9092
const NOT_OUR_ADDRESS = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN']

export interface BrokerParts {
  readonly settings: ListenSettings
  /** undefined: it was turned away. */
  readonly connect: (socket: Socket, broker: Broker) => Connection | undefined
  readonly onUp: (broker: Broker, isUp: boolean) => void
  /** A client could not be let in: no descriptors are left. */
  readonly onRefused: (error: Error) => void
}

export class Broker {
  readonly nodeId: number
  readonly #parts: BrokerParts
  readonly #connections = new Set<Connection>()
  #server: Server | undefined
  #port: number
  #changes: Promise<unknown> = Promise.resolve()
  #closed = false

  /** @internal */
  constructor(nodeId: number, parts: BrokerParts) {
    const { port, socket } = parts.settings
    this.nodeId = nodeId
    this.#parts = parts
    this.#port = port !== 0 ? port + nodeId : socket === undefined ? 0 : PORT_OF_SOCKETS
  }

  /** As clients are told. */
  get host(): string { return this.#parts.settings.advertisedHost ?? this.#parts.settings.host }
  get port(): number {
    const { advertisedPort } = this.#parts.settings
    return advertisedPort === undefined ? this.#port : advertisedPort + this.nodeId
  }

  get isUp(): boolean { return this.#server !== undefined }

  /** As if its process had died: connections are cut, and what it led is with the others. Idempotent. */
  async stop(): Promise<void> {
    await this.#change(() => this.#stop())
  }

  /** It is back, and leads what it led. Idempotent. */
  async start(): Promise<void> {
    await this.#change(() => this.#start())
  }

  /** @internal */
  disconnect(): void {
    for (const connection of [...this.#connections]) connection.end()
  }

  /** @internal */
  forget(connection: Connection): void {
    this.#connections.delete(connection)
  }

  /** For good. @internal */
  async close(): Promise<void> {
    this.#closed = true
    this.disconnect()
    await this.stop()
  }

  /** One after the other. */
  #change(work: () => Promise<void>): Promise<void> {
    const change = this.#changes.then(work)
    this.#changes = change.catch(() => { /* its caller has it */ })
    return change
  }

  async #start(): Promise<void> {
    if (this.#closed) throw new ClosedError('DOOR_CLOSED', 'the door was closed', { hint: 'listen() opens another one' })
    if (this.#server !== undefined) return
    const { host, socket } = this.#parts.settings
    const server = createServer(connected => { this.#connect(connected) })
    const address = await bind(server, socket === undefined ? { host, port: this.#port } : { path: socket })
    server.on('error', this.#parts.onRefused)
    this.#port = address?.port ?? this.#port
    this.#server = server
    this.#parts.onUp(this, true)
  }

  async #stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#parts.onUp(this, false)
    const closed = once(server, 'close')
    server.close()
    this.disconnect()
    await closed
  }

  #connect(socket: Socket): void {
    const connection = this.#server === undefined ? undefined : this.#parts.connect(socket, this)
    if (connection === undefined) socket.destroy()
    else this.#connections.add(connection)
  }
}

async function bind(server: Server, where: ListenOptions): Promise<AddressInfo | undefined> {
  try {
    await listening(server, where)
  } catch (cause) {
    const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
    if (!isTaken || where.path === undefined || !await removeStaleSocket(where.path)) throw listenFailed(where, cause, isTaken)
    await listening(server, where).catch((again: unknown) => { throw listenFailed(where, again, false) })
  }
  const address = server.address()
  return address === null || typeof address === 'string' ? undefined : address
}

async function listening(server: Server, where: ListenOptions): Promise<void> {
  server.listen(where)
  await once(server, 'listening')
}

function listenFailed({ path, host, port }: ListenOptions, cause: unknown, isTaken: boolean): UsageError {
  const place = path ?? `${host}:${port}`
  const hint = path === undefined ? portHint(cause) : isTaken ? 'another process listens there, or it is no socket: choose another path' : 'its directory has to be there, and to be writable'
  return new UsageError('LISTEN_FAILED', `listen: can't listen on ${place}: ${(cause as Error).message}`, { hint, details: { place }, cause })
}

function portHint(cause: unknown): string {
  const isNotOurs = NOT_OUR_ADDRESS.includes((cause as NodeJS.ErrnoException).code ?? '')
  return isNotOurs ? "host is an address of this machine, or '0.0.0.0' for all it has; what clients are told is advertisedHost" : 'choose another port, or 0 for one that is free'
}
