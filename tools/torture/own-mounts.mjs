// Runs a part of a campaign that mounts disks, in a process with a mount table of its own: what it mounts nobody else
// sees, and it is all gone with its last process, however that ended. Loop devices go with their mounts. There a
// tmpfs hides /dev/shm: the run keeps its disks in it, and leaves no file on the machine.
//
// The run is a module with `run(argument, progress)`; own-mounts/inside.mjs calls it.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where a run has its disks, its mounts and its files. */
export const SCRATCH = '/dev/shm'

/** By the command that is looked for: the package of Debian that brings it. */
const PACKAGES = { 'cc': 'gcc', 'pkg-config': 'pkg-config', 'fusermount3': 'fuse3', 'mkfs.ext2': 'e2fsprogs', 'mkfs.ext4': 'e2fsprogs', 'mkfs.xfs': 'xfsprogs', 'mkfs.btrfs': 'btrfs-progs', 'prlimit': 'util-linux' }

/** @typedef {keyof typeof PACKAGES | '/dev/fuse' | '/dev/loop-control' | 'libfuse3-dev'} Need */

/**
 * @param {URL} module @param {unknown} argument @param {(rounds: number) => void} progress
 * @returns {Promise<import('../torture.mjs').RunResult>}
 */
export function runWithOwnMounts(module, argument, progress) {
  return new Promise((resolve, reject) => {
    const inside = fileURLToPath(new URL('own-mounts/inside.mjs', import.meta.url))
    const child = spawn('unshare', ['--mount', process.execPath, inside, fileURLToPath(module), JSON.stringify(argument)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    /** @type {import('../torture.mjs').RunResult | undefined} */
    let result
    child.on('message', message => {
      if (typeof message === 'number') progress(message)
      else result = /** @type {import('../torture.mjs').RunResult} */ (message)
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => { resolve(result ?? { figures: 'it did not end', violations: [`the run ended with ${signal ?? `exit code ${code}`}`] }) })
  })
}

/** Why a run can't be had on this machine. Packages that are missing are installed. @param {readonly Need[]} needs */
export function whyNot(needs) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'mounting takes root on Linux'
  if (spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', SCRATCH]).status !== 0) return 'this process may not mount'
  for (const need of needs) {
    if (!isThere(need) && (need.startsWith('/') || !install(need in PACKAGES ? PACKAGES[/** @type {keyof typeof PACKAGES} */ (need)] : need) || !isThere(need))) return `${need} is missing`
  }
  return undefined
}

/** @param {Need} need */
function isThere(need) {
  if (need === 'libfuse3-dev') return spawnSync('pkg-config', ['--exists', 'fuse3']).status === 0
  if (!need.startsWith('/')) return spawnSync('sh', ['-c', `command -v ${need}`]).status === 0
  try {
    accessSync(need, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** @param {string} name */
function install(name) {
  const apt = (/** @type {string[]} */ ...args) => execFileSync('apt-get', ['-qq', '-y', '--no-install-recommends', ...args], { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  for (const prepare of [[], ['update']]) {
    try {
      if (prepare.length > 0) apt(...prepare)
      apt('install', name)
      return true
    } catch {
      // perhaps its lists are old, perhaps there is no such machine: the next turn, or the caller, tells
    }
  }
  return false
}
