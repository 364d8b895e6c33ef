// A Kafka client of our own over the codecs: sends requests of any version on one connection, and reads their answers.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameSplitter } from '../../../src/kafka/protocol/frames.ts'
import type { Api } from '../../../src/kafka/protocol/api.ts'
import type { Decoded, Encodable, Fields } from '../../../src/kafka/protocol/field.ts'
import { decodeResponse, encodeRequest } from '../../../src/kafka/protocol/messages.ts'

interface Door { readonly host: string; readonly port: number }

const MAX_FRAME_BYTES = 256 * 1024 * 1024

export class WireClient {
  readonly socket: Socket
  readonly #splitter = new FrameSplitter(MAX_FRAME_BYTES)
  #next = 1
  readonly #waiting: { readonly resolve: (frame: Buffer) => void; readonly reject: (error: Error) => void }[] = []
  readonly clientId: string

  private constructor(socket: Socket, clientId: string) {
    this.socket = socket
    this.clientId = clientId
    socket.on('data', chunk => { for (const frame of this.#splitter.take(chunk)) this.#waiting.shift()?.resolve(frame) })
    socket.on('error', () => { /* 'close' follows */ })
    socket.on('close', () => { for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection was closed')) })
  }

  static async connect({ host, port }: Door, clientId = 'wire-client'): Promise<WireClient> {
    const socket = connect(port, host)
    await once(socket, 'connect')
    return new WireClient(socket, clientId)
  }

  /** Answers come in the order of the requests, so several may be sent without waiting. */
  async ask<Request extends Fields, Response extends Fields>(api: Api<Request, Response>, version: number, body: Encodable<Request>): Promise<Decoded<Response>> {
    const correlationId = this.#next++
    const answer = this.#answer()
    this.write(encodeRequest(api, version, correlationId, this.clientId, body))
    const { correlationId: answered, body: response } = decodeResponse(api, version, await answer)
    if (answered !== correlationId) throw new Error(`answer ${answered} to request ${correlationId}`)
    return response
  }

  /** A request that is not answered: Produce with acks 0. */
  send<Request extends Fields>(api: Api<Request>, version: number, body: Encodable<Request>): void {
    this.write(encodeRequest(api, version, this.#next++, this.clientId, body))
  }

  /** Bytes as they are, and the next frame that comes. */
  async exchange(bytes: Buffer): Promise<Buffer> {
    const answer = this.#answer()
    this.write([bytes])
    return await answer
  }

  write(parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  async close(): Promise<void> {
    if (this.socket.closed) return
    this.socket.destroy()
    await once(this.socket, 'close')
  }

  #answer(): Promise<Buffer> {
    return new Promise((resolve, reject) => { this.#waiting.push({ resolve, reject }) })
  }
}

