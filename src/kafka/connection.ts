// One client's connection: its bytes become requests, handled one after the other, and answers go out in the order of the
// requests. What can't be told apart any more ends the connection.
//
//   slots      answers that are owed, in the order of their requests; a slot that is filled waits for those before it
//   waiting    requests that have arrived and not begun
//   held       the bytes of all that are not answered
//
// Bounded: the socket is not read while much waits or is held, and no request begins while the client does not take its answers.
import type { Socket } from 'node:net'
import { Slices } from '../platform/slices.ts'
import { FrameSplitter } from './protocol/frames.ts'
import type { CallingConnection } from './calling-connection.ts'

/** Requests that were begun and are not answered, at most. Kafka's clients have five on the way. */
const MAX_SLOTS = 100
/** The socket is read on when fewer wait. */
const MAX_WAITING = 10
/** The same for the bytes of requests: so much, and one more request, are in memory. */
const MAX_HELD_BYTES = 16 * 1024 * 1024
/** Answers that the client has not taken yet: no request begins beyond that. */
const MAX_UNSENT_BYTES = 8 * 1024 * 1024

export interface ConnectionParts {
  readonly maxRequestBytes: number
  /**
   * Answers a request: the parts of a frame, none for no answer. Calls `proceed` when the next one may begin, if that is
   * before it is answered. Throws, or rejects, where the connection can't go on.
   */
  readonly answer: (frame: Buffer, connection: Connection, proceed: () => void) => readonly Buffer[] | Promise<readonly Buffer[]>
  /** `error`: why it could not go on; undefined where nothing was wrong. */
  readonly onEnd: (connection: Connection, error: unknown) => void
}

interface Slot { readonly requestBytes: number; parts: readonly Buffer[] | undefined }

export class Connection implements CallingConnection {
  readonly host: string
  readonly #socket: Socket
  readonly #parts: ConnectionParts
  readonly #splitter: FrameSplitter
  readonly #slots: Slot[] = []
  #waiting: Buffer[] = []
  #heldBytes = 0
  #slices = new Slices()
  #busy = false
  #closed = false
  readonly #onClosed = new Set<() => void>()

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket
    this.#parts = parts
    this.#splitter = new FrameSplitter(parts.maxRequestBytes)
    this.host = socket.remoteAddress ?? 'localhost'
    socket.setNoDelay(true)
    socket.on('data', chunk => { this.#take(chunk) })
    socket.on('drain', () => { this.#run() })
    socket.on('error', () => { /* 'close' follows */ })
    socket.on('close', () => { this.end() })
  }

  get closed(): boolean { return this.#closed }

  onClosed(callback: () => void): () => void {
    if (this.#closed) callback()
    else this.#onClosed.add(callback)
    return () => this.#onClosed.delete(callback)
  }

  /** Nothing is on the way, or only what the client does not take. */
  get isIdle(): boolean { return this.#socket.writableLength > 0 || this.#slots.length === 0 && this.#waiting.length === 0 }

  /** At once; what is under way is answered to nobody. Idempotent. */
  end(error?: unknown): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting = []
    this.#slots.length = 0
    this.#socket.destroy()
    this.#parts.onEnd(this, error)
    const callbacks = [...this.#onClosed]
    this.#onClosed.clear()
    for (const callback of callbacks) callback()
  }

  #take(chunk: Buffer): void {
    this.#slices = new Slices()
    try {
      for (const frame of this.#splitter.take(chunk)) {
        this.#waiting.push(frame)
        this.#heldBytes += frame.length
      }
    } catch (error) {
      this.end(error)
      return
    }
    this.#run()
  }

  #run(): void {
    while (this.#waiting.length > 0 && !this.#busy && this.#slots.length < MAX_SLOTS && this.#socket.writableLength < MAX_UNSENT_BYTES) {
      if (this.#slices.due()) this.#pause()
      else this.#begin(this.#waiting.shift()!)
    }
    if (this.#closed) return
    if (this.#waiting.length >= MAX_WAITING || this.#heldBytes >= MAX_HELD_BYTES) this.#socket.pause()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  /** Others get their turn: a chunk may hold thousands of requests. */
  #pause(): void {
    this.#busy = true
    void this.#slices.pause().then(() => {
      this.#busy = false
      this.#run()
    })
  }

  #begin(frame: Buffer): void {
    const slot: Slot = { requestBytes: frame.length, parts: undefined }
    this.#slots.push(slot)
    this.#busy = true
    let hasProceeded = false
    const release = (): void => {
      if (hasProceeded) return
      hasProceeded = true
      this.#busy = false
    }
    try {
      const answer = this.#parts.answer(frame, this, () => {
        release()
        this.#run()
      })
      if (!(answer instanceof Promise)) {
        release()
        this.#fill(slot, answer)
        return
      }
      answer.then(parts => {
        release()
        this.#fill(slot, parts)
        this.#run()
      }).catch((error: unknown) => { this.end(error) })
    } catch (error) {
      this.end(error)
    }
  }

  #fill(slot: Slot, parts: readonly Buffer[]): void {
    if (this.#closed) return
    slot.parts = parts
    if (slot === this.#slots[0]) this.#flush()
  }

  #flush(): void {
    this.#socket.cork()
    for (let first = this.#slots[0]; first?.parts !== undefined; first = this.#slots[0]) {
      this.#slots.shift()
      this.#heldBytes -= first.requestBytes
      for (const part of first.parts) this.#socket.write(part)
    }
    this.#socket.uncork()
  }
}
