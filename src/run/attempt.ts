// What a handler is told about the call it is in, and how it hears that it should end: its lane was taken away with the
// record in hand, the runner leaves without waiting any longer, or the attempt has run out of time.
// Signals are made when a handler first asks for one: most never do (the benchmark 'groups').
import type { TimeoutError } from '../base/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { Lane } from '../groups/lane.ts'
import type { HeldSends } from './held-sends.ts'

export interface HandlerContext {
  readonly signal: AbortSignal
  /** From 1 on. */
  readonly attempt: number
}

/** One record, or an array of them; what is returned is waited for if it is a promise. */
export type Handler = (given: unknown, context: HandlerContext) => unknown

/** What aborts all handlers of a lane. */
export class LaneSignal {
  readonly #lane: Lane
  readonly #linked = new Set<AbortController>()
  #controller: AbortController | undefined
  #reason: unknown

  constructor(lane: Lane) {
    this.#lane = lane
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#follow()
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#reason = reason
    this.#controller?.abort(reason)
    for (const own of this.#linked) own.abort(reason)
  }

  /** Aborts it as well, until it is unlinked. Not by a listener each, of which Node warns when they are more than ten. */
  link(own: AbortController): () => void {
    const { signal } = this
    if (signal.aborted) own.abort(signal.reason)
    else this.#linked.add(own)
    return () => { this.#linked.delete(own) }
  }

  #follow(): AbortController {
    const controller = new AbortController()
    const { signal } = this.#lane
    if (this.#reason !== undefined) controller.abort(this.#reason)
    else if (signal.aborted) controller.abort(signal.reason)
    else signal.addEventListener('abort', () => { this.abort(signal.reason) }, { once: true })
    return controller
  }
}

/** One call of the handler. */
export class Attempt implements HandlerContext {
  readonly attempt: number
  readonly #lane: LaneSignal
  readonly #isTimed: boolean
  /** Of a timed attempt, which can end before its lane does. */
  #own: AbortController | undefined
  #timedOut: TimeoutError | undefined
  #unlink: (() => void) | undefined

  constructor(attempt: number, lane: LaneSignal, isTimed: boolean) {
    this.attempt = attempt
    this.#lane = lane
    this.#isTimed = isTimed
  }

  get signal(): AbortSignal {
    if (!this.#isTimed) return this.#lane.signal
    this.#own ??= this.#link()
    return this.#own.signal
  }

  /**
   * Aborts the attempt when it takes longer, from when the handler has returned its promise. It has failed then, whatever comes of it; but it ends when the handler does,
   * so that two attempts are never under way at the same time.
   */
  async within(ms: number, clock: Clock, running: PromiseLike<unknown>, late: () => TimeoutError): Promise<void> {
    const timer = clock.setTimeout(() => {
      this.#timedOut = late()
      this.#own?.abort(this.#timedOut)
    }, ms)
    try {
      await running
    } catch (error) {
      throw this.#timedOut ?? error
    } finally {
      timer.cancel()
      this.#unlink?.()
    }
    if (this.#timedOut !== undefined) throw this.#timedOut
  }

  #link(): AbortController {
    const own = new AbortController()
    if (this.#timedOut === undefined) this.#unlink = this.#lane.link(own)
    else own.abort(this.#timedOut)
    return own
  }
}

/** One whose sends are held back. */
export class HoldingAttempt extends Attempt {
  readonly tx: HeldSends

  constructor(attempt: number, lane: LaneSignal, isTimed: boolean, tx: HeldSends) {
    super(attempt, lane, isTimed)
    this.tx = tx
  }
}
