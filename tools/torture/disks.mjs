// Takes the disk away from under a log: full file systems, limits, and foreign hands in the files of a live segment.
// The process that writes must live, end its sends with an error it can name, and have what it acknowledged.
// ../disks/README.md lists the scenarios.
import { scenarios } from '../disks/scenarios.mjs'
import { runWithOwnMounts, whyNot } from './own-mounts.mjs'

const STORAGES = /** @type {const} */ (['mapped', 'file'])
/** It ends at the first SIGBUS. Two rounds in three cause none: what is synced every few sends is not mapped at that moment. */
const CANARY_ROUNDS = 100
const rounds = new URL('../disks/rounds.mjs', import.meta.url)

/** @type {import('../torture.mjs').Campaign} */
export const campaign = {
  name: 'disks',
  about: 'fills disks and cuts files under a log that is written; its process lives and has what it acknowledged',
  rounds: { unit: 'rounds', slice: 5, full: 1000 },
  options: { storage: STORAGES, scenario: Object.keys(scenarios), broken: ['unguarded'] },
  runs({ storage, scenario, broken }) {
    const asked = Object.entries(scenarios).filter(([name]) => scenario === undefined || scenario === name)
    const sound = STORAGES.filter(one => storage === undefined || storage === one).flatMap(one => asked.map(([name, { promise, needs }]) => ({
      name: `${promise}, by storage '${one}'`,
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => carriedOut(options, needs, { scenario: name, storage: one, guarded: true }),
    })))
    const canaries = storage === 'file' ? [] : asked.filter(([, { kills }]) => kills === true).map(([name, { needs }]) => ({
      name: `without the guard of the map, ${name} ends the process`,
      mustFind: 'ended with SIGBUS',
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => carriedOut({ ...options, rounds: Math.max(options.rounds, CANARY_ROUNDS) }, needs, { scenario: name, storage: 'mapped', guarded: false }),
    }))
    return broken === undefined ? [...sound, ...canaries] : canaries
  },
}

/**
 * @param {import('../torture.mjs').RunOptions} options @param {readonly import('./own-mounts.mjs').Need[]} needs
 * @param {{ scenario: string, storage: 'mapped' | 'file', guarded: boolean }} which
 */
async function carriedOut({ rounds: count, seed, progress }, needs, which) {
  const reason = whyNot(needs)
  if (reason !== undefined) return { skipped: reason }
  return await runWithOwnMounts(rounds, { ...which, rounds: count, seed }, progress)
}
