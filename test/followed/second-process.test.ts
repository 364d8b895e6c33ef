// A log that another process writes, opened read-only beside it. The tests wait for what the follower itself shows.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ClosedError, NotFoundError, OutOfRangeError, open, type EventLog, type MillraceError } from '../../src/index.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { fingerprint, numbered, numbers, take, valuesOf } from './support/records.ts'
import { WriterProcess, bundleWriter } from './support/writer-process.ts'

const SMALL_SEGMENTS = { segmentBytes: '1KiB' } as const

let root: string
let script: string
let directory: string
let writer: WriterProcess
let log: EventLog
let troubles: MillraceError[]

beforeAll(() => {
  root = mkdtempSync(`${tmpdir()}/millrace-followed-`)
  script = `${root}/writer.cjs`
  bundleWriter(script)
})
afterAll(() => { rmSync(root, { recursive: true, force: true }) })

let directories = 0
beforeEach(async () => {
  directory = `${root}/d${directories++}`
  writer = await WriterProcess.start(script, directory)
  await writer.tell({ do: 'topic', topic: 'orders', options: { partitions: 2, ...SMALL_SEGMENTS } })
  log = await open(directory, { readOnly: true })
  troubles = []
  log.on('error', ({ error }) => { troubles.push(error) })
})
afterEach(async () => {
  await log.close()
  await writer.kill()
  expect(troubles).toEqual([])
})

const segmentsOf = (partition: string): string[] => readdirSync(`${directory}/${partition}`).filter(name => name.endsWith('.log'))

