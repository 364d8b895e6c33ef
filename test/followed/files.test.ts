// What a follower makes of files as a writer may leave them at any moment. Its clock stands still, so that it looks at
// the disk only where the test asks it something.
import { appendFileSync, copyFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ConflictError, CorruptionError, NotFoundError, open, type EventLog, type Partition, type Topic } from '../../src/index.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { fingerprint, numbered, numbers, take, valuesOf } from './support/records.ts'

const LOG_FILE = '00000000000000000000.log'

let root: string
let directory: string
let writer: EventLog
let orders: Topic
const followers: EventLog[] = []

beforeAll(() => { root = mkdtempSync(`${tmpdir()}/millrace-followed-files-`) })
afterAll(() => { rmSync(root, { recursive: true, force: true }) })

let directories = 0
beforeEach(async () => {
  directory = `${root}/d${directories++}`
  writer = await open(directory)
  orders = await writer.topic('orders') as Topic
})
afterEach(async () => {
  for (const follower of followers.splice(0)) await follower.close()
  await writer.close()
})

interface Followed { readonly topic: Topic; readonly partition: Partition; readonly clock: SteppedClock; readonly log: EventLog }

async function follow(place = directory): Promise<Followed> {
  const clock = new SteppedClock()
  const log = await open(place, { readOnly: true, clock })
  followers.push(log)
  const topic = await log.topic('orders') as Topic
  return { topic, partition: topic.partitions[0]!, clock, log }
}

/** A copy of the log as it stands, to be damaged. */
function copyOf(name: string): string {
  const copy = `${directory}-${name}`
  cpSync(directory, copy, { recursive: true })
  return copy
}

/** The batches in the writer's file, without the room that it may have made behind them. */
function written(): Buffer {
  const { bytes } = orders.partitions[0]!
  return readFileSync(`${directory}/orders-0/${LOG_FILE}`).subarray(0, bytes)
}

