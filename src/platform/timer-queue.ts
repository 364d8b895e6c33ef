// The timers of a stepped clock, the next one first: by time, then by the order of their making. A binary heap in
// which each timer knows its place, so that adding, taking and cancelling one of n costs log n; a test with ten
// thousand retries that wait must not scan them all for each that falls due.
//
//   heap[i].place = i, and heap[parent of i] is due before heap[i]

export class QueuedTimer {
  readonly at: number
  readonly callback: () => void
  readonly order: number
  /** -1: taken, or cancelled. */
  place = -1

  constructor(at: number, order: number, callback: () => void) {
    this.at = at
    this.order = order
    this.callback = callback
  }
}

export class TimerQueue {
  readonly #heap: QueuedTimer[] = []
  #made = 0

  get size(): number { return this.#heap.length }

  /** The one that is due next. */
  get first(): QueuedTimer | undefined { return this.#heap[0] }

  add(at: number, callback: () => void): QueuedTimer {
    const timer = new QueuedTimer(at, this.#made++, callback)
    this.#rise(timer, this.#heap.length)
    return timer
  }

  /** False where it is no longer in the queue. */
  remove(timer: QueuedTimer): boolean {
    const { place } = timer
    if (place === -1) return false
    timer.place = -1
    const last = this.#heap.pop()!
    if (last !== timer) this.#sink(last, place)
    return true
  }

  /** Down while a child is due earlier; then up, since what stood last may belong above the place that became free. */
  #sink(timer: QueuedTimer, place: number): void {
    const heap = this.#heap
    for (let child = this.#firstChild(place); child < heap.length && isBefore(heap[child]!, timer); child = this.#firstChild(place)) {
      this.#put(heap[child]!, place)
      place = child
    }
    this.#rise(timer, place)
  }

  #rise(timer: QueuedTimer, place: number): void {
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (isBefore(this.#heap[parent]!, timer)) break
      this.#put(this.#heap[parent]!, place)
      place = parent
    }
    this.#put(timer, place)
  }

  #put(timer: QueuedTimer, place: number): void {
    this.#heap[place] = timer
    timer.place = place
  }

  /** Of the two below a place, the one that is due first. */
  #firstChild(place: number): number {
    const left = 2 * place + 1
    const right = left + 1
    return right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[left]!) ? right : left
  }
}

function isBefore(a: QueuedTimer, b: QueuedTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
