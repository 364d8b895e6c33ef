// A read that follows waits for what comes. Whatever ends it may come at any moment, also between its last look and
// its waiting: each test tries the moments one microtask apart.
import { describe, expect, test } from 'vitest'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { open, type EventLog, type LogRecord, type Topic } from '../../src/index.ts'

const MOMENTS = Array.from({ length: 20 }, (_, i) => i)

interface Waiting { readonly log: EventLog; readonly topic: Topic<unknown, string>; readonly read: AsyncIterableIterator<LogRecord>; readonly stop: AbortController }

/** The outcomes of a waiting next(), had `act` come after 0, 1, 2 … microtasks. */
async function outcomes(act: (waiting: Waiting) => unknown): Promise<unknown[]> {
  const found: unknown[] = []
  for (const microtasks of MOMENTS) {
    const log = await open('memory:')
    const topic = await log.topic('clicks')
    await topic.send({ value: 'first' })
    const stop = new AbortController()
    const read = topic.read({ follow: true, signal: stop.signal })
    await read.next()
    let outcome: unknown = 'still waiting'
    read.next().then(({ value, done }) => { outcome = done === true ? 'end' : (value as LogRecord).value }, (error: Error) => { outcome = error.name })
    for (let i = 0; i < microtasks; i++) await Promise.resolve()
    await act({ log, topic, read, stop })
    for (let turns = 0; turns < 5; turns++) await nextTurn()
    found.push(outcome)
    await log.close()
  }
  return found
}

describe('a read that follows', () => {
  test.each([
    { what: 'is ended by its signal', act: ({ stop }: Waiting) => { stop.abort() }, outcome: 'AbortError' },
    { what: 'is ended by return()', act: ({ read }: Waiting) => { void read.return?.() }, outcome: 'end' },
    { what: 'is ended by closing the log', act: ({ log }: Waiting) => { void log.close() }, outcome: 'ClosedError' },
    { what: 'gets the next record', act: ({ topic }: Waiting) => { void topic.send({ value: 'second' }) }, outcome: 'second' },
  ])('$what at whatever moment', async ({ act, outcome }) => {
    expect(await outcomes(act)).toEqual(MOMENTS.map(() => outcome))
  })
})
