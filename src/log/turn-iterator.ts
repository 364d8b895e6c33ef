// An async iterator written by hand rather than as a generator, so that what is at hand costs one promise and nothing
// else (the benchmark 'read'). As with a generator, calls are answered in their order, and an error is the last thing
// that comes. While data never runs out it gives way to the event loop.
import type { Slices } from '../platform/slices.ts'

export abstract class TurnIterator<T> implements AsyncIterableIterator<T> {
  readonly #slices: Slices
  /** Calls whose answer takes a fetch, or that wait behind one: while there are any, calls that come queue up too. */
  #inTurn = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(slices: Slices) {
    this.#slices = slices
  }

  /** What comes next, where nothing has to be waited for. */
  protected abstract atHand(): IteratorResult<T> | undefined

  /** Asked when nothing is at hand. */
  protected abstract fetch(): Promise<IteratorResult<T>>

  /** Nothing more is wanted. A fetch under way says that it has ended. */
  protected abstract end(): void

  [Symbol.asyncIterator](): this { return this }

  next(): Promise<IteratorResult<T>> {
    const tired = this.#slices.due()
    if (tired || this.#inTurn > 0) return this.#nextInTurn(tired)
    try {
      const result = this.atHand()
      return result === undefined ? this.#nextInTurn(false) : Promise.resolve(result)
    } catch (error) {
      this.end()
      return Promise.reject(error as Error)
    }
  }

  return(): Promise<IteratorResult<T>> {
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  #nextInTurn(tired: boolean): Promise<IteratorResult<T>> {
    const next = this.#inTurn++ === 0 ? this.#answer(tired) : this.#tail.then(() => this.#answer(tired))
    this.#tail = next.catch(() => { /* the caller has it */ })
    return next
  }

  async #answer(tired: boolean): Promise<IteratorResult<T>> {
    try {
      if (tired) await this.#slices.pause()
      return this.atHand() ?? await this.fetch()
    } catch (error) {
      this.end()
      throw error
    } finally {
      this.#inTurn-- // before the caller hears of it: the next call is answered at once again
    }
  }
}
