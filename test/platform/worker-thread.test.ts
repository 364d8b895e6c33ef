// The thread beside the event loop, with a program of the test's at its other end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LimitError } from '../../src/base/errors.ts'
import { WorkerThread } from '../../src/platform/worker-thread.ts'

let place: string
beforeAll(() => { place = mkdtempSync(join(tmpdir(), 'millrace-thread-')) })
afterAll(() => { rmSync(place, { recursive: true }) })

function start(onMessage: string): WorkerThread {
  const path = join(place, `${Math.random()}.cjs`)
  writeFileSync(path, `const { parentPort } = require('node:worker_threads')\nparentPort.on('message', ({ id, task, request }) => { ${onMessage} })\n`)
  return WorkerThread.start(pathToFileURL(path))!
}

test('answers go to whoever asked, in any order', async () => {
  const thread = start('if (task === "later") setTimeout(() => parentPort.postMessage({ id, result: request }), 1); else parentPort.postMessage({ id, result: request })')
  expect(await Promise.all([thread.run('later', 1), thread.run('now', 2), thread.run('later', 3)])).toEqual([1, 2, 3])
  thread.end()
})

test('an error comes over as what it was', async () => {
  const thread = start("parentPort.postMessage({ id, failure: { name: 'LimitError', code: 'DISK_FULL', message: 'full', hint: 'make room', details: { path: 'x' }, retriable: true } })")
  const error: unknown = await thread.run('clean', {}).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(LimitError)
  expect(error).toMatchObject({ code: 'DISK_FULL', message: 'full', hint: 'make room', details: { path: 'x' }, retriable: true })
  thread.end()
})

test.each([['ends by itself', 'process.exit(3)'], ['throws', "throw new Error('broken')"]])('a thread that %s leaves nobody waiting', async (_what, program) => {
  const thread = start(program)
  await expect(Promise.all([thread.run('clean', {}), thread.run('clean', {})])).rejects.toMatchObject({ code: 'THREAD_FAILED' })
})

test('one that is ended leaves nobody waiting either', async () => {
  const thread = start('/* never answers */')
  const waiting = thread.run('clean', {})
  thread.end()
  await expect(waiting).rejects.toMatchObject({ code: 'THREAD_FAILED' })
})

test('where its file is not there is none', () => {
  expect(WorkerThread.start(pathToFileURL(join(place, 'absent.cjs')))).toBeUndefined()
})
