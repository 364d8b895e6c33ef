// The disks that the rounds fill: each mounted within own mounts, small, and in memory.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { SCRATCH } from '../torture/own-mounts.mjs'

const MIB = 1024 * 1024
const IMAGE = join(SCRATCH, 'image')
const MOUNTED = join(SCRATCH, 'mounted')
const BALLAST = join(MOUNTED, 'ballast')

/** By name: how it is made, and the least that its file system takes. */
const MAKERS = {
  tmpfs: () => { mount('-t', 'tmpfs', '-o', `size=${8 * MIB}`, 'tmpfs') },
  ext2: () => { mountImage(16, 'mkfs.ext2', '-q', '-F', '-m', '0') },
  ext4: () => { mountImage(16, 'mkfs.ext4', '-q', '-F', '-m', '0') },
  btrfs: () => { mountImage(128, 'mkfs.btrfs', '-q', '-f', '--mixed') },
  xfs: () => { mountImage(320, 'mkfs.xfs', '-q', '-f') },
  /** As large as the memory that is there. */
  memory: () => { mkdirSync(MOUNTED) },
}

/** @typedef {keyof typeof MAKERS} DeviceName */

export class Device {
  #data
  #copies = 0
  #allocates

  /** @param {DeviceName} name */
  constructor(name) {
    MAKERS[name]()
    this.#allocates = name !== 'ext2'
    this.#data = name === 'btrfs' ? join(MOUNTED, 'volume') : join(MOUNTED, 'data')
    if (name === 'btrfs') execFileSync('btrfs', ['-q', 'subvolume', 'create', this.#data])
  }

  /** Where the log is. */
  get data() { return this.#data }

  /** Leaves about so much room. @param {number} bytes */
  fillUp(bytes) {
    const room = () => { const { bavail, bsize } = statfsSync(MOUNTED); return bavail * bsize }
    const ballast = Math.floor(0.9 * (room() - bytes))
    if (ballast > 0 && this.#allocates) execFileSync('fallocate', ['-l', String(ballast), BALLAST])
    const fd = openSync(BALLAST, 'a')
    try {
      for (const piece of [MIB, 64 * 1024, 4096]) fillBy(fd, piece, () => room() - bytes)
    } finally {
      closeSync(fd)
    }
  }

  /** Another name for the files as they stand: from now on each write to them needs new room. */
  snapshot() {
    execFileSync('btrfs', ['-q', 'subvolume', 'snapshot', this.#data, join(MOUNTED, `copy-${this.#copies++}`)])
  }

  /** The same with single files. @param {string} directory  of a partition */
  reflink(directory) {
    execFileSync('cp', ['--reflink=always', '--recursive', directory, join(MOUNTED, `copy-${this.#copies++}`)])
  }

  /** Takes ballast and copies away. */
  makeRoom() {
    rmSync(BALLAST, { force: true })
    for (const copy of readdirSync(MOUNTED).filter(name => name.startsWith('copy-'))) {
      if (this.#data.endsWith('volume')) execFileSync('btrfs', ['-q', 'subvolume', 'delete', '--commit-after', join(MOUNTED, copy)])
      else rmSync(join(MOUNTED, copy), { recursive: true })
    }
    execFileSync('sync', ['--file-system', MOUNTED])
  }
}

/** @param {number} fd @param {number} piece @param {() => number} room */
function fillBy(fd, piece, room) {
  const zeros = Buffer.alloc(piece)
  try {
    while (room() >= piece) writeSync(fd, zeros)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}

/** @param {number} mebibytes @param {string} make @param {...string} options */
function mountImage(mebibytes, make, ...options) {
  writeFileSync(IMAGE, '')
  truncateSync(IMAGE, mebibytes * MIB)
  execFileSync(make, [...options, IMAGE], { stdio: 'ignore' })
  mount('-o', 'loop', IMAGE)
}

/** @param {...string} what */
function mount(...what) {
  mkdirSync(MOUNTED)
  execFileSync('mount', [...what, MOUNTED])
}
