// Snapshots as users take them: of files, of logs in memory and in tests, and the calls that are refused.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open, type EventLog, type OpenOptions } from '../../src/index.ts'
import { nativePart } from '../../src/native/load.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { testLog } from '../../src/testing.ts'
import { failureOf } from '../contract/support/failures.ts'
import { temporaryDirectory } from '../contract/support/logs.ts'
import { numbers, valuesOf } from '../contract/support/records.ts'
import { LiveLog } from '../support/live-log.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const STORAGES = nativePart === undefined ? ['file'] as const : ['mapped', 'file'] as const

async function opened(location: string, options?: OpenOptions): Promise<EventLog> {
  const log = await open(location, options)
  onTestFinished(async () => { await log.close().catch(() => undefined) })
  return log
}

async function withOrders(log: EventLog, count = 10): Promise<EventLog> {
  const orders = await log.topic<number>('orders', { segmentBytes: 1024 })
  for (const value of numbers(count)) await orders.send({ key: `key ${value}`, value })
  return log
}

async function ordersOf(log: EventLog): Promise<(number | null)[]> {
  return await valuesOf(await log.topic<number>('orders'))
}

describe.each(STORAGES)('of %s storage', storage => {
  test(`a snapshot of each of 10 random moments under load opens, and is the log at one moment (seed ${SEED})`, async () => {
    const root = temporaryDirectory()
    const log = await opened(join(root, 'log'), { storage })
    const random = new SeededRandom(SEED)
    const live = await LiveLog.begin(log, random)
    for (let i = 0; i < 10; i++) {
      live.start()
      for (let turn = random.below(40); turn > 0; turn--) await nextTurn()
      await log.snapshot(join(root, `copy-${i}`))
      await live.stop()
      const copy = await open(join(root, `copy-${i}`), { storage, create: false })
      await live.expectMoment(copy)
      await copy.close()
    }
    expect(readdirSync(root).filter(name => name.includes('partial'))).toEqual([])
  }, 120_000)

  test('log and snapshot live on side by side, each on its own', async () => {
    const root = temporaryDirectory()
    const log = await withOrders(await opened(join(root, 'log'), { storage }), 50)
    await log.snapshot(join(root, 'copy'))
    const copy = await opened(join(root, 'copy'), { storage })
    await (await log.topic('orders')).send({ value: 1000 })
    await (await copy.topic('orders')).send({ value: 2000 })
    await log.topics()[0]!.partitions[0]!.truncateBefore(30)
    expect(await ordersOf(log)).toEqual([...numbers(20, 30), 1000])
    expect(await ordersOf(copy)).toEqual([...numbers(50), 2000])
    await log.close()
    await copy.close()
    expect(await ordersOf(await opened(join(root, 'copy'), { readOnly: true }))).toEqual([...numbers(50), 2000])
  })
})

test('sealed segments are second names of the same files, the last one is a copy, and the log is another one', async () => {
  const root = temporaryDirectory()
  const log = await withOrders(await opened(join(root, 'log')), 100)
  await log.snapshot(join(root, 'copy'))
  const names = readdirSync(join(root, 'copy/orders-0')).filter(name => /^\d/.test(name))
  const last = names.filter(name => name.endsWith('.log')).at(-1)!.slice(0, 20)
  const shared = names.filter(name => statSync(join(root, 'copy/orders-0', name)).ino === statSync(join(root, 'log/orders-0', name), { throwIfNoEntry: false })?.ino)
  expect(shared.length).toBeGreaterThan(10)
  expect(shared).toEqual(names.filter(name => !name.startsWith(last)))
  const idOf = (name: string): unknown => (JSON.parse(readFileSync(join(root, name, 'log.json'), 'utf8')) as { id: unknown }).id
  expect(idOf('copy')).not.toBe(idOf('log'))
})

test('an empty directory becomes the snapshot, and parents are made', async () => {
  const root = temporaryDirectory()
  const log = await withOrders(await opened(join(root, 'log')))
  mkdirSync(join(root, 'empty'))
  await log.snapshot(join(root, 'empty'))
  await log.snapshot(join(root, 'a/b/copy'))
  for (const name of ['empty', 'a/b/copy']) expect(await ordersOf(await opened(join(root, name), { create: false }))).toEqual(numbers(10))
})

const OTHER_DEVICE = '/dev/shm'
const hasOtherDevice = existsSync(OTHER_DEVICE) && statSync(OTHER_DEVICE).dev !== statSync('/tmp').dev

test.skipIf(!hasOtherDevice)('on another file system all is copied', async () => {
  const root = temporaryDirectory()
  const elsewhere = mkdtempSync(`${OTHER_DEVICE}/millrace-snapshot-`)
  onTestFinished(() => { rmSync(elsewhere, { recursive: true, force: true }) })
  const log = await withOrders(await opened(join(root, 'log')), 100)
  await log.snapshot(join(elsewhere, 'copy'))
  for (const name of readdirSync(join(elsewhere, 'copy/orders-0'))) expect(statSync(join(elsewhere, 'copy/orders-0', name)).nlink, name).toBe(1)
  expect(await ordersOf(await opened(join(elsewhere, 'copy'), { create: false }))).toEqual(numbers(100))
})

