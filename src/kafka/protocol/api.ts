// One kind of request and its answer: key, name, versions, and what both are made of. src/kafka/apis/ has one for each.
//
// `versions` are those that are understood. `advertised` is the same, save for Produce: old clients look for versions there
// that Kafka itself names and refuses.
// encode and decode never see a version that is not understood: whoever calls has asked isUnderstood(), decodeRequest too.
import type { Codec, Decoded, Encodable, Fields } from './field.ts'
import { structCodec } from './struct-fields.ts'

/** Both inclusive. */
export interface VersionRange { readonly min: number; readonly max: number }

export interface ApiDescription<Request extends Fields, Response extends Fields> {
  readonly key: number
  /** Kafka's, without 'Request'. */
  readonly name: string
  readonly versions: readonly [min: number, max: number]
  readonly advertised?: readonly [min: number, max: number]
  /** The first flexible version; 'never'. */
  readonly flexibleFrom: number | 'never'
  readonly request: Request
  readonly response: Response
}

export interface Api<Request extends Fields = Fields, Response extends Fields = Fields> {
  readonly key: number
  readonly name: string
  readonly versions: VersionRange
  readonly advertised: VersionRange
  /** Infinity: no version is. */
  readonly flexibleFrom: number
  readonly request: Message<Request>
  readonly response: Message<Response>
}

export interface Message<F extends Fields> {
  readonly fields: F
  codec(version: number): Codec<Decoded<F>, Encodable<F>>
}

/** What a request of an API says, as its handler gets it. */
export type RequestOf<A extends Api> = A extends Api<infer Request, infer _Response> ? Decoded<Request> : never

/** What a handler answers. */
export type ResponseOf<A extends Api> = A extends Api<infer _Request, infer Response> ? Encodable<Response> : never

export function defineApi<const Request extends Fields, const Response extends Fields>(description: ApiDescription<Request, Response>): Api<Request, Response> {
  const { key, name, versions, advertised = versions, flexibleFrom, request, response } = description
  return {
    key, name, versions: range(versions), advertised: range(advertised), flexibleFrom: flexibleFrom === 'never' ? Infinity : flexibleFrom,
    request: { fields: request, codec: structCodec(request) },
    response: { fields: response, codec: structCodec(response) },
  }
}

export function isUnderstood(api: Api, version: number): boolean {
  return version >= api.versions.min && version <= api.versions.max
}

function range([min, max]: readonly [number, number]): VersionRange {
  return { min, max }
}
