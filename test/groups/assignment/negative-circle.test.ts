import fc from 'fast-check'
import { expect, it } from 'vitest'
import { findNegativeCircle } from '../../../src/groups/assignment/negative-circle.ts'

/** Costs between up to seven nodes; a third of the arcs are missing. */
const anyCosts = fc.integer({ min: 1, max: 7 }).chain(nodes => fc.array(fc.oneof({ weight: 2, arbitrary: fc.integer({ min: -3, max: 9 }) }, { weight: 1, arbitrary: fc.constant(Infinity) }), { minLength: nodes * nodes, maxLength: nodes * nodes })
  .map(costs => ({ nodes, costs: Float64Array.from(costs, (cost, arc) => arc % (nodes + 1) === 0 ? Infinity : cost) })))

/** By Floyd and Warshall: a node that is cheaper than nothing to come back to. */
function hasNegativeCircle(costs: Float64Array, nodes: number): boolean {
  const least = Array.from(costs)
  for (let through = 0; through < nodes; through++) {
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) least[from * nodes + to] = Math.min(least[from * nodes + to]!, least[from * nodes + through]! + least[through * nodes + to]!)
    }
  }
  return least.some((cost, arc) => arc % (nodes + 1) === 0 && cost < 0)
}

it('a circle is found exactly where there is one, passes each node once, and costs less than nothing', () => {
  fc.assert(fc.property(anyCosts, ({ nodes, costs }) => {
    const circle = findNegativeCircle(costs, nodes)
    expect(circle !== undefined).toBe(hasNegativeCircle(costs, nodes))
    if (circle === undefined) return
    expect(new Set(circle).size).toBe(circle.length)
    expect(circle.reduce((sum, from, index) => sum + costs[from * nodes + circle[(index + 1) % circle.length]!]!, 0)).toBeLessThan(0)
  }), { numRuns: 500 })
})

it('a circle is told in the order of its arcs', () => {
  const circle = findNegativeCircle(Float64Array.of(Infinity, -1, 5, 5, Infinity, -1, 1, 5, Infinity), 3)!
  const first = circle.indexOf(0)
  expect([...circle.slice(first), ...circle.slice(0, first)]).toEqual([0, 1, 2])
})
