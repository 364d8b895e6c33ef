// A circle of arcs whose costs add up to less than nothing, by Bellman and Ford's search with all nodes as its beginning.
// Whoever goes round such a circle gains; where there is none, nothing can be gained.

/**
 * @param costs of arcs between nodes, that of a → b at a * nodes + b; Infinity: there is no such arc
 * @returns the circle's nodes in the order of its arcs, the last leads back to the first; undefined: there is none
 */
export function findNegativeCircle(costs: Float64Array, nodes: number): number[] | undefined {
  const distances = new Float64Array(nodes)
  const parents = new Int32Array(nodes).fill(-1)
  while (relax(nodes, costs, distances, parents)) {
    const circle = circleAmong(parents)
    if (circle !== undefined) return circle
  }
  return undefined
}

/** One round over all arcs. @returns whether a distance became shorter */
function relax(nodes: number, costs: Float64Array, distances: Float64Array, parents: Int32Array): boolean {
  let shorter = false
  for (let from = 0; from < nodes; from++) {
    const distance = distances[from]!
    const row = from * nodes
    for (let to = 0; to < nodes; to++) {
      const through = distance + costs[row + to]!
      if (through < distances[to]!) {
        distances[to] = through
        parents[to] = from
        shorter = true
      }
    }
  }
  return shorter
}

/** Parents that lead back to themselves: such a circle costs less than nothing, or a distance would not have become shorter by it. */
function circleAmong(parents: Int32Array): number[] | undefined {
  const seenFrom = new Int32Array(parents.length).fill(-1)
  for (let start = 0; start < parents.length; start++) {
    let node = start
    while (node !== -1 && seenFrom[node] === -1) {
      seenFrom[node] = start
      node = parents[node]!
    }
    if (node !== -1 && seenFrom[node] === start) return circleThrough(node, parents)
  }
  return undefined
}

function circleThrough(node: number, parents: Int32Array): number[] {
  const circle = [node]
  for (let before = parents[node]!; before !== node; before = parents[before]!) circle.push(before)
  return circle.reverse()
}
