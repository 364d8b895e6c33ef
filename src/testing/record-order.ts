// Whether expected records stand in a topic in the order in which they are expected: each is met by a record of its
// own, and those that are met in one partition at rising offsets. Between partitions there is no order to hold to.
//
// Within a partition the earliest record that matches is always the best choice. Between partitions a choice may turn
// out wrong only later (expectation 1 matches in two, 2 in one of them alone), and then it is taken back.
import { UsageError } from '../base/errors.ts'

/** Choices taken back before it is given up. Expectations that name a key, a value or a partition need next to none. */
const MOST_RETRACTIONS = 10_000

export interface OrderFound {
  /** How many of the expectations were met, at best, from the first on. */
  readonly met: number
  /** Whether all were; and by which records then: a partition's place, and a record's within it. */
  readonly at: readonly { readonly partition: number; readonly index: number }[] | undefined
}

/** `counts` has the number of records of each partition; `matches` is asked again and again. */
export function findInOrder(expected: number, counts: readonly number[], matches: (expectation: number, partition: number, index: number) => boolean): OrderFound {
  const next = counts.map(() => 0)
  const chosen: { partition: number; index: number; before: number }[] = []
  let met = 0
  let retractions = 0
  let from = 0
  while (chosen.length < expected) {
    const choice = firstChoice(from)
    if (choice !== undefined) {
      chosen.push({ ...choice, before: next[choice.partition]! })
      next[choice.partition] = choice.index + 1
      met = Math.max(met, chosen.length)
      from = 0
      continue
    }
    const last = chosen.pop()
    if (last === undefined) return { met, at: undefined }
    if (++retractions > MOST_RETRACTIONS) throw tooManyWays(met, expected)
    next[last.partition] = last.before
    from = last.partition + 1
  }
  return { met, at: chosen }

  /** The first record that meets the next expectation, in the first partition from `from` on that has one. */
  function firstChoice(from: number): { partition: number; index: number } | undefined {
    for (let partition = from; partition < counts.length; partition++) {
      for (let index = next[partition]!; index < counts[partition]!; index++) if (matches(chosen.length, partition, index)) return { partition, index }
    }
    return undefined
  }
}

function tooManyWays(met: number, expected: number): UsageError {
  return new UsageError('ORDER_AMBIGUOUS', `toHaveRecordsInOrder: too many records match, in too many partitions, to tell whether all ${expected} stand in order; ${met} do`, {
    hint: 'expect more of each record (its key or its partition), or give expect() a single partition',
  })
}
