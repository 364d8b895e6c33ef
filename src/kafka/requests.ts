// From a frame to the parts of its answer: finds the API, decodes, lets its handler answer, encodes.
//
// What a handler throws is told in the answer; a mistake of ours is told to the log's listeners as well. What can't be
// decoded, or is of an API that is not spoken here, ends the connection, as with Kafka: no answer would be understood.
// Only ApiVersions of a version that is not known is answered: in version 0, which every client reads.
import { UsageError } from '../base/errors.ts'
import { apiVersions } from './apis/18-api-versions.ts'
import type { Connection } from './connection.ts'
import type { RequestFaults } from './request-faults.ts'
import { KAFKA_ERRORS, errorCodeOf, kafkaErrorOf, messageOf } from './kafka-errors.ts'
import type { Call, DoorParts, Handler, Route } from './handlers/handler.ts'
import { apiRanges } from './handlers/18-api-versions.ts'
import { isUnderstood, type Api } from './protocol/api.ts'
import { decodeRequest, encodeResponse, readRequestStart, type RequestStart } from './protocol/messages.ts'
import { ProtocolError } from './protocol/protocol-error.ts'

type Parts = readonly Buffer[]

const NO_ANSWER: Parts = []

export class Requests {
  readonly #door: DoorParts
  readonly #routes: ReadonlyMap<number, Route>
  readonly #faults: RequestFaults

  constructor(door: DoorParts, routes: readonly Route[], faults: RequestFaults) {
    this.#door = door
    this.#routes = new Map(routes.map(each => [each.api.key, each]))
    this.#faults = faults
  }

  answer(frame: Buffer, node: number, connection: Connection, proceed: () => void): Parts | Promise<Parts> {
    const start = readRequestStart(frame)
    const known = this.#routes.get(start.apiKey)
    if (known === undefined) throw unknownApi(start)
    const { api, handler } = known
    if (!isUnderstood(api, start.apiVersion)) return unknownVersion(api, start)
    const { clientId, body } = decodeRequest(api, frame)
    const call: Call = { door: this.#door, version: start.apiVersion, clientId, clientHost: `/${connection.host}`, node, connection, proceed }
    const fault = this.#faults.take(api, connection)
    if (fault === undefined) return this.#handle(api, handler, body, call, start)
    return fault.then(errorCode => errorCode === undefined ? this.#handle(api, handler, body, call, start)
      : encodeResponse(api, start.apiVersion, start.correlationId, handler.refuse(body, errorCode, 'asked for by a test', start.apiVersion)))
  }

  #handle(api: Api, handler: Handler<Api>, body: Parameters<Handler<Api>['handle']>[0], call: Call, { apiVersion, correlationId }: RequestStart): Parts | Promise<Parts> {
    const refused = (error: unknown): Parts => {
      if (call.connection.closed) return NO_ANSWER
      this.#tellMistake(api, error)
      return encodeResponse(api, apiVersion, correlationId, handler.refuse(body, errorCodeOf(error), messageOf(error), apiVersion))
    }
    try {
      const answer = handler.handle(body, call)
      if (!(answer instanceof Promise)) return answer === undefined ? NO_ANSWER : encodeResponse(api, apiVersion, correlationId, answer)
      return answer.then(ready => ready === undefined || call.connection.closed ? NO_ANSWER : encodeResponse(api, apiVersion, correlationId, ready)).catch(refused)
    } catch (error) {
      return refused(error)
    }
  }

  #tellMistake(api: Api, cause: unknown): void {
    if (kafkaErrorOf(cause) !== 'UNKNOWN_SERVER_ERROR') return
    const error = new UsageError('REQUEST_FAILED', `a ${api.name} request failed: ${messageOf(cause)}`, { hint: 'this is a mistake of millrace: please report it', cause })
    this.#door.log.events.emit('error', { error })
  }
}

function unknownApi({ apiKey, apiVersion }: RequestStart): ProtocolError {
  return new ProtocolError('PROTOCOL_UNSUPPORTED_VERSION', `a request of API ${apiKey}, version ${apiVersion}, which is not spoken here`, {
    hint: 'An ApiVersions request tells which APIs are.', details: { apiKey, apiVersion },
  })
}

function unknownVersion(api: Api, { apiVersion, correlationId }: RequestStart): Parts {
  if (api.key !== apiVersions.key) {
    throw new ProtocolError('PROTOCOL_UNSUPPORTED_VERSION', `a ${api.name} request of version ${apiVersion}: understood are ${api.versions.min} to ${api.versions.max}`, {
      hint: 'An ApiVersions request tells which versions are.', details: { api: api.name, version: apiVersion },
    })
  }
  return encodeResponse(apiVersions, 0, correlationId, { errorCode: KAFKA_ERRORS.UNSUPPORTED_VERSION, apiKeys: apiRanges() })
}
