// Runs random histories of transactions that are open at the same time against a model of what is committed.
import fc from 'fast-check'
import { checkHistories, type HistoriesOptions } from '../shortest-history.ts'
import { TransactionsBench } from './bench.ts'
import { machineSteps, rareSteps } from './machine-steps.ts'
import { TransactionsModel } from './model.ts'
import type { Step } from './step.ts'
import { transactionSteps } from './transaction-steps.ts'

const ALL_STEPS: readonly fc.Arbitrary<Step>[] = [...transactionSteps, ...transactionSteps, ...transactionSteps, ...machineSteps, ...rareSteps]

const beginning = fc.record({ seed: fc.nat(), durability: fc.constantFrom('process' as const, 'power' as const) })

/** Throws, with how to repeat it, where a history and its model differ. */
export async function runTransactionHistories({ steps = 40, ...options }: HistoriesOptions): Promise<void> {
  await checkHistories({ ...options, steps, tests: 'test/model/transactions' }, ALL_STEPS, beginning, async ({ seed, durability }, run) => {
    const model = new TransactionsModel(durability)
    const bench = await TransactionsBench.start(seed, model)
    await run({ model, real: bench })
  })
}