describe('a follower', () => {
  test('serves a batch once all of it is there, however its bytes arrive', async () => {
    await orders.send(numbered(0, 3))
    const before = orders.partitions[0]!.bytes
    await orders.send(numbered(3, 5))
    const bytes = written()
    const copy = copyOf('partial')
    const file = `${copy}/orders-0/${LOG_FILE}`
    truncateSync(file, before)
    const { topic, partition, clock } = await follow(copy)
    const reading = topic.read({ follow: true })
    await take(reading, 3)
    const next = take(reading, 2)
    for (let end = before; end < bytes.length; end++) {
      expect(partition.endOffset).toBe(3)
      expect(await partition.get(3)).toBeUndefined()
      expect(await partition.fetch({ from: 3 })).toEqual([])
      writeFileSync(file, bytes.subarray(0, end + 1))
    }
    expect(partition.endOffset).toBe(5)
    await clock.advance(50)
    expect(await next).toEqual(new Map([[0, [3, 4]]]))
    await reading.return!()
  })

  test.for([['first bytes', 0, 12], ['checksum', 17, 21], ['header', 12, 61], ['body', 61, Infinity]] as const)('serves no batch before its %s have come, though the file is long enough', async ([name, from, to]) => {
    await orders.send(numbered(0, 3))
    const before = orders.partitions[0]!.bytes
    await orders.send(numbered(3, 5))
    const bytes = written()
    const copy = copyOf(name)
    const torn = Buffer.from(bytes).fill(0, before + from, Math.min(before + to, bytes.length))
    writeFileSync(`${copy}/orders-0/${LOG_FILE}`, torn)
    const { topic, partition } = await follow(copy)
    expect(partition.endOffset).toBe(3)
    expect(await valuesOf(topic)).toEqual([0, 1, 2])
    writeFileSync(`${copy}/orders-0/${LOG_FILE}`, bytes)
    expect(await valuesOf(topic)).toEqual([0, 1, 2, 3, 4])
  })

  test('serves a batch once all of it is there, where the file had room for it before', async () => {
    await orders.send(numbered(0, 3))
    const before = orders.partitions[0]!.bytes
    await orders.send(numbered(3, 5))
    const bytes = written()
    const copy = copyOf('room')
    const file = `${copy}/orders-0/${LOG_FILE}`
    const room = Buffer.alloc(64 * 1024)
    writeFileSync(file, Buffer.concat([bytes.subarray(0, before), room]))
    const { topic, partition, log } = await follow(copy)
    for (let begin = bytes.length - 1; begin >= before; begin -= 7) {
      expect(partition.endOffset).toBe(3)
      writeFileSync(file, Buffer.concat([bytes.fill(0, before, begin), room]))
    }
    expect(log.stats().topics[0]!.partitions[0]!.bytes).toBe(before)
    writeFileSync(file, Buffer.concat([readFileSync(`${directory}/orders-0/${LOG_FILE}`).subarray(0, bytes.length), room]))
    expect(await valuesOf(topic)).toEqual([0, 1, 2, 3, 4])
  })

  test('is not disturbed when the next writer cuts a torn tail and writes on in its place', async () => {
    await orders.send(numbered(0, 3))
    const bytes = written()
    const copy = copyOf('cut')
    truncateSync(`${copy}/orders-0/${LOG_FILE}`, bytes.length)
    appendFileSync(`${copy}/orders-0/${LOG_FILE}`, bytes.subarray(0, bytes.length - 10))
    const { topic, partition } = await follow(copy)
    expect(partition.endOffset).toBe(3)
    const next = await open(copy)
    const again = await next.topic('orders')
    expect(partition.endOffset).toBe(3)
    await again.send(numbered(3, 30) as never)
    expect(await valuesOf(topic)).toEqual(numbers(0, 30))
    await next.close()
  })

  test('goes by the name where recover() puts a copy in the place of a file', async () => {
    await orders.send(numbered(0, 3))
    const copy = copyOf('recovered')
    const { topic } = await follow(copy)
    expect(await valuesOf(topic)).toEqual([0, 1, 2])
    await orders.send(numbered(3, 6))
    const file = `${copy}/orders-0/${LOG_FILE}`
    copyFileSync(`${directory}/orders-0/${LOG_FILE}`, `${file}.rescued`)
    truncateSync(file, 0) // whoever still has the old file open finds nothing in it
    renameSync(`${file}.rescued`, file)
    expect(await valuesOf(topic)).toEqual(numbers(0, 6))
  })

  test.for([0, 100])('tells that a file is shorter than it was, with %i bytes left, and goes on behind it', async bytes => {
    await orders.alter({ segmentBytes: '1KiB' })
    for (let first = 0; first < 30; first += 3) await orders.send(numbered(first, first + 3))
    const copy = copyOf('short')
    const { topic, partition } = await follow(copy)
    const second = partition.segments()[1]!.baseOffset
    truncateSync(`${copy}/orders-0/${LOG_FILE}`, bytes)
    await expect(valuesOf(topic)).rejects.toThrow(CorruptionError)
    expect(await valuesOf(topic, { from: { offset: second } })).toEqual(numbers(second, 30))
  })

  test('answers with all that is stored, however much came since it looked last', async () => {
    await orders.alter({ segmentBytes: '1KiB' })
    const { topic, partition } = await follow()
    for (let first = 0; first < 300; first += 3) await orders.send(numbered(first, first + 3))
    expect(partition.segments().length).toBeGreaterThan(40)
    expect(partition.endOffset).toBe(300)
    expect(await valuesOf(topic)).toEqual(numbers(0, 300))
    await orders.alter({ segmentBytes: '64MiB' })
    const large = Buffer.alloc(1024 * 1024)
    for (let number = 300; number < 320; number++) await orders.send({ value: { number, large } })
    expect(partition.endOffset).toBe(320)
  })

  test.for([['absent', (file: string) => { rmSync(file) }], ['empty', (file: string) => { truncateSync(file, 0) }], ['cut', (file: string) => { truncateSync(file, Math.floor(statSync(file).size / 2)) }]] as const)('reads the same where indexes are %s', async ([name, damage]) => {
    await orders.alter({ segmentBytes: '16KiB' })
    for (let first = 0; first < 400; first += 4) await orders.send(numbered(first, first + 4, { timestamp: 1_000_000 + first * 10 }))
    const copy = copyOf(name)
    for (const file of readdirSync(`${copy}/orders-0`)) if (/index$/.test(file)) damage(`${copy}/orders-0/${file}`)
    const before = fingerprint(copy)
    const { topic, partition } = await follow(copy)
    expect(partition.segments().length).toBeGreaterThan(3)
    expect(await valuesOf(topic, { from: { offset: 123 } })).toEqual(numbers(123, 400))
    for (let number = 0; number < 400; number += 37) {
      expect((await partition.get(number))!.value).toBe(number)
      expect(await partition.offsetAt(1_000_000 + number * 10 - 9)).toBe(Math.ceil(number / 4) * 4)
    }
    expect(fingerprint(copy)).toEqual(before)
  })

  test('takes the records of a topic that was made anew for nobody else’s', async () => {
    await orders.send(numbered(0, 10))
    const { topic, partition, log } = await follow()
    expect(partition.endOffset).toBe(10)
    await writer.deleteTopic('orders')
    const anew = await writer.topic('orders')
    await anew.send(numbered(900, 910) as never)
    await anew.send(numbered(910, 920) as never)
    await expect(valuesOf(topic)).rejects.toThrow(/was deleted/)
    expect(await valuesOf(await log.topic('orders') as Topic)).toEqual(numbers(900, 920))
    expect(() => topic.read()).toThrow(NotFoundError)
  })

  test('shows the beginning as it is, however soon after one truncation another comes', async () => {
    await orders.send(numbered(0, 90))
    const { partition } = await follow()
    for (let offset = 10; offset < 90; offset++) {
      await orders.partitions[0]!.truncateBefore(offset)
      expect(partition.startOffset).toBe(offset)
    }
  })

  test('refuses whatever would write', async () => {
    const { topic, partition, log } = await follow()
    const before = fingerprint(directory)
    await expect(topic.send({ value: 1 })).rejects.toThrow(ConflictError)
    await expect(partition.truncateBefore(0)).rejects.toThrow(ConflictError)
    await expect(partition.recover()).rejects.toThrow(ConflictError)
    await expect(topic.alter({ partitions: 2 })).rejects.toThrow(ConflictError)
    await expect(log.deleteTopic('orders')).rejects.toThrow(ConflictError)
    await expect(log.topic('invoices')).rejects.toThrow(NotFoundError)
    expect(() => log.producer()).toThrow(ConflictError)
    expect(fingerprint(directory)).toEqual(before)
  })

  test('of a place without a log is refused, and makes none', async () => {
    await expect(open(`${root}/nowhere`, { readOnly: true })).rejects.toThrow(NotFoundError)
    expect(readdirSync(root)).not.toContain('nowhere')
  })
})
