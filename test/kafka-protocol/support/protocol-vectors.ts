// Messages as Kafka's own classes write and read them (tools/kafka/ProtocolVectors.java).
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect } from 'vitest'
import type { Api } from '../../../src/kafka/protocol/api.ts'
import { apiOfKey } from '../../../src/kafka/apis/table.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../../src/kafka/protocol/messages.ts'

export const CORRELATION_ID = 4711
export const CLIENT_ID = 'vectors'

/** `frame`: without its length. `values`: bytes and records as base64. */
export interface MessageVector {
  readonly kind: 'request' | 'response'
  readonly version: number
  readonly filling: 'initial' | 'full' | 'empty' | 'extreme' | 'unknown tags'
  readonly frame: Buffer
  readonly values: unknown
}

export interface ApiVectors {
  readonly key: number
  readonly name: string
  readonly versions: readonly [number, number]
  readonly advertised: readonly [number, number]
  readonly messages: readonly MessageVector[]
}

interface Stored { readonly apis: (Omit<ApiVectors, 'messages'> & { readonly messages: (Omit<MessageVector, 'frame'> & { readonly frame: string })[] })[] }

const stored = JSON.parse(gunzipSync(readFileSync(new URL('../../fixtures/kafka-protocol.json.gz', import.meta.url))).toString()) as Stored

export const kafkasApis: readonly ApiVectors[] = stored.apis.map(api => ({
  ...api, messages: api.messages.map(message => ({ ...message, frame: Buffer.from(message.frame, 'base64') })),
}))

export function ourApi(key: number): Api {
  const api = apiOfKey(key)
  expect(api, `API ${key}`).toBeDefined()
  return api!
}

export function decode(api: Api, { kind, version }: MessageVector, frame: Buffer): object {
  return kind === 'request' ? decodeRequest(api, frame).body : decodeResponse(api, version, frame).body
}

/** Without its length, in one piece. */
export function encode(api: Api, { kind, version }: MessageVector, body: object): Buffer {
  const parts = kind === 'request' ? encodeRequest(api, version, CORRELATION_ID, CLIENT_ID, body) : encodeResponse(api, version, CORRELATION_ID, body)
  const bytes = Buffer.concat(parts)
  expect(bytes.readInt32BE(0), 'its length').toBe(bytes.length - 4)
  return bytes.subarray(4)
}

/** As the vectors have values. */
export function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}
