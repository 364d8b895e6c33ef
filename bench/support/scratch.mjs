// Places to measure in: a directory that is gone afterwards, with or without a log in it.
// BENCH_DIRECTORY says on which disk; the system's temporary directory otherwise.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'millrace'

/**
 * @template T
 * @param {(directory: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inScratch(work) {
  const directory = mkdtempSync(join(process.env['BENCH_DIRECTORY'] ?? tmpdir(), 'millrace-bench-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/**
 * @template T
 * @param {(log: import('millrace').EventLog) => Promise<T>} work
 * @param {import('millrace').OpenOptions} [options]
 * @returns {Promise<T>}
 */
export async function inLog(work, options) {
  return await inScratch(async directory => {
    const log = await open(directory, options)
    try {
      return await work(log)
    } finally {
      await log.close()
    }
  })
}
