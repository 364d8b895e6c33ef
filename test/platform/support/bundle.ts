// Makes one CommonJS file of some source files, so that plain Node 20 can run them in a child process.
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** For the child's environment: optional packages are looked up from where the bundle is, which is elsewhere. */
export const CHILD_ENV = { ...process.env, NODE_PATH: `${root}node_modules` }

/** Sources are named from the project's root; the bundle runs them and exports what they export. */
export function bundleForNode(sources: readonly string[], outfile: string): void {
  buildSync({
    stdin: { contents: sources.map(source => `export * from './${source}'`).join('\n'), resolveDir: root, loader: 'ts' },
    ignoreAnnotations: true, bundle: true, platform: 'node', target: 'node20', format: 'cjs', outfile, logLevel: 'error', logOverride: { 'empty-import-meta': 'silent' },
  })
}
