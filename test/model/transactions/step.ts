// One step of a history: a fast-check command on the log and its transactions, followed by a comparison with the model.
// Transactions, partitions and records are drawn as numbers, and mean whatever there is when the step runs.
import fc from 'fast-check'
import type { TransactionsBench } from './bench.ts'
import type { DrivenTransaction } from './driven-transaction.ts'
import type { TransactionsModel } from './model.ts'

export type Step = fc.AsyncCommand<TransactionsModel, TransactionsBench>

export function step<Drawn>(name: string, drawn: fc.Arbitrary<Drawn>, run: (bench: TransactionsBench, drawn: Drawn) => Promise<void>): fc.Arbitrary<Step> {
  return drawn.map(value => ({
    check: () => true,
    run: async (_model, bench) => {
      await run(bench, value)
      await bench.compare()
    },
    toString: () => `${name} ${JSON.stringify(value)}`,
  }))
}

export const number = fc.nat({ max: 999 })

/** undefined: there is none. */
export function openOne({ driven }: TransactionsBench, drawn: number): DrivenTransaction | undefined {
  const open = driven.filter(({ model: { status }, hasBegun }) => status === 'open' && hasBegun)
  return open[drawn % open.length]
}
