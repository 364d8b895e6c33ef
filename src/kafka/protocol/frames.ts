// Takes whole frames out of the chunks in which a connection's bytes arrive: int32 length · as many bytes.
//
// Nothing is set aside for a length that is only announced: chunks are held as they came until the frame is whole, then
// joined once; a frame within one chunk is a view of it. So what is held is at most one frame and a chunk.
import { LENGTH_BYTES } from './messages.ts'
import { ProtocolError } from './protocol-error.ts'

export class FrameSplitter {
  readonly #maxFrameBytes: number
  #chunks: Buffer[] = []
  #held = 0
  /** Of the frame that is under way, once that is known. */
  #frameBytes: number | undefined

  /** `maxFrameBytes`: Kafka's socket.request.max.bytes. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes
  }

  /** The frames that are whole now, without their lengths. After an error the connection is of no more use. */
  *take(chunk: Buffer): Generator<Buffer, void> {
    this.#hold(chunk)
    while (this.#held >= (this.#frameBytes ?? LENGTH_BYTES)) {
      const held = this.#release()
      if (this.#frameBytes === undefined) {
        this.#frameBytes = this.#limited(held.readInt32BE(0))
        this.#hold(held.subarray(LENGTH_BYTES))
      } else {
        const frame = held.subarray(0, this.#frameBytes)
        this.#hold(held.subarray(this.#frameBytes))
        this.#frameBytes = undefined
        yield frame
      }
    }
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#held += bytes.length
  }

  #release(): Buffer {
    const [first] = this.#chunks
    const held = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#held)
    this.#chunks = []
    this.#held = 0
    return held
  }

  #limited(bytes: number): number {
    if (bytes >= 0 && bytes <= this.#maxFrameBytes) return bytes
    throw new ProtocolError('PROTOCOL_FRAME_SIZE', `a request announces ${bytes} bytes, allowed are 0 to ${this.#maxFrameBytes}`, {
      hint: 'Either the other end does not speak Kafka\'s protocol (TLS and HTTP look like this), or it sends too much at once.', details: { bytes, maxFrameBytes: this.#maxFrameBytes },
    })
  }
}
