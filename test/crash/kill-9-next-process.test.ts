// What killing at random found, each as the shortest story that shows it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { testLog } from '../../src/testing.ts'

test('a topic made under the name of a deleted one keeps all its records, though crashes came between', async () => {
  let log = await testLog()
  const first = await log.topic<string>('orders')
  await first.send(['a', 'b', 'c'].map(value => ({ value })))
  await first.partitions[0]!.truncateBefore(2)
  await log.deleteTopic('orders') // the start offset is still in the checkpoint file
  log = await log.crash()
  const second = await log.topic<string>('orders')
  await second.send(['d', 'e', 'f'].map(value => ({ value })))
  const other = await log.topic<string>('other')
  await other.send({ value: 'x' })
  await other.partitions[0]!.truncateBefore(1) // writes the checkpoint of all partitions
  log = await log.crash()
  const values: unknown[] = []
  for await (const { value } of (await log.topic<string>('orders')).read({ from: 'earliest' })) values.push(value)
  expect(values).toEqual(['d', 'e', 'f'])
})

test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('a topic stored with %s takes records in the next process, opened without options', codec => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-codec-'))
  onTestFinished(() => { rmSync(directory, { recursive: true }) })
  const send = (options: object): string => `
    import { open } from 'millrace'
    const log = await open(${JSON.stringify(directory)})
    const topic = await log.topic('orders', ${JSON.stringify(options)})
    await topic.send({ value: 'sent' })
    topic.producer().sendSync({ value: 'at once' })
    process.kill(process.pid, 'SIGKILL')`
  for (const options of [{ compression: codec }, {}]) {
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', send(options)], { cwd, encoding: 'utf8' })
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
  }
})

test('a topic that was only listed refuses sendSync until its codec is there, and says how to get it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-codec-'))
  onTestFinished(() => { rmSync(directory, { recursive: true }) })
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const run = (program: string): string => spawnSync(process.execPath, ['--input-type=module', '--eval', `
    import { open } from 'millrace'
    const log = await open(${JSON.stringify(directory)})
    ${program}
    await log.close()`], { cwd, encoding: 'utf8' }).stdout
  run("await log.topic('orders', { compression: 'snappy' })")
  expect(run(`
    const producer = log.topics()[0].producer()
    try { producer.sendSync({ value: 1 }) } catch (error) { console.log(error.name, error.code) }
    await producer.send({ value: 2 })
    console.log(producer.sendSync({ value: 3 }).offset)`)).toBe('UsageError CODEC_NOT_LOADED\n1\n')
})
