// Runs one scenario round after round with one writer. Within own mounts (../torture/own-mounts.mjs); called by
// ../torture/disks.mjs. Each round draws from its own seed, so that one that found something can be had alone.
import { buildNative } from '../build-native.mjs'
import { Random } from '../torture/random.mjs'
import { AskedWriter, WriterLost } from './asked-writer.mjs'
import { Device } from './devices.mjs'
import { scenarios } from './scenarios.mjs'

/**
 * @typedef {{ scenario: string, storage: 'mapped' | 'file', rounds: number, seed: number, guarded: boolean }} RoundsOptions
 */

const MAX_VIOLATIONS = 10

/** @param {RoundsOptions} options @param {(rounds: number) => void} progress @returns {Promise<import('../torture.mjs').RunResult>} */
export async function run({ scenario: name, storage, rounds, seed, guarded }, progress) {
  const scenario = scenarios[name]
  if (scenario === undefined) throw new Error(`there is no scenario '${name}'`)
  const device = new Device(scenario.device)
  const writer = new AskedWriter(guarded ? {} : { MILLRACE_NATIVE: buildNative('unguarded') ?? '' })
  const violations = /** @type {string[]} */ ([])
  const endings = /** @type {Map<string, number>} */ (new Map())
  const count = (/** @type {import('./writer.mjs').Failure | undefined} */ error) => {
    const ending = error === undefined ? 'no error' : `${error.name} ${error.code}`
    endings.set(ending, 1 + (endings.get(ending) ?? 0))
  }
  let done = 0
  try {
    await writer.ask('open', { directory: device.data, storage })
    while (done < rounds && violations.length < MAX_VIOLATIONS) {
      const random = new Random(seed + done)
      const { directory } = await writer.ask('begin', { seed: random.below(2 ** 32) })
      const wrong = await scenario.round({ device, random, writer, directory: String(directory), count })
      violations.push(...wrong.map(what => `round ${done}, alone with --rounds 1 --seed ${seed + done}: ${what}`))
      progress(++done)
    }
  } catch (error) {
    if (!(error instanceof WriterLost)) throw error
    if (error.message.includes('STORAGE_UNAVAILABLE')) return { skipped: error.message.match(/UsageError: (.*)/)?.[1] ?? error.message }
    violations.push(`round ${done}: ${error.message}`)
  } finally {
    writer.end()
  }
  return { figures: [`${done} rounds`, ...[...endings].map(([ending, times]) => `sends ended ${times} × with ${ending}`)].join(', '), violations }
}
