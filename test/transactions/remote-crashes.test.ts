// Producers of other processes, and a log that is killed or loses its power under them: what a client was told stays true.
import { expect, test } from 'vitest'
import { RemoteHistory } from './support/remote-history.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const RUNS = Number(process.env['RUNS'] ?? 12)

test(`what a remote client was told of its transaction is so after any kill and power cut, seeds ${SEED} to ${SEED + RUNS - 1}`, async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const history = await RemoteHistory.begin(seed)
    await history.run(8).catch((error: unknown) => { expect.fail(`seed ${seed}: ${(error as Error).message}\n${history.told}`) })
  }
})
