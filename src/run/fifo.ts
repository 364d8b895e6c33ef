// First in, first out, in constant time: an array's own shift() moves all that remains.

/** What was taken out is cut off when it is this much, and more than half. */
const WORTH_CUTTING = 256

export class Fifo<T> {
  readonly #items: (T | undefined)[] = []
  #first = 0
  #end = 0

  get size(): number { return this.#end - this.#first }

  push(item: T): void {
    this.#items[this.#end++] = item
  }

  peek(): T | undefined {
    return this.size === 0 ? undefined : this.#items[this.#first]
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#first]
    this.#items[this.#first++] = undefined
    if (this.size === 0) this.#first = this.#end = 0
    else if (this.#first >= WORTH_CUTTING && 2 * this.#first > this.#end) this.#cut()
    return item
  }

  #cut(): void {
    this.#items.splice(0, this.#first)
    this.#end -= this.#first
    this.#first = 0
  }
}
