// How many bytes a producer has taken that are not in the log yet, and whoever waits for that to fall.

export class ByteBudget {
  readonly limit: number
  #used = 0
  #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  get full(): boolean { return this.#used >= this.limit }

  take(bytes: number): void {
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
    if (this.full || this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  /** Resolves when it was below the limit once more. */
  async room(): Promise<void> {
    if (this.full) await new Promise<void>(resolve => { this.#waiting.push(resolve) })
  }
}
