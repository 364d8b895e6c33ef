import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TimerQueue, type QueuedTimer } from '../../src/platform/timer-queue.ts'

const addition = fc.record({ at: fc.nat(50) })
/** A time to add a timer for, or which of those that were made is cancelled. */
const step = fc.oneof(addition, fc.record({ cancel: fc.nat(100) }), fc.constant('take' as const))
/** Many timers at first: what is wrong deep down in a heap shows late. */
const steps = fc.tuple(fc.array(addition, { minLength: 30, maxLength: 60 }), fc.array(step, { minLength: 30, maxLength: 100 })).map(lists => lists.flat())

test('whatever is added, cancelled and taken, the first is the earliest, and of equal times the one made first', () => {
  fc.assert(fc.property(steps, given => {
    const queue = new TimerQueue()
    const made: QueuedTimer[] = []
    const waiting: QueuedTimer[] = []
    const drop = (timer: QueuedTimer) => {
      expect(queue.remove(timer)).toBe(waiting.includes(timer))
      if (waiting.includes(timer)) waiting.splice(waiting.indexOf(timer), 1)
    }
    for (const each of given) {
      if (each === 'take') { if (queue.first !== undefined) drop(queue.first) }
      else if ('cancel' in each) { if (made.length > 0) drop(made[each.cancel % made.length]!) }
      else { const timer = queue.add(each.at, () => {}); made.push(timer); waiting.push(timer) }
      const earliest = Math.min(...waiting.map(({ at }) => at))
      expect(queue.first).toBe(waiting.find(({ at }) => at === earliest))
      expect(queue.size).toBe(waiting.length)
    }
  }))
})
