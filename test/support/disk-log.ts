// A log with groups on a simulated disk, and what is in its files byte for byte.
import { LocalLog } from '../../src/log/local-log.ts'
import { readOpenOptions } from '../../src/log/open-options.ts'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { EventLog, coordinate } from '../../src/surface/event-log.ts'
import type { LiveLog } from './live-log.ts'

export interface DiskLog { readonly local: LocalLog; readonly log: EventLog }

export async function openOn(fs: SimulatedFileSystem, path: string, options: object = {}): Promise<DiskLog> {
  const local = await LocalLog.open(fs, path, path, readOpenOptions(options))
  return { local, log: new EventLog(local, await coordinate(local)) }
}

/** Opens the copy, holds it to one moment, and closes it. Returns the moment. */
export async function examine(live: LiveLog, fs: SimulatedFileSystem, path: string): Promise<number> {
  const { log } = await openOn(fs, path, { create: false })
  const moment = await live.expectMoment(log)
  await log.close()
  return moment
}

/** Of every partition, by name. */
export function filesOf(fs: SimulatedFileSystem, path: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const partition of fs.list(path).filter(name => /-\d+$/.test(name))) {
    for (const name of fs.list(`${path}/${partition}`)) {
      const file = fs.open(`${path}/${partition}/${name}`, 'read')
      const bytes = Buffer.alloc(file.bytes())
      file.read(bytes, 0)
      file.close()
      files.set(`${partition}/${name}`, bytes.toString('latin1'))
    }
  }
  return files
}
