// Builds dist/ once before tests that need it, and only when something it is made from is newer.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = ['src', 'native', 'tools/entries.ts', 'tools/build-native.mjs', 'tsup.config.ts', 'tsconfig.json', 'package.json']
const built = ['dist/index.js', 'dist/index.d.ts', 'dist/index.d.cts']

export default function buildDist(): void {
  if (oldest(built) > newest(sources)) return
  execFileSync(process.execPath, [join(root, 'node_modules/tsup/dist/cli-default.js'), '--silent'], { cwd: root, stdio: 'inherit' })
}

function oldest(paths: readonly string[]): number {
  return Math.min(...paths.map(path => existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0))
}

function newest(paths: readonly string[]): number {
  return Math.max(0, ...paths.flatMap(filesIn).map(path => statSync(path).mtimeMs))
}

function filesIn(path: string): string[] {
  const full = join(root, path)
  if (statSync(full).isFile()) return [full]
  return readdirSync(full, { recursive: true, withFileTypes: true }).map(entry => join(entry.parentPath, entry.name))
}
