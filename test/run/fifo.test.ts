import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fifo } from '../../src/run/fifo.ts'

test('what was pushed first is shifted first, as with an array', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(400)), { maxLength: 60 })
  fc.assert(fc.property(steps, given => {
    const fifo = new Fifo<number>()
    const model: number[] = []
    let next = 0
    for (const [pushes, times] of given) {
      for (let i = 0; i < times; i++) {
        if (pushes) {
          fifo.push(next)
          model.push(next++)
        } else expect([fifo.peek(), fifo.shift()]).toEqual([model[0], model.shift()])
      }
      expect(fifo.size).toBe(model.length)
    }
  }))
})
