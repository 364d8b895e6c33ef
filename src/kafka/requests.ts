// From a frame to the parts of its answer: finds the API, decodes, lets its handler answer, encodes.
//
// What a handler throws is told in the answer; a mistake of ours is told to the log's listeners as well. What can't be
// decoded, or is of an API that is not spoken here, ends the connection, as with Kafka: no answer would be understood.
// Only ApiVersions of a version that is not known is answered: in version 0, which every client reads.
import { apiVersions } from './apis/18-api-versions.ts'
import type { Connection } from './connection.ts'
import type { RequestFaults } from './request-faults.ts'
import { KAFKA_ERRORS, errorCodeOf, messageOf } from './kafka-errors.ts'
import { tellMistake } from './mistakes.ts'
import type { Call, DoorParts, Handler, Route } from './handlers/handler.ts'
import { apiRanges } from './handlers/18-api-versions.ts'
import { isUnderstood, type Api, type ResponseOf } from './protocol/api.ts'
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
    return fault.then(errorCode => {
      if (connection.closed) return NO_ANSWER
      return errorCode === undefined ? this.#handle(api, handler, body, call, start) : refusal(api, handler.refuse(body, errorCode, 'asked for by a test', start.apiVersion), call, start)
    })
  }

  #handle(api: Api, handler: Handler<Api>, body: Parameters<Handler<Api>['handle']>[0], call: Call, start: RequestStart): Parts | Promise<Parts> {
    const { apiVersion, correlationId } = start
    const refused = (error: unknown): Parts => {
      if (call.connection.closed) return NO_ANSWER
      tellMistake(this.#door.log, api, error)
      return refusal(api, handler.refuse(body, errorCodeOf(error), messageOf(error), apiVersion), call, start)
    }
    try {
      const answer = handler.handle(body, call)
      if (!(answer instanceof Promise)) return answer === undefined ? NO_ANSWER : encodeResponse(api, apiVersion, correlationId, answer)
      return answer.then(ready => ready === undefined || call.connection.closed ? NO_ANSWER : encodeResponse(api, apiVersion, correlationId, ready)).catch(refused)
    } catch (error) {
      return refused(error)
    }
  }
}

function refusal(api: Api, answer: ResponseOf<Api> | undefined, { connection }: Call, { apiVersion, correlationId }: RequestStart): Parts {
  if (answer !== undefined) return encodeResponse(api, apiVersion, correlationId, answer)
  connection.end()
  return NO_ANSWER
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
