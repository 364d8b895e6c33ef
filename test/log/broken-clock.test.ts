// What housekeeping meets and nobody foresaw is told like any failure: it ends neither the log nor the process.
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'

test('a clock that throws fails the round in the background, and the log goes on', async () => {
  const stepped = new SteppedClock()
  let isBroken = false
  const clock = {
    now: () => {
      if (isBroken && new Error().stack?.includes('clock-agreement') === true) throw new TypeError('the clock is broken')
      return stepped.now()
    },
    setTimeout: (callback: () => void, ms: number) => stepped.setTimeout(callback, ms),
  }
  const log = await open('memory:', { clock })
  const codes: string[] = []
  log.on('error', ({ error }) => codes.push(error.code))
  const topic = await log.topic('orders', { retention: '1h' })
  await topic.send({ value: 1 })
  isBroken = true
  await stepped.advance(60_000)
  isBroken = false
  expect(codes).toEqual(['HOUSEKEEPING_FAILED'])
  await topic.send({ value: 2 })
  expect((await log.housekeep()).failures).toEqual([])
  await log.close()
})
