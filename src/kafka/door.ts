// The door itself: its brokers, what a test may do to them, and the end of all. Who is connected is with broker.ts, what
// is said on a connection with requests.ts.
import type { Socket } from 'node:net'
import { MillraceError } from '../base/errors.ts'
import type { Coordinator } from '../groups/coordinator.ts'
import type { OpenLog } from '../log/open-log.ts'
import type { TransactionCoordinator } from '../transactions/transaction-coordinator.ts'
import { Broker, type BrokerParts } from './broker.ts'
import { Brokers } from './brokers.ts'
import { Connection } from './connection.ts'
import { Fetches } from './fetches.ts'
import type { DoorParts } from './handlers/handler.ts'
import { routes } from './handlers/table.ts'
import { messageOf } from './kafka-errors.ts'
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
  /** One, unless listen() was asked for more. */
  readonly brokers: readonly Broker[]
  /** The path of the Unix socket, if that is where the door is. */
  readonly socket: string | undefined
  readonly #parts: DoorParts
  readonly #faults = new RequestFaults()
  readonly #requests: Requests
  #connected = 0
  #stopListening: () => void = () => {}
  #closing: Promise<void> | undefined

  private constructor({ log, groups, transactions }: DoorLog, settings: ListenSettings) {
    const brokers = new Brokers(log.id)
    this.#parts = { log, groups, transactions, settings, brokers, topics: new Topics(log), fetches: new Fetches() }
    this.#requests = new Requests(this.#parts, routes, this.#faults)
    this.socket = settings.socket
    const parts: BrokerParts = {
      settings,
      connect: (socket, broker) => this.#connect(socket, broker),
      onUp: ({ nodeId }, isUp) => { brokers.setUp(nodeId, isUp) },
      onRefused: error => { log.events.emit('warning', { code: 'CLIENT_REFUSED', message: `a client was not let in: ${error.message}`, hint: 'raise the limit of open files, or lower maxConnections' }) },
    }
    this.brokers = Object.freeze(Array.from({ length: settings.brokers }, (_, nodeId) => new Broker(nodeId, parts)))
  }

  /** @internal */
  static async open(from: DoorLog, settings: ListenSettings): Promise<Door> {
    const door = new Door(from, settings)
    try {
      for (const broker of door.brokers) await broker.start()
    } catch (error) {
      await door.close()
      throw error
    }
    door.#parts.brokers.use(door.brokers.map(({ nodeId, host, port }) => ({ nodeId, host, port })))
    door.#stopListening = from.onEnding(() => door.close())
    return door
  }

  /** What a client takes: 'host:port', of several brokers with commas between. */
  get bootstrap(): string { return this.brokers.map(({ host, port }) => `${host}:${port}`).join(',') }
  get host(): string { return this.brokers[0]!.host }
  get port(): number { return this.brokers[0]!.port }

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
    for (const broker of this.brokers) broker.disconnect()
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
    await Promise.all(this.brokers.map(broker => broker.close()))
  }

  #connect(socket: Socket, broker: Broker): Connection | undefined {
    const { settings } = this.#parts
    if (this.#connected >= settings.maxConnections) return undefined
    this.#connected++
    const connection = new Connection(socket, {
      maxRequestBytes: settings.maxRequestBytes,
      answer: (frame, from, proceed) => this.#requests.answer(frame, broker.nodeId, from, proceed),
      onEnd: (ended, error) => {
        this.#connected--
        broker.forget(ended)
        this.#tellRefused(ended, error)
      },
    })
    socket.setTimeout(settings.idleTimeout, () => { if (connection.isIdle) connection.end() })
    return connection
  }

  /** What a client says that is not understood here ends its connection: it is told nothing, so whoever runs the log is. */
  #tellRefused({ host }: Connection, error: unknown): void {
    if (error === undefined) return
    const hint = error instanceof MillraceError ? error.hint : 'this is a mistake of millrace: please report it'
    this.#parts.log.events.emit('warning', { code: 'CLIENT_REFUSED', message: `the connection of a client on ${host} was closed: ${messageOf(error)}`, hint })
  }
}
