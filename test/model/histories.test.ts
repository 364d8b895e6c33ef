// SEED=… HISTORY=… STEPS=… repeat a failure that was printed; HISTORIES=5000 makes a campaign of it.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runHistories } from './histories.ts'
import { step } from './step.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const COUNT = Number(process.env['HISTORIES'] ?? 250)

test(`a log shows what plain arrays show, whatever is sent, read, rolled, truncated, altered, crashed and reopened (SEED=${SEED})`, async () => {
  await runHistories({ seed: SEED, count: COUNT, path: process.env['HISTORY'], replayPath: process.env['STEPS'] })
}, 60_000 + COUNT * 200)

describe('a failure', () => {
  /** A false claim about the log, and how many calls to the disk it took to come to it. */
  const falseClaim = step('claim that three records are never stored', fc.constant(null), {
    async run({ model, disk }) {
      const stored = model.all.flatMap(({ partitions }) => partitions).reduce((sum, { end }) => sum + end, 0)
      assert(stored < 3, `${stored} records are stored, after ${disk.calls} calls to the disk`)
    },
  })
  const failureOf = async (options: { seed: number; path?: string; replayPath?: string }): Promise<string> => {
    const failure = await runHistories({ ...options, count: 100, extra: [falseClaim, falseClaim, falseClaim] }).catch((error: unknown) => error as Error)
    return failure?.message ?? 'no failure'
  }

  test(`is repeated, call by call, by what was printed with it (SEED=${SEED})`, async () => {
    const message = await failureOf({ seed: SEED })
    expect(message).toMatch(/records are stored, after \d+ calls to the disk/)
    const [, seed, path, replayPath] = /SEED=(-?\d+) HISTORY='(.*)' STEPS='(.*)' /.exec(message)!
    expect(await failureOf({ seed: Number(seed), path: path!, replayPath: replayPath! })).toBe(message)
  })

  test(`is told by the shortest history that shows it (SEED=${SEED})`, async () => {
    const message = await failureOf({ seed: SEED })
    const steps = message.split('\n').filter(line => line.startsWith('  '))
    expect(steps.length).toBeLessThanOrEqual(6)
    expect(steps.at(-1)).toContain('claim that three records')
  })
})
