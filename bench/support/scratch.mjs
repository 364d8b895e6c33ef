// Places to measure in: a directory that is gone afterwards, with or without a log in it. All stand in the directory that
// run.mjs makes and removes, also when it is interrupted; in one of the system's own where a benchmark is run without it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'millrace'
import { flags } from './flags.mjs'

const base = flags.directory ?? makeBase()

/** A directory, and what removes it; what is not removed goes with the base. */
export function makeScratch() {
  const directory = mkdtempSync(join(base, 's-'))
  return { directory, remove: () => { rmSync(directory, { recursive: true }) } }
}

/**
 * @template T
 * @param {(directory: string) => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inScratch(work) {
  const { directory, remove } = makeScratch()
  try {
    return await work(directory)
  } finally {
    remove()
  }
}

/**
 * The storage is that of --storage, unless the options say another.
 * @template T
 * @param {(log: import('millrace').EventLog) => T | Promise<T>} work
 * @param {import('millrace').OpenOptions} [options]
 * @returns {Promise<T>}
 */
export async function inLog(work, options) {
  return await inScratch(async directory => {
    const log = await open(directory, { storage: flags.storage, ...options })
    try {
      return await work(log)
    } finally {
      await log.close()
    }
  })
}

/** Which storage the logs of this process get, and why. */
export async function storageNotes() {
  return await inLog(log => {
    const { storage, storageReason } = log.stats()
    return { storage: `${storage} (${storageReason})` }
  })
}

function makeBase() {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  process.on('exit', () => { rmSync(directory, { recursive: true, force: true }) })
  return directory
}
