// Cuts the power of a real file system: a writer's disk is recorded write by write, and for each image the log is opened
// on what a cut at a random moment would have left of it. Needs nothing from the code under test: ext4 and the kernel
// decide what is on the disk. ../block-replay/README.md tells how.
import { runWithOwnMounts, whyNot } from './own-mounts.mjs'

/** @typedef {'mapped' | 'file' | 'auto'} Storage */

const STORAGES = /** @type {const} */ (['mapped', 'file', 'auto'])
const NEEDS = /** @type {const} */ (['/dev/fuse', '/dev/loop-control', 'cc', 'pkg-config', 'fusermount3', 'libfuse3-dev', 'mkfs.ext4'])
const replay = new URL('../block-replay/replay.mjs', import.meta.url)
/** Enough that some are cut where 'process' has acknowledged much and synced nothing. */
const CANARY_IMAGES = 10

/** @type {import('../torture.mjs').Campaign} */
export const campaign = {
  name: 'block-replay',
  about: 'opens the log on the ext4 images that power cuts leave of a recorded disk',
  rounds: { unit: 'images', slice: 5, full: 100 },
  options: { storage: STORAGES, broken: ['unsynced'] },
  runs({ storage, broken }) {
    const storages = STORAGES.filter(one => storage === undefined ? one !== 'auto' : storage === one)
    const sound = storages.map(one => ({
      name: `records acknowledged with 'power' are on every ext4 image that a power cut leaves, by storage '${one}'`,
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => replayed(options, one, 'power'),
    }))
    const canary = {
      name: "records acknowledged with 'process' are found missing",
      mustFind: 'is gone: the log ends at',
      run: (/** @type {import('../torture.mjs').RunOptions} */ options) => replayed({ ...options, rounds: Math.max(options.rounds, CANARY_IMAGES), progress: () => { /* it is short */ } }, storage ?? 'auto', 'process'),
    }
    return broken === undefined ? [...sound, canary] : [canary]
  },
}

/** @param {import('../torture.mjs').RunOptions} options @param {string} storage @param {'process' | 'power'} durability */
async function replayed({ rounds, seed, progress }, storage, durability) {
  const reason = whyNot(NEEDS)
  if (reason !== undefined) return { skipped: reason }
  return await runWithOwnMounts(replay, { images: rounds, seed, storage, durability }, progress)
}
