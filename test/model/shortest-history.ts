// Runs random histories: steps that are fast-check commands. A failure is shrunk to few steps, and told with what
// repeats it: the seed, the path of the smallest failure in it, and which of its steps ran.
import fc from 'fast-check'

export interface HistoriesOptions {
  readonly seed: number
  readonly count: number
  /** Steps of the longest. */
  readonly steps?: number
  /** Of a failure that was told: it alone is run. */
  readonly path?: string | undefined
  readonly replayPath?: string | undefined
  readonly onHistory?: () => void
}

interface Told extends HistoriesOptions {
  readonly steps: number
  /** The folder to run. */
  readonly tests: string
}

/** Where a history begins, and what runs the steps from there. */
type History<Start, Model extends object, Real> = (start: Start, run: (begin: { model: Model; real: Real }) => Promise<void>) => Promise<void>

/** Throws, with how to repeat it, where a step or the history around it throws. */
export async function checkHistories<Start, Model extends object, Real>(
  { seed, count, steps, path, replayPath, tests, onHistory }: Told, arbitraries: readonly fc.Arbitrary<fc.AsyncCommand<Model, Real>>[], start: fc.Arbitrary<Start>, history: History<Start, Model, Real>,
): Promise<void> {
  const commands = fc.commands<Model, Real>([...arbitraries], { maxCommands: steps, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) })
  const property = fc.asyncProperty(commands as fc.Arbitrary<Iterable<fc.AsyncCommand<Model, Real>>>, start, async (drawn, begin) => {
    await history(begin, async setup => { await fc.asyncModelRun(() => setup, drawn) })
    onHistory?.()
  })
  const details = await fc.check(property, { seed, numRuns: path === undefined ? count : 1, ...(path === undefined ? {} : { path, endOnFailure: true }) })
  if (!details.failed) return
  const error = details.errorInstance as Error
  const [drawn, begin] = details.counterexample!
  const ran = [...drawn as Iterable<fc.AsyncCommand<Model, Real> & { readonly hasRan: boolean }>].filter(({ hasRan }) => hasRan)
  const replay = /replayPath="([^"]*)"/.exec(String(drawn))?.[1] ?? ''
  throw new Error(`${error.message}\n\nThe shortest history that shows it (begun with ${JSON.stringify(begin)}):\n${ran.map(step => `  ${String(step)}\n`).join('')}\nIt is repeated by: SEED=${details.seed} HISTORY='${details.counterexamplePath ?? ''}' STEPS='${replay}' npx vitest run ${tests}`, { cause: error })
}
