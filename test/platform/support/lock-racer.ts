// A process that races for locks. For each line { directory, flock, at, dieAt } it waits for the time, tries to take
// the lock and answers 'won' or what refused it; it keeps what it won until the directory is null. Every call to the
// file system takes a random while, so that racers meet at every step; `dieAt` is the call to be killed at.
import fs from 'node:fs'
import { createInterface } from 'node:readline'
import type { DirectoryLock } from '../../../src/platform/file-system.ts'
import { lockDirectory } from '../../../src/platform/directory-lock.ts'
import { loadFlock } from '../../../src/platform/flock.ts'
import { plainFiles } from '../../../src/platform/storage-choice.ts'
import { SeededRandom } from '../../../src/platform/seeded-random.ts'

export interface Order { readonly directory: string | null; readonly flock?: boolean; readonly at?: number; readonly dieAt?: number }

const random = new SeededRandom(Number(process.argv[2]))
const cell = new Int32Array(new SharedArrayBuffer(4))
let callsToLive = Infinity

const calls = fs as unknown as Record<string, (...args: unknown[]) => unknown>
for (const name of ['mkdirSync', 'openSync', 'writeSync', 'readSync', 'renameSync', 'rmSync', 'readdirSync', 'closeSync']) {
  const original = calls[name]
  calls[name] = (...args) => {
    if (--callsToLive === 0) process.kill(process.pid, 'SIGKILL')
    if (random.chance(0.5)) Atomics.wait(cell, 0, 0, random.below(4))
    return original?.(...args)
  }
}

const held: DirectoryLock[] = []
createInterface({ input: process.stdin }).on('line', line => { console.log(answer(JSON.parse(line) as Order)) })
console.log('ready')

function answer({ directory, flock, at, dieAt }: Order): string {
  if (directory === null) {
    for (const lock of held.splice(0)) lock.release()
    return 'released'
  }
  while (Date.now() < (at ?? 0)) { /* all begin together */ }
  callsToLive = dieAt ?? Infinity
  try {
    held.push(lockDirectory(directory, plainFiles('as a test wants it').bootId, flock === true ? loadFlock() : null))
    return 'won'
  } catch (error) {
    return error instanceof Error && error.name === 'ConflictError' ? error.message : String(error instanceof Error ? error.stack : error).replaceAll('\n', ' | ')
  }
}
