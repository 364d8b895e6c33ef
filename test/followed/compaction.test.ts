// A log read by one process while another sends keyed records at full speed and compacts without a pause.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open, type LogRecord, type MillraceError, type Topic } from '../../src/index.ts'
import { WriterProcess, bundleWriter } from './support/writer-process.ts'

const KEYS = 300
const PASSES = 30
const LOOKUPS_A_PASS = 20

let root: string
let writer: WriterProcess

beforeEach(async () => {
  root = mkdtempSync(`${tmpdir()}/millrace-followed-compacting-`)
  bundleWriter(`${root}/writer.cjs`)
  writer = await WriterProcess.start(`${root}/writer.cjs`, `${root}/log`)
})
afterEach(async () => {
  await writer.kill()
  rmSync(root, { recursive: true })
})

/** Reads on from an offset to what is stored then. */
async function readFrom(topic: Topic<number, string>, from: number, seen: Map<number, LogRecord<number, string>>): Promise<number> {
  let last = from - 1
  for await (const record of topic.read({ from: { offset: from } })) {
    if (record.offset <= last || record.key !== `key ${record.value! * 7919 % KEYS}`) throw new Error(`behind offset ${last}: offset ${record.offset}, ${String(record.key)}, ${String(record.value)}`)
    last = record.offset
    seen.set(record.offset, record)
  }
  return last + 1
}

function newestOf(seen: ReadonlyMap<number, LogRecord<number, string>>): Map<string, number> {
  return new Map([...seen].map(([offset, record]) => [record.key!, offset]))
}

test('a reader in another process sees the newest record of each key in every pass, and meets no error', async () => {
  await writer.tell({ do: 'topic', topic: 'prices', options: { partitions: 1, cleanup: 'compact', segmentBytes: '8KiB' } })
  await writer.tell({ do: 'compacting', topic: 'prices', keys: KEYS })
  const log = await open(`${root}/log`, { readOnly: true })
  const troubles: MillraceError[] = []
  log.on('error', ({ error }) => { troubles.push(error) })
  const prices = await log.topic<number, string>('prices')
  const partition = prices.partitions[0]!

  let expected = new Map<string, number>()
  let passedOver = 0
  for (let pass = 0; pass < PASSES; pass++) {
    const seen = new Map<number, LogRecord<number, string>>()
    const lacks = (): boolean => { const newest = newestOf(seen); return [...expected].some(([key, offset]) => (newest.get(key) ?? -1) < offset) }
    let end = await readFrom(prices, 0, seen)
    // A record of a key may have gone for a newer one that was sent after this pass began: that follows.
    for (let rounds = 0; lacks() && rounds < 10; rounds++) end = await readFrom(prices, end, seen)
    expect(lacks()).toBe(false)
    expected = newestOf(seen)
    passedOver += end - seen.size
    const offsets = [...seen.keys()]
    for (let i = 0; i < LOOKUPS_A_PASS; i++) {
      const offset = offsets[Math.floor(i * offsets.length / LOOKUPS_A_PASS)]!
      const found = await partition.get(offset)
      if (found !== undefined) expect([found.offset, found.value]).toEqual([offset, seen.get(offset)!.value])
    }
    expect(partition.segments().length).toBeGreaterThan(1)
  }
  expect(expected.size).toBe(KEYS)
  expect(passedOver).toBeGreaterThan(0)
  await log.close()
  expect(troubles).toEqual([])
})
