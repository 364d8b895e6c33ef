// Logs of many gigabytes, for what only shows at that size.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'millrace'
import { flags } from './flags.mjs'
import { STORED_BYTES, bytesTopic, fill } from './records.mjs'

/**
 * Writes a log of that many bytes with one topic, 'numbers', and closes it.
 * @param {string} directory
 * @param {number} bytes
 */
export async function writeLargeLog(directory, bytes) {
  const log = await open(directory, { storage: flags.storage })
  await fill(await bytesTopic(log, 'numbers'), Math.floor(bytes / STORED_BYTES))
  await log.close()
}

/**
 * Makes the page cache look like a machine's after a power cut, as far as the log can tell: no clean end, written
 * under another boot, and nothing known of what the device has.
 * @param {string} directory a closed log
 * @param {(path: string) => void} remove
 */
export function pretendPowerCut(directory, remove) {
  remove(join(directory, '.kafka_cleanshutdown'))
  remove(join(directory, 'recovery-point-offset-checkpoint'))
  const lock = join(directory, '.lock')
  const text = readFileSync(lock, 'utf8')
  const other = text.replace(/"dataBoot":"[^"]*"/, '"dataBoot":"00000000-0000-0000-0000-000000000000"')
  if (other === text) throw new Error(`.lock holds no boot id: ${text}`)
  writeFileSync(lock, other)
}
