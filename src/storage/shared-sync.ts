// One sync in flight, one waiting behind it: whoever asks while a sync runs shares the next one, because the
// running one may have started before their bytes were written. Invariant: running ≥ waiting ≥ 0, both ≤ 1.

export class SharedSync {
  readonly #sync: () => Promise<void>
  #running: Promise<void> | undefined
  #waiting: Promise<void> | undefined

  constructor(sync: () => Promise<void>) {
    this.#sync = sync
  }

  /** Resolves once all that was written before this call is on the device. */
  request(): Promise<void> {
    if (this.#running === undefined) return this.#start()
    this.#waiting ??= this.#running.then(() => this.#next(), () => this.#next())
    return this.#waiting
  }

  /** Resolves once none runs or waits. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => { /* whoever asked for it has it */ })
  }

  /** Somebody who heard of the end first may have begun the next one: it serves those who waited as well. */
  #next(): Promise<void> {
    this.#waiting = undefined
    return this.#running ?? this.#start()
  }

  #start(): Promise<void> {
    const done = () => { this.#running = undefined }
    this.#running = this.#sync()
    this.#running.then(done, done)
    return this.#running
  }
}