describe('a follower in another process', () => {
  test('is shown every record of every partition in order, while the writer sends and rolls', async () => {
    const orders = await log.topic('orders')
    const reading = orders.read({ follow: true })
    for (let first = 0; first < 200; first += 20) {
      await writer.tell({ do: 'send', topic: 'orders', records: [...numbered(first, first + 20, { partition: 0 }), ...numbered(first, first + 20, { partition: 1 })] })
      const values = await take(reading, 40)
      expect(values.get(0)).toEqual(numbers(first, first + 20))
      expect(values.get(1)).toEqual(numbers(first, first + 20))
    }
    expect(segmentsOf('orders-0').length).toBeGreaterThan(5)
    expect(orders.partitions.map(partition => partition.offsets())).toEqual([{ start: 0, stable: 200, end: 200 }, { start: 0, stable: 200, end: 200 }])
    expect(orders.partitions[0]!.segments().map(({ baseOffset }) => baseOffset)).toEqual(segmentsOf('orders-0').map(name => Number(name.slice(0, 20))))
    await reading.return!()
  })

  test('answers an offset, a fetch and a record at once with what the writer has acknowledged', async () => {
    const [partition] = (await log.topic('orders')).partitions
    for (let first = 0; first < 60; first += 15) {
      await writer.tell({ do: 'send', topic: 'orders', records: numbered(first, first + 15, { partition: 0, timestamp: 1_000_000 + first }) })
      expect(partition!.endOffset).toBe(first + 15)
      expect((await partition!.get(first + 7))!.value).toBe(first + 7)
      expect((await partition!.fetch({ from: first }))[0]!.baseOffset).toBe(first)
      expect(await partition!.offsetAt(1_000_000 + first)).toBe(first)
    }
  })

  test('is shown topics that are made later, and partitions that are added', async () => {
    await expect(log.topic('invoices')).rejects.toThrow(NotFoundError)
    await writer.tell({ do: 'topic', topic: 'invoices', options: { partitions: 1, compression: 'gzip', ...SMALL_SEGMENTS } })
    const invoices = await log.topic('invoices')
    const reading = invoices.read({ follow: true })
    await writer.tell({ do: 'send', topic: 'invoices', records: numbered(0, 5) })
    expect(await take(reading, 5)).toEqual(new Map([[0, numbers(0, 5)]]))
    await writer.tell({ do: 'alter', topic: 'invoices', options: { partitions: 3 } })
    await writer.tell({ do: 'send', topic: 'invoices', records: numbered(0, 5, { partition: 2 }) })
    expect(await take(reading, 5)).toEqual(new Map([[2, numbers(0, 5)]]))
    expect(invoices.settings.partitions).toBe(3)
    await reading.return!()
  })

  test('goes on where records before it are truncated, and is told where it was left behind', async () => {
    for (let first = 0; first < 100; first += 5) await writer.tell({ do: 'send', topic: 'orders', records: numbered(first, first + 5, { partition: 0 }) })
    const orders = await log.topic('orders')
    const [caughtUp, leftBehind] = [orders.read({ follow: true }), orders.read({ follow: true, maxBufferedBytes: 1 })]
    await take(caughtUp, 100)
    await take(leftBehind, 3)
    await writer.tell({ do: 'truncateBefore', topic: 'orders', partition: 0, offset: 90 })
    expect(orders.partitions[0]!.startOffset).toBe(90)
    await expect(take(leftBehind, 100)).rejects.toThrow(OutOfRangeError)
    await writer.tell({ do: 'send', topic: 'orders', records: numbered(100, 130, { partition: 0 }) })
    expect(await take(caughtUp, 30)).toEqual(new Map([[0, numbers(100, 130)]]))
    expect(await valuesOf(orders)).toEqual(numbers(90, 130))
    expect(orders.partitions[0]!.segments()[0]!.baseOffset).toBe(Number(segmentsOf('orders-0')[0]!.slice(0, 20)))
    await expect(orders.partitions[0]!.fetch({ from: 89 })).rejects.toThrow(OutOfRangeError)
    await caughtUp.return!()
  })

  test('is told when its topic is deleted, and finds the one that is made anew under the name', async () => {
    await writer.tell({ do: 'send', topic: 'orders', records: numbered(0, 10) })
    const orders = await log.topic('orders')
    const reading = orders.read({ follow: true })
    await take(reading, 10)
    const ending = expect(take(reading, 1)).rejects.toThrow(ClosedError)
    await writer.tell({ do: 'delete', topic: 'orders' })
    await ending
    await expect(log.topic('orders')).rejects.toThrow(NotFoundError)
    expect(() => orders.read()).toThrow(NotFoundError)
    expect(log.topics()).toEqual([])

    await writer.tell({ do: 'topic', topic: 'orders', options: { partitions: 1 } })
    const anew = await log.topic('orders')
    const readingAnew = anew.read({ follow: true })
    await writer.tell({ do: 'send', topic: 'orders', records: numbered(500, 505) })
    expect(await take(readingAnew, 5)).toEqual(new Map([[0, numbers(500, 505)]]))
    expect(() => orders.read()).toThrow(NotFoundError)
    await readingAnew.return!()
  })

  test('finds a topic of the same name and size to be another', async () => {
    await writer.tell({ do: 'send', topic: 'orders', records: numbered(0, 10, { partition: 0 }) })
    const orders = await log.topic('orders')
    expect(orders.partitions[0]!.endOffset).toBe(10)
    await writer.tell({ do: 'delete', topic: 'orders' })
    await writer.tell({ do: 'topic', topic: 'orders', options: { partitions: 2 } })
    await writer.tell({ do: 'send', topic: 'orders', records: numbered(900, 910, { partition: 0 }) })
    await writer.tell({ do: 'send', topic: 'orders', records: numbered(910, 920, { partition: 0 }) })
    await expect(valuesOf(orders, { from: { offset: 10 } }).then(values => { throw new Error(`it read ${String(values)}`) })).rejects.toThrow(/was deleted/)
    expect(await valuesOf(await log.topic('orders'))).toEqual(numbers(900, 920))
  })

  test('is disturbed by no topic that comes and goes', async () => {
    const state = { over: false }
    const churning = writer.tell({ do: 'churn', topic: 'flicker', times: 40 }).finally(() => { state.over = true })
    let seen = 0
    for (; !state.over; await nextTurn()) {
      try {
        await valuesOf(await log.topic('flicker'))
        seen++
      } catch (error) {
        if (!(error instanceof NotFoundError || error instanceof ClosedError)) throw error
        expect(error.code).toMatch(/^TOPIC_(NOT_FOUND|DELETED)$/)
      }
    }
    await churning
    expect(seen).toBeGreaterThan(0)
    await expect(log.topic('flicker')).rejects.toThrow(NotFoundError)
  })

  test('goes on when the writer is killed with kill -9 in the middle and another one takes over', async () => {
    const orders = await log.topic('orders')
    const reading = orders.read({ follow: true })
    const seen: unknown[] = []
    const next: [number, number] = [0, 0]
    const readTo = async (count: number): Promise<void> => {
      while (seen.length < count) {
        const { value: record } = await reading.next() as { value: { partition: 0 | 1; offset: number; value: unknown } }
        expect(record.offset).toBe(next[record.partition]++)
        seen.push(record.value)
      }
    }
    for (let life = 0; life < 4; life++) {
      await writer.tell({ do: 'flood', topic: 'orders', first: life * 1_000_000 })
      await readTo(seen.length + 300)
      await writer.kill()
      writer = await WriterProcess.start(script, directory)
    }
    const stored = orders.partitions.reduce((sum, { endOffset }) => sum + endOffset, 0)
    await readTo(stored)
    expect(new Set(seen).size).toBe(stored)
    expect([...await valuesOf(orders)].sort()).toEqual([...seen].sort())
    await reading.return!()
  })

  test('sees 64 partitions', async () => {
    await writer.tell({ do: 'topic', topic: 'wide', options: { partitions: 64, ...SMALL_SEGMENTS } })
    const wide = await log.topic('wide')
    const reading = wide.read({ follow: true })
    for (let round = 0; round < 3; round++) {
      await writer.tell({ do: 'send', topic: 'wide', records: numbers(0, 64).flatMap(partition => numbered(round * 10, round * 10 + 10, { partition })) })
      const values = await take(reading, 640)
      for (let partition = 0; partition < 64; partition++) expect(values.get(partition)).toEqual(numbers(round * 10, round * 10 + 10))
    }
    await reading.return!()
  })

  test('keeps a view', async () => {
    await writer.tell({ do: 'send', topic: 'orders', records: [{ key: 'ada', value: 1 }, { key: 'bob', value: 2 }] })
    const view = await (await log.topic('orders')).view()
    await writer.tell({ do: 'send', topic: 'orders', records: [{ key: 'ada', value: 3 }, { key: 'bob', value: null }] })
    await view.caughtUp()
    expect([...view.entries()]).toEqual([['ada', 3]])
    await view.close()
  })

  test('changes nothing on the disk and takes no lock, whether the log is open or closed', async () => {
    await writer.tell({ do: 'send', topic: 'orders', records: numbered(0, 200) })
    const before = fingerprint(directory)
    const orders = await log.topic('orders')
    expect(await valuesOf(orders)).toHaveLength(200)
    expect((await orders.partitions[0]!.get(50))!.offset).toBe(50)
    await orders.partitions[1]!.offsetAt(new Date())
    log.stats()
    await log.close()
    expect(fingerprint(directory)).toEqual(before)

    await writer.tell({ do: 'close' })
    expect(existsSync(`${directory}/.kafka_cleanshutdown`)).toBe(true)
    const closed = fingerprint(directory)
    log = await open(directory, { readOnly: true })
    expect(await valuesOf(await log.topic('orders'))).toHaveLength(200)
    expect(fingerprint(directory)).toEqual(closed)
    const next = await open(directory) // beside the follower: nobody holds the lock
    expect(await valuesOf(await next.topic('orders'))).toHaveLength(200)
    await next.close()
  })
})
