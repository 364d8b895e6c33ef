import { describe, expect, test } from 'vitest'
import { decodeRequest, decodeResponse, readRequestStart } from '../../src/kafka/protocol/messages.ts'
import { CLIENT_ID, CORRELATION_ID, decode, encode, kafkasApis, ourApi, plain } from './support/protocol-vectors.ts'

describe.each(kafkasApis)("Kafka's own messages of $name", ({ key, versions, messages }) => {
  const api = ourApi(key)
  const told = (at: number): string => `${messages[at]!.kind} v${messages[at]!.version}, ${messages[at]!.filling}`

  test('are read as Kafka reads them, with the same value where a version has no such field', () => {
    messages.forEach((message, at) => { expect(plain(decode(api, message, message.frame)), told(at)).toEqual(message.values) })
  })

  test('are those that we write, byte for byte', () => {
    messages.forEach((message, at) => {
      if (message.filling === 'unknown tags') return
      expect(encode(api, message, decode(api, message, message.frame)).toString('hex'), told(at)).toBe(message.frame.toString('hex'))
    })
  })

  test('are written without the tagged fields that nobody knows', () => {
    messages.forEach((message, at) => {
      if (message.filling !== 'unknown tags') return
      const full = messages.find(({ kind, version, filling }) => kind === message.kind && version === message.version && filling === 'full')!
      expect(encode(api, message, decode(api, message, message.frame)).toString('hex'), told(at)).toBe(full.frame.toString('hex'))
    })
  })

  test('have headers as we read them', () => {
    for (const { kind, version, frame } of messages) {
      if (kind === 'request') {
        expect(readRequestStart(frame)).toEqual({ apiKey: key, apiVersion: version, correlationId: CORRELATION_ID })
        expect(decodeRequest(api, frame).clientId).toBe(CLIENT_ID)
      } else expect(decodeResponse(api, version, frame).correlationId).toBe(CORRELATION_ID)
    }
  })

  test('are there for every version, both ways, five each', () => {
    for (const kind of ['request', 'response']) {
      for (let version = versions[0]; version <= versions[1]; version++) {
        expect(new Set(messages.filter(message => message.kind === kind && message.version === version).map(({ filling }) => filling)).size).toBe(5)
      }
    }
  })
})
