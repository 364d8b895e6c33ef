import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { open } from '../../src/index.ts'

const roots: string[] = []
afterEach(() => { for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true }) })

/** A log with a record in each of three topics, closed. */
async function closedLog(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-opening-'))
  roots.push(root)
  const log = await open(join(root, 'data'))
  for (const name of ['a', 'b', 'c']) await (await log.topic(name)).send({ value: name })
  await log.close()
  return join(root, 'data')
}

/** As after a kill: everything is looked at. */
function makeUnclean(directory: string): void {
  rmSync(join(directory, '.kafka_cleanshutdown'))
}

test.each(['notes-2024', 'b-7'])("somebody's own directory '%s' inside the log's is left alone, files and all, and told of", async name => {
  const directory = await closedLog()
  mkdirSync(join(directory, name, 'drafts'), { recursive: true })
  writeFileSync(join(directory, name, 'todo.txt'), 'buy flour')
  makeUnclean(directory)
  const log = await open(directory)
  const warnings: string[] = []
  log.on('warning', ({ code, message }) => { warnings.push(`${code} ${message}`) })
  await new Promise(resolve => { setImmediate(() => { setImmediate(resolve) }) })
  expect(warnings).toEqual([expect.stringMatching(new RegExp(`^DIRECTORY_WITHOUT_TOPIC ${name} `))])
  await log.close()
  expect(readdirSync(join(directory, name))).toEqual(['drafts', 'todo.txt'])
})

test('what an unfinished creation left behind is cleared away', async () => {
  const directory = await closedLog()
  mkdirSync(join(directory, 'd-0'))
  writeFileSync(join(directory, 'd-0', 'partition.metadata'), '')
  writeFileSync(join(directory, 'd-0', '00000000000000000000.log'), '')
  makeUnclean(directory)
  await (await open(directory)).close()
  expect(existsSync(join(directory, 'd-0'))).toBe(false)
})

test('a log whose catalog is gone is not taken for a new one', async () => {
  const directory = await closedLog()
  const catalog = join(directory, '__topics-0')
  renameSync(catalog, `${directory}-catalog`)
  await expect(open(directory)).rejects.toMatchObject({ name: 'CorruptionError', code: 'CATALOG_MISSING', details: { partition: 'a-0' } })
  expect(existsSync(catalog)).toBe(false)
  renameSync(`${directory}-catalog`, catalog)
  const log = await open(directory)
  expect(log.topics().map(topic => topic.name)).toEqual(['a', 'b', 'c'])
  await log.close()
})

test.skipIf(process.platform !== 'linux')('an opening that fails gives its descriptors back, whoever opens', async () => {
  const directory = await closedLog()
  renameSync(join(directory, 'c-0'), `${directory}-c`)
  for (const readOnly of [false, true]) {
    await expect(open(directory, { readOnly })).rejects.toThrow()
    expect(openFiles().filter(path => path.startsWith(directory)), `readOnly: ${readOnly}`).toEqual([])
  }
})

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      return [readlinkSync(join('/proc/self/fd', fd))]
    } catch {
      return [] // the one that the directory was listed with
    }
  })
}
