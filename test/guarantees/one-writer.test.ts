// One process writes a directory; a second writer gets a ConflictError that names the holder.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'
import { afterEach, beforeEach, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
let directory: string
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'millrace-one-writer-')) })
afterEach(() => { rmSync(directory, { recursive: true, force: true }) })

/** Another process that has the log open until it is killed. */
async function holder(): Promise<ChildProcess> {
  const source = `
    import { open } from 'millrace'
    const log = await open(${JSON.stringify(directory)})
    await (await log.topic('orders')).send({ value: 'theirs' })
    process.stdout.write('open')
    process.stdin.resume()
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
  await new Promise(resolve => { child.stdout.once('data', resolve) })
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise(resolve => { child.once('exit', resolve) })
  child.kill('SIGKILL')
  await ended
}

test('a second writer is refused with the process id of the first, and is let in once that is killed', async () => {
  const child = await holder()
  await expect(open(directory)).rejects.toMatchObject({ name: 'ConflictError', code: 'LOCKED', message: expect.stringContaining(`by process ${child.pid}`) as string, details: { pid: child.pid } })
  await kill(child)
  const log = await open(directory)
  expect((await log.topic('orders')).partitions[0]!.endOffset).toBe(1)
  await log.close()
})

test('readers are let in beside the writer, and write nothing', async () => {
  const child = await holder()
  const readers = await Promise.all([open(directory, { readOnly: true }), open(directory, { readOnly: true })])
  for (const log of readers) {
    const topic = await log.topic('orders')
    expect((await topic.partitions[0]!.get(0))?.value).toBe('theirs')
    await expect(topic.send({ value: 'mine' })).rejects.toMatchObject({ name: 'ConflictError', code: 'READ_ONLY' })
    await log.close()
  }
  await kill(child)
})

test('a second writer in the same process is told to share the first', async () => {
  const log = await open(directory)
  await expect(open(directory)).rejects.toMatchObject({ code: 'LOCKED', message: expect.stringContaining('by this process') as string, hint: expect.stringContaining('share') as string })
  await log.close()
  await (await open(directory)).close()
})
