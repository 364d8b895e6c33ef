// The process or the power ends at any call to the file system while a client of another process works at its transactions.
// It asks again what it had asked, and is told what is so: what it is told is committed is there as a whole, position
// included, and nothing else. Then it begins anew, and the power fails once more.
import { expect, test } from 'vitest'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { partsOf } from '../../src/surface/event-log.ts'
import { testLog, type TestLog } from '../../src/testing.ts'
import { RemoteClient } from './support/remote-client.ts'
import { valuesOf } from './support/held-transaction.ts'
import { isChosen } from '../crash/support-simulated/sampling.ts'

const STEP = 11

interface Doing { readonly sends: readonly (readonly [partition: number, value: string])[]; readonly position?: number; readonly commit: boolean }

const TRANSACTIONS: readonly Doing[] = [
  { sends: [[0, 'a'], [1, 'b'], [0, 'c']], position: 3, commit: true },
  { sends: [[0, 'dropped'], [1, 'dropped too']], position: 9, commit: false },
  { sends: [[1, 'd']], commit: true },
  { sends: [[0, 'e']], position: 5, commit: true },
]

/** A client, and what it was told. */
class Told {
  readonly client: RemoteClient
  readonly committed: Doing[] = []
  /** At work on it; `isAsked`: for its end. */
  current: Doing | undefined
  isAsked = false

  constructor(client: RemoteClient) {
    this.client = client
  }

  async work(transactions: readonly Doing[]): Promise<void> {
    if (await this.client.init() !== 'NONE') throw new Error('refused')
    for (const doing of transactions) {
      this.current = doing
      for (const [partition, value] of doing.sends) {
        expect(await this.client.send('orders', partition, value)).toBe('NONE')
        await partsOf(this.client.log).log.topics.get('orders')!.writable(partition).sync()
      }
      if (doing.position !== undefined) expect(await this.client.move('g', { topic: 'source', partition: 0, offset: doing.position })).toBe('NONE')
      this.isAsked = true
      expect(await this.client.end(doing.commit)).toBe('NONE')
      this.#ended(doing)
    }
  }

  async askAgain(): Promise<void> {
    const doing = this.current
    if (doing === undefined) return
    const answer = this.isAsked ? await this.client.end(doing.commit) : await this.client.abort()
    if (this.isAsked && answer === 'NONE') this.#ended(doing)
    this.current = undefined
    this.isAsked = false
  }

  #ended(doing: Doing): void {
    if (doing.commit) this.committed.push(doing)
    this.current = undefined
    this.isAsked = false
  }

  async expectKept(log: TestLog, what: string): Promise<void> {
    const expected = this.committed.flatMap(({ sends }) => sends.map(([, value]) => value)).sort()
    expect((await valuesOf(await log.topic<string>('orders'))).sort(), what).toEqual(expected)
    const position = this.committed.findLast(doing => doing.position !== undefined)?.position
    expect(partsOf(log).groups.positions.of('g')?.positions.get('source-0')?.offset, `${what}, its position`).toBe(position)
  }
}

async function runUntil(version: 1 | 2, call: number): Promise<{ log: TestLog; told: Told; calls: number }> {
  const log = await testLog({ seed: call === Infinity ? 0 : call, durability: 'power' })
  await log.topic('orders', { partitions: 2, value: 'string' })
  await (await log.topic('source', { value: 'string' })).send(Array.from({ length: 10 }, () => ({ value: 'x' })))
  const told = new Told(new RemoteClient(log, { version }))
  const disk = log.disk as unknown as SimulatedFileSystem
  const before = disk.calls
  if (call < Infinity) disk.crashAfter(call)
  await told.work(TRANSACTIONS).catch((error: unknown) => { if (call === Infinity) throw error })
  return { log, told, calls: disk.calls - before }
}

test.each([1, 2] as const)('transaction version %i: what a client was told is so, whichever call to the file system was the last', { timeout: 120_000 }, async version => {
  const { log: whole, calls } = await runUntil(version, Infinity)
  await whole.close()
  for (let call = 1; call <= calls; call++) {
    if (!isChosen(call, STEP)) continue
    for (const accident of ['kill', 'power cut'] as const) {
      const what = `version ${version}, ${accident} at call ${call} of ${calls}`
      const { log, told } = await runUntil(version, call)
      const next = accident === 'kill' ? await log.crash() : await log.powerCut({ seed: call })
      told.client.log = next
      await told.askAgain()
      await told.expectKept(next, what)
      await told.work([{ sends: [[0, 'after'], [1, 'all']], position: 8, commit: true }])
      await told.expectKept(next, `${what}, later`)
      const last = await next.powerCut({ seed: call })
      await told.expectKept(last, `${what}, and once more`)
      await last.close()
    }
  }
})
