import { expect, test, vi } from 'vitest'
import { HeldLoop } from '../../src/platform/held-loop.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'

// The time that passes is simulated: performance.now() is what the test says.
let nowMs = 0
vi.stubGlobal('performance', { now: () => nowMs })

test('calls hold the event loop once five milliseconds have passed since the first of them', () => {
  const loop = new HeldLoop()
  expect(loop.held()).toBe(false)
  nowMs += 4
  expect(loop.held()).toBe(false)
  nowMs += 1
  expect(loop.held()).toBe(true)
  expect(loop.held()).toBe(true)
})

test('a turn of the event loop starts afresh', async () => {
  const loop = new HeldLoop()
  loop.held()
  nowMs += 6
  expect(loop.held()).toBe(true)
  await nextTurn()
  expect(loop.held()).toBe(false)
})

test('time that passes between calls holds nothing: the event loop turned meanwhile', async () => {
  const loop = new HeldLoop()
  loop.held()
  await nextTurn()
  nowMs += 1000
  expect(loop.held()).toBe(false)
})
