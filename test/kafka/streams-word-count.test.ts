// Kafka Streams works at a door: a word count with exactly_once_v2 (tools/kafka/WordCount.java) is killed and started
// again while words come in. In memory it has nothing over: what it counted comes back from its changelog, where it was
// from its group's position, and what was under way is aborted. Of a word that came n times it may say 1, 2 … n, each once.
// The door's process is killed too, and goes on at the same port: Streams finds back by itself.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { open, type Topic } from '../../src/index.ts'
import { listen } from '../../src/kafka.ts'
import { startDoor } from '../../tools/kafka/door.mjs'
import { fetchJars, javaArguments, javaCommand } from '../../tools/kafka/jars.mjs'
import buildDist from '../support/build-dist.ts'
import { describeWithKafka } from './support/kafka-here.ts'

const program = fileURLToPath(new URL('../../tools/kafka/WordCount.java', import.meta.url))
const VOCABULARY = ['ada', 'grace', 'joan', 'katherine', 'mary', 'radia']
const AHEAD = 600
const topicOptions = { partitions: 2, key: 'string', value: 'string', partitioner: 'murmur2' } as const

describeWithKafka('Kafka Streams at a door', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'streams-'))
  const running = new Set<ChildProcess>()
  beforeAll(() => { fetchJars() })
  afterEach(() => { for (const child of running) child.kill('SIGKILL') })
  afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

  test('counts every word exactly once, though it is killed again and again', { timeout: 240_000 }, async () => {
    const log = await open(join(scratch, 'log'))
    const door = await listen(log)
    const lines = await log.topic<string, string>('lines', topicOptions)
    const counts = await log.topic<string, string>('counts', topicOptions)
    const words = new Words(lines)
    await words.sayMore(AHEAD)
    let streams = await startWordCount(door.bootstrap)
    let isOver = false
    const counting = words.count(counts, async () => { if (!isOver) await words.sayMore(AHEAD) })
    await interrupt(counts, [200, 1200, 2200], async () => {
      await end(streams, 'SIGKILL')
      streams = await startWordCount(door.bootstrap)
    })
    isOver = true
    await counting
    await end(streams, 'SIGTERM')

    expect(words.counted).toEqual(words.expected())
    expect(await written(counts, 'read_committed')).toBe(words.saidTotal)
    expect(await written(counts, 'read_uncommitted')).toBeGreaterThan(words.saidTotal) // what was aborted
    expect((await log.group('word-count').lag()).filter(({ topic }) => topic === 'lines').map(({ lag }) => lag)).toEqual([0, 0])
    await log.close()
  })

  test('counts every word exactly once, though the process with the log is killed', { timeout: 240_000 }, async () => {
    buildDist()
    const directory = join(scratch, 'killed-log')
    const log = await open(directory)
    const words = new Words(await log.topic<string, string>('lines', topicOptions))
    await log.topic<string, string>('counts', topicOptions)
    await words.sayMore(3000)
    await log.close()

    let door = await startDoor({ directory })
    const { bootstrap, port } = door
    const follower = await open(directory, { readOnly: true })
    const counts = await follower.topic<string, string>('counts', topicOptions)
    const streams = await startWordCount(bootstrap)
    const counting = words.count(counts, async () => {})
    await interrupt(counts, [200, 1000, 2000], async () => {
      await door.kill()
      door = await startDoor({ directory, port })
    })
    await counting
    await end(streams, 'SIGTERM')
    expect(words.counted).toEqual(words.expected())
    await follower.close()
    await door.stop()
  })

  /** Resolves when it runs: has what it counted, and works. */
  async function startWordCount(bootstrap: string): Promise<ChildProcess> {
    const child = spawn(javaCommand(), [...javaArguments('ERROR'), program, bootstrap, join(scratch, 'state'), 'the-one'], { stdio: ['ignore', 'pipe', 'inherit'] })
    running.add(child)
    child.once('exit', () => running.delete(child))
    await Promise.race([
      once(createInterface({ input: child.stdout! }), 'line'),
      once(child, 'exit').then(([status]) => { throw new Error(`Streams ended with ${status}`) }),
    ])
    return child
  }
})

/** Whenever so many records are written, committed or not: so mostly within a transaction. */
async function interrupt(counts: Topic<string, string>, at: readonly number[], interruption: () => Promise<void>): Promise<void> {
  let seen = 0
  for await (const _ of counts.read({ from: 'earliest', follow: true, isolation: 'read_uncommitted' })) {
    seen++
    if (at.includes(seen)) await interruption()
    if (seen === at.at(-1)) return
  }
}

async function written(counts: Topic<string, string>, isolation: 'read_committed' | 'read_uncommitted'): Promise<number> {
  let count = 0
  for await (const _ of counts.read({ from: 'earliest', isolation })) count++
  return count
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  child.kill(signal)
  await once(child, 'exit')
}

/** What was said, and what of it is counted. */
class Words {
  readonly counted = new Map<string, string[]>()
  saidTotal = 0
  countedTotal = 0
  readonly #lines: Topic<string, string>
  readonly #said = new Map<string, number>()

  constructor(lines: Topic<string, string>) {
    this.#lines = lines
  }

  /** Until so many are said and not counted, or a line's worth more. */
  async sayMore(ahead: number): Promise<void> {
    const lines: { key: string; value: string }[] = []
    while (this.saidTotal < this.countedTotal + ahead) {
      const words = [this.saidTotal, this.saidTotal * 7, this.saidTotal >> 3].map(number => VOCABULARY[number % VOCABULARY.length]!)
      for (const word of words) this.#said.set(word, (this.#said.get(word) ?? 0) + 1)
      this.saidTotal += words.length
      lines.push({ key: `${this.saidTotal}`, value: words.join(' ') })
    }
    if (lines.length > 0) await this.#lines.send(lines)
  }

  /** Until all that was said is counted. */
  async count(counts: Topic<string, string>, onCount: () => Promise<void>): Promise<void> {
    for await (const { key: word, value: count } of counts.read({ from: 'earliest', follow: true })) {
      const known = this.counted.get(word!) ?? []
      known.push(count!)
      this.counted.set(word!, known)
      this.countedTotal++
      await onCount()
      if (this.countedTotal === this.saidTotal) return
    }
  }

  /** What `counted` has to be in the end: 1, 2 … n of each. */
  expected(): Map<string, string[]> {
    return new Map([...this.#said].map(([word, count]) => [word, Array.from({ length: count }, (_, i) => `${i + 1}`)]))
  }
}
