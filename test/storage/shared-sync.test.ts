import { expect, test } from 'vitest'
import { SharedSync } from '../../src/storage/shared-sync.ts'

/** A sync that ends when the test says so. */
function heldSync() {
  const ends: (() => void)[] = []
  const counts = { begun: 0, running: 0, most: 0 }
  const shared = new SharedSync(async () => {
    counts.begun++
    counts.most = Math.max(counts.most, ++counts.running)
    await new Promise<void>(resolve => { ends.push(resolve) })
    counts.running--
  })
  return { shared, counts, endNext: () => { ends.shift()!() } }
}

test('whoever asks while a sync runs shares the one that follows it', async () => {
  const { shared, counts, endNext } = heldSync()
  const first = shared.request()
  const others = [shared.request(), shared.request()]
  endNext()
  await first
  endNext()
  await Promise.all(others)
  expect(counts.begun).toBe(2)
})

test('a request made on hearing that a sync has ended begins none beside the one that waited', async () => {
  const { shared, counts, endNext } = heldSync()
  const late = shared.request().then(() => shared.request())
  const waiting = shared.request()
  endNext()
  await new Promise(resolve => { setImmediate(resolve) })
  expect(counts).toEqual({ begun: 2, running: 1, most: 1 })
  endNext()
  await Promise.all([late, waiting])
})
