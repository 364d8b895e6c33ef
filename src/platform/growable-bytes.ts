// A file's content in memory: one small block that doubles up to CHUNK_BYTES, then whole chunks, so that small files
// stay small, large ones are never copied to grow, and an append of 100 bytes is one copy.
// Invariant: every byte below `length` was written or is zero; the chunks hold at least `length` bytes.

const CHUNK_BYTES = 64 * 1024
const FIRST_BYTES = 512

export class GrowableBytes {
  #chunks: Uint8Array[] = []
  #length = 0

  get length(): number { return this.#length }

  /** Fills target from position as far as the content goes; returns the count of bytes read. */
  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.#length - position))
    for (let done = 0; done < count;) {
      const at = position + done
      const from = at % CHUNK_BYTES
      const some = Math.min(count - done, CHUNK_BYTES - from)
      target.set(this.#chunk(at).subarray(from, from + some), done)
      done += some
    }
    return count
  }

  /** Grows with zeros up to position where that lies beyond the end. */
  write(source: Uint8Array, position: number): void {
    const end = position + source.length
    if (position > this.#length) this.resize(position)
    if (end > this.#length) {
      this.#reserve(end)
      this.#length = end
    }
    const from = position % CHUNK_BYTES
    if (from + source.length <= CHUNK_BYTES) {
      if (source.length > 0) this.#chunk(position).set(source, from)
      return
    }
    for (let done = 0; done < source.length;) {
      const at = (position + done) % CHUNK_BYTES
      const some = Math.min(source.length - done, CHUNK_BYTES - at)
      this.#chunk(position + done).set(source.subarray(done, done + some), at)
      done += some
    }
  }

  /** Cuts, or grows with zeros. */
  resize(length: number): void {
    const old = this.#length
    this.#reserve(length)
    this.#length = length
    if (length > old) this.#clear(old, length)
    else this.#chunks.length = Math.ceil(length / CHUNK_BYTES)
  }

  slice(start: number, end: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(end, this.#length) - start))
    this.read(bytes, start)
    return bytes
  }

  copy(): GrowableBytes {
    const copy = new GrowableBytes()
    copy.#chunks = this.#chunks.map(chunk => new Uint8Array(chunk))
    copy.#length = this.#length
    return copy
  }

  #chunk(position: number): Uint8Array {
    const chunk = this.#chunks[Math.floor(position / CHUNK_BYTES)]
    if (chunk === undefined) throw new RangeError(`no chunk at ${position} of ${this.#length} bytes`)
    return chunk
  }

  #reserve(length: number): void {
    const [first] = this.#chunks
    if (this.#chunks.length <= 1 && (first?.length ?? 0) < Math.min(length, CHUNK_BYTES)) {
      let bytes = Math.max(FIRST_BYTES, first?.length ?? 0)
      while (bytes < length && bytes < CHUNK_BYTES) bytes *= 2
      const grown = new Uint8Array(bytes)
      if (first !== undefined) grown.set(first)
      this.#chunks[0] = grown
    }
    // What is beyond the length is never read, so old bytes in there do no harm.
    while (this.#chunks.length * CHUNK_BYTES < length) this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES))
  }

  #clear(start: number, end: number): void {
    for (let at = start; at < end;) {
      const from = at % CHUNK_BYTES
      const some = Math.min(end - at, CHUNK_BYTES - from)
      this.#chunk(at).fill(0, from, from + some)
      at += some
    }
  }
}
