// With delivery 'at-most-once' no record is handed out a second time, whatever ends the process.
import { testLog } from 'millrace/testing'
import { describe, expect, test } from 'vitest'
import { draws } from './support/draws.ts'

const SEEDS = Array.from({ length: 15 }, (_, i) => Number(process.env['SEED'] ?? 3000) + i)

describe.each(SEEDS)('seed %i', seed => {
  test.each([['process', 'crash'], ['power', 'powerCut']] as const)("with durability '%s' nothing is repeated over a %s", async (durability, end) => {
    const draw = draws(seed)
    let log = await testLog({ seed, durability })
    const handed: string[] = []
    let failures = 0
    let up = {} // of the process that runs now
    for (let life = 0; life < 5; life++) {
      const orders = await log.topic('orders', { partitions: 3 })
      const born = up
      for (let runners = 0; runners < 2; runners++) {
        await log.group('billing').run(orders, async ({ partition, offset }) => {
          if (born !== up) return // it went down with its process
          handed.push(`${partition} ${offset}`)
          if (draw(2) === 0) await new Promise<void>(resolve => { log.clock.setTimeout(resolve, draw(50)) })
          if (draw(10) !== 0) return
          failures++
          throw new Error('now and then')
        }, { from: 'earliest', delivery: 'at-most-once', concurrency: 3, order: draw(2) === 0 ? 'key' : 'partition', deadLetter: 'orders.dead' })
      }
      for (let n = 0; n < 20; n++) {
        await orders.send({ key: String(draw(6)), value: n })
        if (draw(4) === 0) await log.clock.advance(draw(60))
      }
      up = {}
      log = await log[end]()
    }
    expect(handed).toHaveLength(new Set(handed).size)
    expect([handed.length > 20, failures > 0]).toEqual([true, true])
    await log.close()
  })
})
