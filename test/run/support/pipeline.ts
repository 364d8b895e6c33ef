// What tests of delivery 'exactly-once' share: a source of numbers, and a topic that takes what handlers send.
import { onTestFinished } from 'vitest'
import type { ExactlyOnceContext, LogRecord, Runner, RunOptions, Topic } from '../../../src/index.ts'
import { testLog, type TestLog, type TestLogOptions } from '../../../src/testing.ts'

type Handler = (record: LogRecord<number>, context: ExactlyOnceContext) => unknown

export class Pipeline {
  readonly log: TestLog
  readonly source: Topic<number>
  readonly target: Topic<number>
  /** Of the group. */
  readonly errors: unknown[] = []

  private constructor(log: TestLog, source: Topic<number>, target: Topic<number>) {
    this.log = log
    this.source = source
    this.target = target
    log.group('copy').on('error', ({ error }) => { this.errors.push(error) })
    onTestFinished(async () => { await log.close({ timeout: 0 }).catch(() => undefined) })
  }

  static async open({ partitions = 1, ...options }: TestLogOptions & { partitions?: number } = {}): Promise<Pipeline> {
    return await Pipeline.on(await testLog(options), partitions)
  }

  static async on(log: TestLog, partitions = 1): Promise<Pipeline> {
    return new Pipeline(log, await log.topic<number>('source', { partitions }), await log.topic<number>('target', { partitions }))
  }

  /** The same, after the process has died. */
  async crash(): Promise<Pipeline> {
    return await Pipeline.on(await this.log.crash(), this.source.partitions.length)
  }

  /** 0, 1, 2, … in turn to each partition. */
  async send(count: number): Promise<void> {
    const { length } = this.source.partitions
    await this.source.send(Array.from({ length: count }, (_, value) => ({ value, partition: value % length })))
  }

  async run(handler: Handler, options: Partial<Omit<RunOptions, 'batch'>> = {}): Promise<Runner> {
    return await this.log.group('copy').run(this.source, handler, { from: 'earliest', ...options, delivery: 'exactly-once' })
  }

  /** A handler that sends on what it gets, to the partition of the same number. */
  get copy(): Handler {
    return async ({ value, partition }, { tx }) => { await tx.send(this.target, { value, partition }) }
  }

  /** What is committed, by partition. */
  async copied(isolation: 'read_committed' | 'read_uncommitted' = 'read_committed'): Promise<number[]> {
    const values: number[][] = this.target.partitions.map(() => [])
    for await (const { partition, value } of this.target.read({ isolation })) values[partition]!.push(value!)
    return values.flat()
  }

  async committed(): Promise<[partition: number, offset: number][]> {
    return [...await this.log.group('copy').committed(this.source)]
  }
}

/** 0 to `count - 1`. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** Something that a test lets happen. */
export function newGate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  return { open, opened }
}
