// The headers of one stored record: names with bytes, in order, repeated names kept.
import type { RecordHeaders } from './log-record.ts'

const utf8 = new TextDecoder('utf-8')

export class StoredHeaders implements RecordHeaders {
  readonly #entries: readonly (readonly [name: string, value: Uint8Array | null])[]

  constructor(entries: readonly (readonly [name: string, value: Uint8Array | null])[]) {
    this.#entries = entries
  }

  get size(): number { return this.#entries.length }

  /** The last header of that name; undefined when there is none. */
  get(name: string): Uint8Array | null | undefined {
    return this.#entries.findLast(entry => entry[0] === name)?.[1]
  }

  text(name: string): string | null | undefined {
    const value = this.get(name)
    return value instanceof Uint8Array ? utf8.decode(value) : value
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: Uint8Array | null]> {
    return this.#entries[Symbol.iterator]()
  }

  /** Pairs of name and text. */
  toJSON(): [string, string | null][] {
    return this.#entries.map(([name, value]) => [name, value === null ? null : utf8.decode(value)])
  }

  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return this.toJSON()
  }

  /** A deep comparison asks for this first. Only the empty headers are equal to `{}`. */
  get [Symbol.toStringTag](): string | undefined {
    return this.size === 0 ? undefined : 'RecordHeaders'
  }
}

export const noHeaders = new StoredHeaders([])
