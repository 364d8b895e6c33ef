// Where work goes that brings its own thread, and the seeded order that the simulated disk finishes its work in.
import { setImmediate } from 'node:timers'
import type { Jobs } from './file-system.ts'
import type { SeededRandom } from './seeded-random.ts'
import { WorkerThread } from './worker-thread.ts'

/** Calls the work: libuv or a native library runs it elsewhere, and on plain `memory:` there is nothing to wait for. */
export const directJobs: Jobs = {
  async run(work) {
    return work()
  },
  thread: () => undefined,
}

export const nodeJobs: Jobs = { ...directJobs, thread: () => WorkerThread.start() }

interface Job {
  readonly start: () => void
  readonly abandon: (error: Error) => void
}

/** Starts one job for each turn of the event loop, in an order drawn from the seed: same seed and calls, same order. */
export class SeededJobs implements Pick<Jobs, 'run'> {
  readonly #random: SeededRandom
  readonly #queue: Job[] = []
  #running = 0
  #turning = false

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** Jobs that have not settled. */
  get pending(): number { return this.#queue.length + this.#running }

  run<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ start: () => void this.#settle(work, resolve, reject), abandon: reject })
      this.#turn()
    })
  }

  /** What has not started never does: its promises reject. */
  abandon(error: Error): void {
    for (const job of this.#queue.splice(0)) job.abandon(error)
  }

  async #settle<T>(work: () => T | Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void): Promise<void> {
    this.#running++
    try {
      resolve(await work())
    } catch (error) {
      reject(error)
    } finally {
      this.#running--
    }
  }

  #turn(): void {
    if (this.#turning || this.#queue.length === 0) return
    this.#turning = true
    setImmediate(() => {
      this.#turning = false
      const [job] = this.#queue.splice(this.#random.below(this.#queue.length), 1)
      job?.start()
      this.#turn()
    })
  }
}
