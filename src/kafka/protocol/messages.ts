// Whole messages: header and body, as they stand in a frame behind its length.
//
//   request    int16 API key · int16 version · int32 correlation id · string client id or null · [tagged fields] · body
//   response   int32 correlation id · [tagged fields] · body
//
// Tagged fields are there in flexible versions. The client id is a string of the old kind in all of them, and the answer to
// ApiVersions never has tagged fields in its header: who asks does not know yet what is spoken here.
// A frame that can't be told apart gives a ProtocolError and nothing else. Byte positions in it count from the key.
import { assert } from '../../base/assert.ts'
import { PrimitiveReader, PrimitiveWriter } from '../../format/primitives.ts'
import { isUnderstood, type Api } from './api.ts'
import type { Decoded, Encodable, Fields } from './field.ts'
import { ProtocolError, malformed } from './protocol-error.ts'

export const LENGTH_BYTES = 4

/** In one message, of all arrays together. Far more than partitions that anybody names at once; about 64 MiB of small objects. */
export const MAX_ELEMENTS = 2 ** 20

const API_VERSIONS = 18
const EXPECTED_BYTES = 512

/** What all versions of a request begin with: enough to answer that its version is not understood. */
export interface RequestStart { readonly apiKey: number; readonly apiVersion: number; readonly correlationId: number }

export interface Request<F extends Fields> { readonly clientId: string | null; readonly body: Decoded<F> }

export interface Response<F extends Fields> { readonly correlationId: number; readonly body: Decoded<F> }

export function readRequestStart(frame: Buffer): RequestStart {
  return startOf(new PrimitiveReader(frame, (what, at) => malformed('a request', what, at)))
}

/**
 * `frame`: one whose start names that API. Bytes and records are views of it. What follows the last field is passed over,
 * as Kafka does: librdkafka 2.16 leaves 3 bytes behind a Metadata request for all topics.
 */
export function decodeRequest<F extends Fields>(api: Api<F>, frame: Buffer): Request<F> {
  const { apiVersion } = readRequestStart(frame)
  const { reader, isFlexible } = readerOf(api, apiVersion, 'request', frame)
  startOf(reader)
  const clientId = reader.nullableString('client id')
  reader.flexible = isFlexible
  reader.skipTaggedFields()
  return { clientId, body: api.request.codec(apiVersion).read(reader, api.name) }
}

/** With its length before it, to be written in this order. Records are among the parts as they were given. */
export function encodeResponse<F extends Fields>(api: Api<Fields, F>, version: number, correlationId: number, body: Encodable<F>): Buffer[] {
  const writer = new PrimitiveWriter(EXPECTED_BYTES)
  writer.int32(0)
  writer.int32(correlationId)
  writer.flexible = isFlexible(api, version)
  if (writer.flexible && api.key !== API_VERSIONS) writer.taggedFields([])
  api.response.codec(version).write(writer, body, api.name)
  return withLength(writer.finishParts())
}

/** As encodeResponse(), by a client. */
export function encodeRequest<F extends Fields>(api: Api<F>, version: number, correlationId: number, clientId: string | null, body: Encodable<F>): Buffer[] {
  const writer = new PrimitiveWriter(EXPECTED_BYTES)
  writer.int32(0)
  writer.int16(api.key)
  writer.int16(version)
  writer.int32(correlationId)
  writer.nullableString(clientId)
  writer.flexible = isFlexible(api, version)
  if (writer.flexible) writer.taggedFields([])
  api.request.codec(version).write(writer, body, api.name)
  return withLength(writer.finishParts())
}

/** As decodeRequest(), by a client: it knows what it asked. */
export function decodeResponse<F extends Fields>(api: Api<Fields, F>, version: number, frame: Buffer): Response<F> {
  const { reader, isFlexible } = readerOf(api, version, 'response', frame)
  const correlationId = reader.int32('correlation id')
  reader.flexible = isFlexible
  if (api.key !== API_VERSIONS) reader.skipTaggedFields()
  const body = api.response.codec(version).read(reader, api.name)
  reader.expectEnd()
  return { correlationId, body }
}

function startOf(reader: PrimitiveReader): RequestStart {
  return { apiKey: reader.int16('API key'), apiVersion: reader.int16('version'), correlationId: reader.int32('correlation id') }
}

function readerOf(api: Api, version: number, kind: 'request' | 'response', frame: Buffer): { reader: PrimitiveReader; isFlexible: boolean } {
  const subject = `a ${api.name} ${kind} of version ${version}`
  if (!isUnderstood(api, version)) {
    throw new ProtocolError('PROTOCOL_UNSUPPORTED_VERSION', `${subject}: understood are ${api.versions.min} to ${api.versions.max}`, {
      hint: 'An ApiVersions request tells which versions are.', details: { api: api.name, version, versions: api.versions },
    })
  }
  const reader = new PrimitiveReader(frame, (what, at) => malformed(subject, what, at))
  reader.elementsLeft = MAX_ELEMENTS
  return { reader, isFlexible: isFlexible(api, version) }
}

function isFlexible(api: Api, version: number): boolean {
  return version >= api.flexibleFrom
}

function withLength(parts: Buffer[]): Buffer[] {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0)
  const head = parts[0]
  assert(head !== undefined && head.length >= LENGTH_BYTES, 'a message begins with its length')
  head.writeInt32BE(bytes - LENGTH_BYTES, 0)
  return parts
}
