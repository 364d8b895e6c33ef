// What is done to a disk under a log that is being written, a round each. A round asks the writer (writer.mjs) and
// handles the device; what it returns is wrong.
//
// A full disk, or a limit: the sends end with an error, all that was acknowledged is there, and with room again the
// sends go on. A foreign hand in the files: the process lives, and what was below the cut is there.
import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {import('./writer.mjs').Failure} Failure
 * @typedef {object} Round
 * @property {import('./devices.mjs').Device} device
 * @property {import('../torture/random.mjs').Random} random
 * @property {import('./asked-writer.mjs').AskedWriter} writer
 * @property {string} directory  of the partition
 * @property {(error: Failure | undefined) => void} count  what the sends ended with
 *
 * @typedef {object} Scenario
 * @property {string} promise
 * @property {import('./devices.mjs').DeviceName} device
 * @property {readonly import('../torture/own-mounts.mjs').Need[]} needs
 * @property {boolean} [kills]  a map that nobody guards dies of it
 * @property {(round: Round) => Promise<string[]>} round
 */

const KIB = 1024
const MIB = 1024 * KIB

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  'full-tmpfs': {
    promise: 'a full tmpfs ends sends with an error, and with room they go on',
    device: 'tmpfs', needs: [], round: fullDisk,
  },
  'full-ext4': {
    promise: 'a full ext4 ends sends with an error, and with room they go on',
    device: 'ext4', needs: ['/dev/loop-control', 'mkfs.ext4'], round: fullDisk,
  },
  'full-ext2': {
    promise: 'a full ext2, which can\'t allocate ahead, ends sends with an error, and with room they go on',
    device: 'ext2', needs: ['/dev/loop-control', 'mkfs.ext2'], round: fullDisk,
  },
  'btrfs-snapshot': {
    promise: 'a full btrfs with a snapshot of live segments ends sends with an error, and with room they go on',
    device: 'btrfs', needs: ['/dev/loop-control', 'mkfs.btrfs'], kills: true,
    round: round => fullWithCopy(round, () => { round.device.snapshot() }),
  },
  'xfs-reflink': {
    promise: 'a full XFS with a reflink of live segments ends sends with an error, and with room they go on',
    device: 'xfs', needs: ['/dev/loop-control', 'mkfs.xfs'], kills: true,
    round: round => fullWithCopy(round, () => { round.device.reflink(round.directory) }),
  },
  'file-size-limit': {
    promise: 'RLIMIT_FSIZE ends sends with an error, and without it they go on',
    device: 'memory', needs: ['prlimit'], round: fileSizeLimit,
  },
  'foreign-truncate': {
    promise: 'who writes and reads a segment lives when another process truncates it, and what is below the cut is there',
    device: 'memory', needs: [], kills: true,
    round: round => foreignHand(round, (path, written) => {
      const end = round.random.chance(0.7) ? written : statSync(path).size
      const bytes = round.random.below(end + 1)
      truncateSync(path, bytes)
      return bytes
    }),
  },
  'foreign-delete': {
    promise: 'who writes and reads a segment lives when another process deletes it, and what the others hold is there',
    device: 'memory', needs: [],
    round: round => foreignHand(round, path => {
      rmSync(path)
      return 0
    }),
  },
}

// ---------------------------------------------------------------- want of room

/** @param {Round} round */
async function fullDisk(round) {
  const { device, random, writer } = round
  device.fillUp(300 * KIB + random.below(3 * MIB))
  return await fillAndGoOn(round, await writer.ask('fill'), () => { device.makeRoom() })
}

/** @param {Round} round @param {() => void} copy */
async function fullWithCopy(round, copy) {
  const { device, random, writer } = round
  await writer.ask('send', { records: 1 + random.below(100), bytes: 4000 })
  copy()
  device.fillUp(0)
  return await fillAndGoOn(round, await writer.ask('fill'), () => { device.makeRoom() })
}

/** @param {Round} round */
async function fileSizeLimit(round) {
  const { random, writer } = round
  await writer.ask('send', { records: 1 + random.below(50), bytes: 4000 })
  writer.limitFileSize(300 * KIB + random.below(600 * KIB))
  return await fillAndGoOn(round, await writer.ask('fill'), () => { writer.limitFileSize('unlimited') })
}

/** @param {Round} round @param {import('./writer.mjs').Answer} filled @param {() => void} makeRoom */
async function fillAndGoOn({ random, writer, count }, { error, wrong = [] }, makeRoom) {
  count(error)
  const failed = error?.name === 'StorageError'
  const whenFull = await writer.check({ failed })
  makeRoom()
  const healed = failed ? await writer.ask('heal') : {}
  const sent = await writer.ask('send', { records: 1 + random.below(30), bytes: 2000 })
  const found = [...wrong, ...whenFull, ...await writer.check({})]
  if (healed.error !== undefined) found.push(`there is room again, and recover() fails: ${healed.error.message}`)
  if (sent.error !== undefined) found.push(`there is room again, and a send fails: ${sent.error.message}`)
  return found
}

// ---------------------------------------------------------------- a foreign hand

/** @param {Round} round @param {(path: string, written: number) => number} touch  what it leaves of the file */
async function foreignHand({ random, writer, directory, count }, touch) {
  await writer.ask('send', { records: 1 + random.below(200), bytes: 20_000 })
  const sending = { before: random.below(100), after: 1 + random.below(100), bytes: random.pick([100, 2000, 20_000]) }
  const touched = { baseOffset: 0, bytes: 0 }
  const { error, wrong = [] } = await writer.askAnd('sendAndRead', sending, written => {
    const last = readdirSync(directory).filter(name => name.endsWith('.log')).sort().at(-1) ?? ''
    touched.baseOffset = Number.parseInt(last, 10)
    touched.bytes = touch(join(directory, last), written)
  })
  count(error)
  // A sync in the background may have failed the partition as well: until recover() what was not synced is not served.
  const found = [...wrong, ...await writer.check({ touched, failed: true })]
  const healed = await writer.ask('heal')
  if (healed.error === undefined) found.push(...(await writer.check({ touched })).map(what => `after recover(): ${what}`))
  if (healed.error !== undefined || random.chance(0.2)) {
    await writer.ask('reopen')
    found.push(...(await writer.check({ touched })).map(what => `opened again: ${what}`))
  }
  return found
}
