// What a handler of an API is, and what it is told: the request as decoded, who asks, and the parts of the door.
//
// A handler answers; `undefined` is no answer (Produce with acks 0). What concerns one topic or one group goes into the
// answer's own fields. What it throws is put into an answer by `refuse`: the same that a test's door.fail() asks for.
// Requests of one connection are handled one after the other, as Kafka does; `proceed` lets the next one begin before
// this one is answered. Answers go out in the order of the requests, whatever is done first.
import type { Coordinator } from '../../groups/coordinator.ts'
import type { OpenLog } from '../../log/open-log.ts'
import type { TransactionCoordinator } from '../../transactions/transaction-coordinator.ts'
import type { Brokers } from '../brokers.ts'
import type { CallingConnection } from '../calling-connection.ts'
import type { Fetches } from '../fetches.ts'
import type { ListenSettings } from '../listen-options.ts'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Topics } from '../topics.ts'

/** One for each door. Handlers keep nothing themselves: what outlives a request is in one of these. */
export interface DoorParts {
  readonly log: OpenLog
  readonly groups: Coordinator
  readonly transactions: TransactionCoordinator
  readonly settings: ListenSettings
  readonly brokers: Brokers
  readonly topics: Topics
  readonly fetches: Fetches
}

/** One for each request. */
export interface Call {
  readonly door: DoorParts
  readonly version: number
  readonly clientId: string | null
  /** As Kafka prints it: '/127.0.0.1'. */
  readonly clientHost: string
  /** Which of the pretended brokers was asked. */
  readonly node: number
  readonly connection: CallingConnection
  /** The connection's next request may begin. Without effect when called again, or once there is an answer. */
  readonly proceed: () => void
}

type Answer<A extends Api> = ResponseOf<A> | undefined

export interface Handler<A extends Api> {
  readonly handle: (request: RequestOf<A>, call: Call) => Answer<A> | Promise<Answer<A>>
  /** The whole request fails with that error, wherever its answer has room for it. undefined: nobody would read an answer, and the connection ends. */
  readonly refuse: (request: RequestOf<A>, errorCode: number, message: string, version: number) => Answer<A>
}

/** An API and what handles it, for the table. */
export interface Route { readonly api: Api; readonly handler: Handler<Api> }

export function route<A extends Api>(api: A, handler: Handler<A>): Route {
  return { api, handler: handler as unknown as Handler<Api> }
}
