// How much of all there is a run looks at. `npm test` takes a part that the seed chooses, so that runs add up;
// EVERY_CALL=1 takes all. SEED=n repeats a run.

export const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

const everything = process.env['EVERY_CALL'] === '1'

/** One number in `step`. */
export function isChosen(number: number, step: number): boolean {
  return everything || (number + SEED) % step === 0
}
