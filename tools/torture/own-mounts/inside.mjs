// The process behind ../own-mounts.mjs: hides the machine's shared memory behind a tmpfs, runs the module, and ends
// with its parent, so that an interrupted campaign leaves nothing behind.
//
//   inside.mjs <module> <argument as JSON>       sends numbers while it goes on, and at last the result
import { execFileSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { SCRATCH } from '../own-mounts.mjs'

const [, , module = '', argument = ''] = process.argv

process.on('disconnect', () => { process.exit(1) })
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4g', 'tmpfs', SCRATCH])
const { run } = await import(pathToFileURL(module).href)
const result = await run(JSON.parse(argument), (/** @type {number} */ rounds) => process.send?.(rounds))
process.send?.(result, () => { process.exit() })