test('what a test or a log in memory holds can be kept in files', async () => {
  const root = temporaryDirectory()
  const inMemory = await withOrders(await opened('memory:'), 100)
  const inTest = await withOrders(await testLog({ seed: SEED }), 100)
  for (const [name, log] of Object.entries({ inMemory, inTest })) {
    await log.group('billing').reset(log.topics()[0]!, new Map([[0, 60]]))
    await log.snapshot(join(root, name))
    await log.close()
    const kept = await opened(join(root, name), { create: false })
    expect(await ordersOf(kept)).toEqual(numbers(100))
    expect(await kept.group('billing').committed('orders')).toEqual(new Map([[0, 60]]))
  }
})

test('a snapshot of many segments gives way to others', async () => {
  const root = temporaryDirectory()
  const log = await opened(join(root, 'log'))
  const orders = await log.topic<number>('orders', { segmentBytes: 1024 })
  await orders.send(numbers(20_000).map(value => ({ value, headers: { padding: 'x'.repeat(500) } })))
  expect(orders.partitions[0]!.segments().length).toBeGreaterThan(40)
  let turns = 0
  let done = false
  const turn = (): void => {
    turns++
    if (!done) setImmediate(turn)
  }
  setImmediate(turn)
  await log.snapshot(join(root, 'copy'))
  done = true
  expect(turns).toBeGreaterThan(10)
})

describe('refused, with nothing changed', () => {
  test.each([
    ['no string', 7], ['nothing', undefined], ['an empty string', ''], ['a zero byte', 'a\0b'], ['memory', 'memory:'],
  ])('%s is no directory', async (_what, directory) => {
    const log = await withOrders(await opened('memory:'))
    expect(await failureOf(() => log.snapshot(directory as string))).toMatchObject({ name: 'UsageError', code: 'LOCATION_INVALID' })
  })

  test('a directory that holds something, or a file', async () => {
    const root = temporaryDirectory()
    const log = await withOrders(await opened(join(root, 'log')))
    mkdirSync(join(root, 'full'))
    writeFileSync(join(root, 'full/notes.txt'), 'mine')
    await log.snapshot(join(root, 'copy'))
    for (const name of ['full', 'copy']) expect(await failureOf(() => log.snapshot(join(root, name)))).toMatchObject({ name: 'ConflictError', code: 'DIRECTORY_NOT_EMPTY' })
    expect(await failureOf(() => log.snapshot(join(root, 'full/notes.txt')))).toMatchObject({ name: 'UsageError', code: 'LOCATION_NOT_A_DIRECTORY' })
    expect(await failureOf(() => log.snapshot(join(root, 'full/notes.txt/copy')))).toMatchObject({ name: 'UsageError', code: 'NOT_A_DIRECTORY' })
    expect(readdirSync(root).sort()).toEqual(['copy', 'full', 'log'])
  })

  test("the log's own directory, and what lies in it", async () => {
    const root = temporaryDirectory()
    const log = await withOrders(await opened(join(root, 'log')))
    for (const name of ['log', 'log/copy', 'log/orders-0/copy', 'other/../log/copy']) expect(await failureOf(() => log.snapshot(join(root, name)))).toMatchObject({ name: 'UsageError', code: 'SNAPSHOT_INSIDE_LOG' })
    expect(await failureOf(() => log.snapshot(root))).toMatchObject({ code: 'DIRECTORY_NOT_EMPTY' })
    await log.snapshot(join(root, 'log-copy'))
  })

  test('the same by another name, whichever of the two is a link', async () => {
    const root = temporaryDirectory()
    const log = await withOrders(await opened(join(root, 'log')))
    symlinkSync(join(root, 'log'), join(root, 'link'), 'junction')
    for (const name of ['link', 'link/copy', 'link/orders-0', 'link/orders-9/deep/copy']) expect(await failureOf(() => log.snapshot(join(root, name)))).toMatchObject({ name: 'UsageError', code: 'SNAPSHOT_INSIDE_LOG' })
    await log.close()
    const again = await opened(join(root, 'link'))
    for (const name of ['log', 'log/copy']) expect(await failureOf(() => again.snapshot(join(root, name)))).toMatchObject({ code: 'SNAPSHOT_INSIDE_LOG' })
    expect(readdirSync(join(root, 'log')).filter(name => /copy|orders-9/.test(name))).toEqual([])
  })

  test.skipIf(process.platform === 'win32')('what is neither a file nor a directory', async () => {
    const log = await withOrders(await opened(join(temporaryDirectory(), 'log')))
    expect(await failureOf(() => log.snapshot('/dev/null'))).toMatchObject({ name: 'UsageError', code: 'LOCATION_NOT_A_DIRECTORY', message: 'snapshot: /dev/null is neither a file nor a directory' })
  })

  test('a log that is read-only, or closed', async () => {
    const root = temporaryDirectory()
    const log = await withOrders(await opened(join(root, 'log')))
    const reader = await opened(join(root, 'log'), { readOnly: true })
    expect(await failureOf(() => reader.snapshot(join(root, 'copy')))).toMatchObject({ name: 'ConflictError', code: 'READ_ONLY' })
    await log.close()
    expect(await failureOf(() => log.snapshot(join(root, 'copy')))).toMatchObject({ name: 'ClosedError', code: 'LOG_CLOSED' })
    expect(readdirSync(root)).toEqual(['log'])
  })
})
