// Which known name a misspelt one was meant to be, for hints: "did you mean 'retention'?".
// Edit distance with neighbours swapped counted once ('retnetion'), capital letters ignored. A name is near when
// less than half of its letters, and no more than three, have to change; names that are longer than any option are never near.

const NEAREST_EDITS = 3
const LONGEST_NAME = 64

export function nearestName(found: string, known: Iterable<string>): string | undefined {
  if (found.length > LONGEST_NAME) return undefined
  let nearest: string | undefined
  let fewest = NEAREST_EDITS + 1
  for (const name of known) {
    const edits = editDistance(found.toLowerCase(), name.toLowerCase())
    if (edits < fewest && edits * 2 < Math.max(found.length, name.length)) {
      nearest = name
      fewest = edits
    }
  }
  return nearest
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(beforeLast, j - 2) + 1 : Infinity
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped))
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
