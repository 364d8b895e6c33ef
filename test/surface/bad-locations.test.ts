// Directories that a log can't be opened in: each with a code, a hint, and the directory left as it was.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { open, type OpenOptions } from '../../src/index.ts'
import { expectError, expectRefused, failureOf, type Expected } from '../contract/support/failures.ts'
import { filesBelow, openFiles, temporaryDirectory } from '../contract/support/logs.ts'
import { bundleLibrary, startChild, type Library } from './support/children.ts'

const NOT_FOUND: Expected = { name: 'NotFoundError', code: 'LOG_NOT_FOUND' }

/** Opening fails, and below `root` nothing has changed. */
async function expectClosedDoor(root: string, location: string, options: OpenOptions, expected: Expected): Promise<void> {
  const before = filesBelow(root)
  expectError(await failureOf(() => open(location, options)), expected)
  expect(filesBelow(root)).toEqual(before)
}

async function closedLog(): Promise<string> {
  const directory = temporaryDirectory()
  const log = await open(directory)
  await (await log.topic('orders')).send({ value: 1 })
  await log.close()
  return directory
}

describe('what is no place for a log', () => {
  test('a file', async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'file'), 'mine')
    for (const options of [{}, { readOnly: true }, { create: false }]) await expectClosedDoor(root, join(root, 'file'), options, { name: 'UsageError', code: 'LOCATION_NOT_A_DIRECTORY', message: 'is a file, not a directory' })
    await expectClosedDoor(root, join(root, 'file', 'below'), {}, { name: 'UsageError', code: 'NOT_A_DIRECTORY' })
  })

  test.skipIf(process.platform === 'win32')('a socket', async () => {
    const root = temporaryDirectory()
    const server = createServer()
    await new Promise<void>(resolve => { server.listen(join(root, 'socket'), resolve) })
    onTestFinished(() => { server.close() })
    await expectClosedDoor(root, join(root, 'socket'), {}, { name: 'UsageError', code: 'LOCATION_NOT_A_DIRECTORY' })
  })

  test("somebody else's directory", async () => {
    const root = temporaryDirectory()
    writeFileSync(join(root, 'thesis.txt'), 'mine')
    await expectClosedDoor(root, root, {}, { name: 'UsageError', code: 'DIRECTORY_NOT_A_LOG', message: "holds other files ('thesis.txt') and no log", hint: 'empty or a new directory' })
  })

  test('nothing, where nothing is to be made: read-only, or create: false', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'empty'))
    for (const options of [{ readOnly: true }, { create: false }]) {
      for (const location of [join(root, 'absent'), join(root, 'empty'), join(root, 'far', 'away')]) await expectClosedDoor(root, location, options, { ...NOT_FOUND, message: location })
      expectError(await failureOf(() => open('memory:', options)), NOT_FOUND)
    }
  })

  test('a path that is longer than paths can be', async () => {
    const root = temporaryDirectory()
    await expectClosedDoor(root, join(root, 'x'.repeat(300)), {}, { name: 'UsageError', code: 'NAME_TOO_LONG' })
  })
})

