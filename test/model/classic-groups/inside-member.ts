// A member of this process as the histories drive it: it takes a record at a time, and has handled it when it asks for the next.
import type { Consumer, LogRecord } from '../../../src/index.ts'
import { partitionDirectory } from '../../../src/log/topic-name.ts'

export class InsideMember {
  readonly consumer: Consumer
  readonly topics: readonly string[]
  readonly #handled: (label: string, from: number, end: number) => void
  readonly #loop: AsyncIterator<LogRecord>
  #inHand: LogRecord | undefined
  #isWaiting = false
  hasEnded = false

  constructor(consumer: Consumer, topics: readonly string[], handled: (label: string, from: number, end: number) => void) {
    this.consumer = consumer
    this.topics = topics
    this.#handled = handled
    this.#loop = consumer[Symbol.asyncIterator]()
  }

  get labels(): string[] { return this.consumer.assignment.map(({ topic, partition }) => partitionDirectory(topic, partition)) }

  take(): void {
    if (this.#isWaiting || this.hasEnded) return
    const inHand = this.#inHand
    this.#inHand = undefined
    if (inHand !== undefined) this.#handled(partitionDirectory(inHand.topic, inHand.partition), inHand.offset, inHand.offset + 1)
    this.#isWaiting = true
    this.#loop.next().then(({ value, done }) => {
      this.#isWaiting = false
      if (done === true) this.hasEnded = true
      else this.#inHand = value
    }, () => { this.hasEnded = true }) // fenced by another member of its id, or its process has ended
  }
}
