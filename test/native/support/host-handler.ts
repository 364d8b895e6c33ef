// Compiles host-handler.c, where there is a compiler.
import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'

export const compiler = spawnSync(process.env['CC'] ?? 'cc', ['--version']).status === 0 ? process.env['CC'] ?? 'cc' : undefined

/** The addon's path. */
export function buildHostHandler(directory: string): string {
  const file = join(directory, 'host-handler.node')
  const headers = join(dirname(fileURLToPath(import.meta.resolve('node-api-headers'))), 'include')
  execFileSync(compiler!, ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O1', '-fPIC', '-shared', '-I', headers, fileURLToPath(new URL('host-handler.c', import.meta.url)), '-o', file])
  return file
}