describe('a log', () => {
  test('of a newer format', async () => {
    const directory = await closedLog()
    writeFileSync(join(directory, 'log.json'), '{"format":2,"id":"x","more":{}}')
    for (const options of [{}, { readOnly: true }]) await expectClosedDoor(directory, directory, options, { name: 'UsageError', code: 'FORMAT_TOO_NEW', message: /has format 2, .* knows formats up to 1/, hint: 'newer version' })
  })

  test.each(['', '{', '[]', 'null', '{"format":"1","id":"x"}', '{"format":0,"id":"x"}', '{"format":1}'])("whose log.json holds '%s'", async text => {
    const directory = await closedLog()
    writeFileSync(join(directory, 'log.json'), text)
    for (const options of [{}, { readOnly: true }]) await expectClosedDoor(directory, directory, options, { name: 'CorruptionError', code: 'LOG_FILE_MALFORMED', message: 'log.json' })
  })

  test('a partition of which is gone: it says which, instead of beginning anew', async () => {
    const directory = await closedLog()
    rmSync(join(directory, 'orders-0'), { recursive: true })
    await expectClosedDoor(directory, directory, {}, { name: 'CorruptionError', code: 'PARTITION_MISSING', message: "topic 'orders'", hint: 'restore it' })
  })

  test('that is open in this process: shared is better than opened again', async () => {
    const { log } = await openFiles(temporaryDirectory())
    const topic = await log.topic('orders')
    for (const location of [log.location, relative(process.cwd(), log.location), `${log.location}/`]) {
      await expectClosedDoor(log.location, location, {}, { name: 'ConflictError', code: 'LOCKED', message: 'is already open for writing by this process', hint: 'share the one that is open' })
    }
    await topic.send({ value: 1 })
    await log.close()
    await (await open(log.location)).close()
  })

  test('opened twice at once: one has it, the other is refused', async () => {
    const directory = temporaryDirectory()
    const results = await Promise.allSettled([open(directory), open(directory)])
    expect(results.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
    for (const result of results) {
      if (result.status === 'fulfilled') await result.value.close()
      else expect(result.reason).toMatchObject({ name: 'ConflictError', code: 'LOCKED' })
    }
  })

  test('reached through a link is the same log', async () => {
    const root = temporaryDirectory()
    mkdirSync(join(root, 'real'))
    symlinkSync(join(root, 'real'), join(root, 'link'))
    const { log } = await openFiles(join(root, 'real'))
    await expectClosedDoor(root, join(root, 'link'), {}, { name: 'ConflictError', code: 'LOCKED' })
    expect(await failureOf(() => open(join(root, 'link')))).toMatchObject({ retriable: true })
    await log.close()
  })
})

describe('other processes', () => {
  let library: Library
  beforeAll(() => { library = bundleLibrary() })
  afterAll(() => { library.remove() })

  test('a log that another process holds: the message names its process id, and readers are let in', async () => {
    const directory = await closedLog()
    const child = await startChild(library, `
      const log = await open(${JSON.stringify(directory)})
      await (await log.topic('orders')).send({ value: 2 })
      await say('open')
      await heard()
      await log.close()
    `)
    expect(await child.line()).toBe('open')
    await expectClosedDoor(directory, directory, {}, { name: 'ConflictError', code: 'LOCKED', message: `by process ${child.pid}`, hint: 'readOnly: true' })
    const reader = await open(directory, { readOnly: true })
    const topic = await reader.topic<number>('orders')
    const values: unknown[] = []
    for await (const record of topic.read()) values.push(record.value)
    expect(values).toEqual([1, 2])
    await reader.close()
    child.tell('close')
    expect(await child.ended).toMatchObject({ code: 0 })
    await (await open(directory)).close()
  })

  const asNobody = process.platform === 'linux' && process.getuid?.() === 0
  const isRoot = process.getuid?.() === 0
  test.skipIf(process.platform === 'win32' || (isRoot && !asNobody))('a directory that this user may not write to, or not even look into', async () => {
    const root = temporaryDirectory()
    chmodSync(root, 0o755)
    mkdirSync(join(root, 'readable'), { mode: 0o555 })
    mkdirSync(join(root, 'hidden'), { mode: 0o000 })
    chmodSync(library.directory, 0o755)
    const before = filesBelow(root)
    for (const location of ['readable', 'hidden', 'readable/below']) {
      const { stdout, stderr } = spawnSync(process.execPath, [library.script(`
        const error = await open(${JSON.stringify(join(root, location))}).catch(error => error)
        await say(JSON.stringify([error.name, error.code, error.message, error.hint]))
      `)], { encoding: 'utf8', ...(asNobody ? { uid: 65_534, gid: 65_534 } : {}) })
      expect(stderr).toBe('')
      const [name, code, message, hint] = JSON.parse(stdout) as string[]
      expect({ name, code }).toEqual({ name: 'UsageError', code: 'PERMISSION_DENIED' })
      expect(message).toContain(root)
      expect(hint).toContain('must belong to the user')
    }
    expect(filesBelow(root)).toEqual(before)
    chmodSync(join(root, 'hidden'), 0o700)
  })
})

describe('a log that was opened read-only', () => {
  const READ_ONLY: Expected = { name: 'ConflictError', code: 'READ_ONLY' }

  test('refuses every change, and reads', async () => {
    const directory = await closedLog()
    const opened = await openFiles(directory, { readOnly: true })
    const { log } = opened
    const topic = await log.topic('orders')
    const partition = topic.partitions[0]!
    for (const work of [
      () => topic.send({ value: 2 }), () => topic.send([{ value: 2 }]), () => topic.producer(), () => log.producer(), () => topic.alter({ retention: '1d' }),
      () => log.deleteTopic('orders'), () => partition.truncateBefore(1), () => partition.recover(),
    ]) await expectRefused(opened, work, READ_ONLY)
    await expectRefused(opened, () => log.topic('new'), { name: 'NotFoundError', code: 'TOPIC_NOT_FOUND', hint: 'read-only' })
    await expectRefused(opened, () => log.topic('../x'), { name: 'UsageError', code: 'TOPIC_NAME_INVALID' })
    await expectRefused(opened, () => log.topic('orders', { value: 'json' }), { name: 'ConflictError', code: 'TOPIC_CONTRADICTS' })
    expect((await partition.get(0))?.value).toBe(1)
  })

  test('closes, and says so afterwards', async () => {
    const directory = await closedLog()
    const { log } = await openFiles(directory, { readOnly: true })
    const topic = await log.topic('orders')
    await log.close()
    await log.close()
    for (const work of [() => log.topic('orders'), () => log.topics(), () => log.stats(), () => log.producer(), () => log.deleteTopic('orders'), () => topic.read().next(), () => topic.view(), () => topic.partitions[0]!.get(0)]) {
      expect(await failureOf(work)).toMatchObject({ name: 'ClosedError', code: 'LOG_CLOSED' })
    }
  })

  test('writes nothing at all', async () => {
    const directory = await closedLog()
    const contents = (): string[] => filesBelow(directory).filter(name => !name.endsWith('/')).map(name => readFileSync(join(directory, name.split(' ')[0]!)).toString('base64'))
    const before = contents()
    const { log } = await openFiles(directory, { readOnly: true })
    for await (const record of (await log.topic('orders')).read()) void record
    await log.close()
    expect(contents()).toEqual(before)
  })
})
