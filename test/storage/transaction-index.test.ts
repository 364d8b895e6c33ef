// The .txnindex file of a segment: what is read of it, and when and how it is written.
import { beforeEach, expect, test } from 'vitest'
import { ABORTED_ENTRY_BYTES, type AbortedTransaction } from '../../src/format/aborted-transactions.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { TransactionIndex } from '../../src/storage/transaction-index.ts'

const DIRECTORY = '/log/t-0'
const FILE = '00000000000000000100.txnindex'
const PATH = `${DIRECTORY}/${FILE}`

let fs: SimulatedFileSystem
let index: TransactionIndex

beforeEach(() => {
  fs = new SimulatedFileSystem()
  fs.makeDirectory(DIRECTORY)
  index = new TransactionIndex(fs, DIRECTORY, 100)
})

const aborted = (lastOffset: number, producerId = 1): AbortedTransaction => ({ producerId, firstOffset: lastOffset - 5, lastOffset, lastStableOffset: lastOffset + 1 })
const reread = (): readonly AbortedTransaction[] => new TransactionIndex(fs, DIRECTORY, 100).entries

function add(...lastOffsets: number[]): void {
  for (const lastOffset of lastOffsets) index.add(aborted(lastOffset))
}

test('without entries there is no file', () => {
  expect(index.entries).toEqual([])
  index.reset()
  expect(index.flush()).toBe(false)
  expect(fs.list(DIRECTORY)).toEqual([])
})

test('what was added is in the file once it is flushed, once', () => {
  add(110, 120)
  expect(index.flush()).toBe(true)
  expect(index.flush()).toBe(false)
  add(130)
  expect(reread()).toEqual([110, 120].map(at => aborted(at)))
  index.flush()
  expect(reread()).toEqual([110, 120, 130].map(at => aborted(at)))
  expect(fs.stat(PATH)!.bytes).toBe(3 * ABORTED_ENTRY_BYTES)
})

test('entries can be added to those of an earlier process', () => {
  add(110)
  index.flush()
  index = new TransactionIndex(fs, DIRECTORY, 100)
  add(120)
  index.flush()
  expect(reread()).toEqual([110, 120].map(at => aborted(at)))
})

test('an entry that found no room is whole in the end', () => {
  add(110)
  index.flush()
  add(120, 130)
  fs.failNext('write', { error: 'ENOSPC', writtenBytes: 40 })
  expect(() => index.flush()).toThrow()
  expect(index.entries).toHaveLength(3)
  index.flush()
  expect(reread()).toEqual([110, 120, 130].map(at => aborted(at)))
})

test('what is taken back goes from the file with the next flush, and what is added then takes its place', () => {
  add(110, 120, 130)
  index.flush()
  index.truncate(120)
  expect(index.entries).toEqual([aborted(110)])
  expect(index.flush()).toBe(true)
  expect(reread()).toEqual([aborted(110)])
  index.add(aborted(125, 2))
  index.flush()
  expect(reread()).toEqual([aborted(110), aborted(125, 2)])
})

test('to take back nothing writes nothing', () => {
  add(110)
  index.flush()
  index.truncate(111)
  expect(index.flush()).toBe(false)
})

test('a torn entry at the end is none, and makes way', () => {
  add(110, 120)
  index.flush()
  resize(2 * ABORTED_ENTRY_BYTES - 7)
  index = new TransactionIndex(fs, DIRECTORY, 100)
  expect(index.entries).toEqual([aborted(110)])
  add(130)
  index.flush()
  expect(reread()).toEqual([aborted(110), aborted(130)])
})

test('an entry that makes no sense is told: records may be aborted that nobody knows of', () => {
  add(110, 120)
  index.flush()
  fs.corrupt(PATH, ABORTED_ENTRY_BYTES, 0xff)
  index = new TransactionIndex(fs, DIRECTORY, 100)
  expect(index.isSound).toBe(false)
  expect(() => index.entries).toThrow(expect.objectContaining({ code: 'TRANSACTION_INDEX_CORRUPT', details: { file: PATH, position: ABORTED_ENTRY_BYTES } }))
})

test('one that begins anew believes nothing of the file, and another file takes its place: a snapshot may share it', () => {
  add(110, 120)
  index.flush()
  fs.corrupt(PATH, 0, 0xff)
  expect(fs.link(PATH, '/log/copy')).toBe(true)
  index = new TransactionIndex(fs, DIRECTORY, 100)
  index.reset()
  add(115)
  index.flush()
  expect(reread()).toEqual([aborted(115)])
  expect(fs.stat('/log/copy')!.bytes).toBe(2 * ABORTED_ENTRY_BYTES)
})

test('one that begins anew without entries has no file any more', () => {
  add(110)
  index.flush()
  index.reset()
  expect(index.flush()).toBe(true)
  expect(fs.list(DIRECTORY)).toEqual([])
})

test('what is in no file yet stays in memory, the rest can be read again', () => {
  add(110)
  index.unload()
  expect(index.loaded).toBe(true)
  index.flush()
  index.unload()
  expect(index.loaded).toBe(false)
  expect(index.entries).toEqual([aborted(110)])
})

test('what was synced survives a power cut', async () => {
  add(110, 120)
  index.flush()
  await index.sync()
  await fs.syncDirectory(DIRECTORY)
  add(130)
  index.flush()
  for (let seed = 0; seed < 30; seed++) {
    const survivor = new TransactionIndex(fs.survivorOfPowerCut(seed), DIRECTORY, 100)
    if (survivor.isSound) expect(survivor.entries.slice(0, 2)).toEqual([110, 120].map(at => aborted(at)))
  }
})

function resize(bytes: number): void {
  const file = fs.open(PATH, 'write')
  file.truncate(bytes)
  file.close()
}
