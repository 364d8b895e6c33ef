// The disks that a power cut may leave, made from a block log of five entries that stands here as bytes.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BlockLog, Images, type Cut } from '../../tools/block-replay/block-log.mjs'

const BLOCK = 4096
const KINDS = { write: 1, flush: 2, zero: 3 }

let directory: string
let log: BlockLog
let images: Images

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-block-log-'))
  const path = join(directory, 'log')
  const fd = openSync(path, 'w')
  writeSync(fd, Buffer.concat([
    entry('write', 0, block('a')), // 0
    entry('write', BLOCK, block('b')), // 1
    entry('flush'), // 2
    entry('write', BLOCK, Buffer.concat([block('c'), block('d')])), // 3
    entry('zero', 0, undefined, BLOCK), // 4
  ]))
  closeSync(fd)
  writeFileSync(join(directory, 'base'), block('.', 4))
  log = new BlockLog(path)
  images = new Images(log, join(directory, 'base'))
})

afterEach(() => {
  images.close()
  log.close()
  rmSync(directory, { recursive: true })
})

function entry(kind: keyof typeof KINDS, position = 0, data: Buffer = Buffer.alloc(0), bytes = data.length): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(KINDS[kind], 0)
  header.writeBigUInt64LE(BigInt(position), 8)
  header.writeBigUInt64LE(BigInt(bytes), 16)
  return Buffer.concat([header, data])
}

const block = (letter: string, count = 1): Buffer => Buffer.alloc(count * BLOCK, letter)

/** A letter for each block of the image; a blank for one of zeros. */
function imageOf(cut: Cut): string {
  const path = join(directory, 'image')
  images.make(path, cut)
  const image = readFileSync(path)
  return Array.from({ length: image.length / BLOCK }, (_, i) => {
    const bytes = image.subarray(i * BLOCK, (i + 1) * BLOCK)
    expect(bytes.every(byte => byte === bytes[0]), 'a block is written whole or not at all').toBe(true)
    return bytes[0] === 0 ? ' ' : String.fromCharCode(bytes[0]!)
  }).join('')
}

test('an entry tells what it is, and how long the log was with it', () => {
  expect(log.entries.map(({ kind, position, bytes }) => [kind, position, bytes])).toEqual([
    ['write', 0, BLOCK], ['write', BLOCK, BLOCK], ['flush', 0, 0], ['write', BLOCK, 2 * BLOCK], ['zero', 0, BLOCK],
  ])
  expect([0, 1, 2, 3, 4, 5].map(count => log.bytesAt(count) % BLOCK)).toEqual([0, 24, 48, 72, 96, 120])
})

test('before the first flush nothing need be there', () => {
  expect(imageOf({ entries: 2, keeps: 0, seed: 1 })).toBe('....')
  expect(imageOf({ entries: 2, keeps: 1, seed: 1 })).toBe('ab..')
})

test('what was flushed is there, whatever was written after it', () => {
  expect(imageOf({ entries: 3, keeps: 0, seed: 1 })).toBe('ab..')
  expect(imageOf({ entries: 5, keeps: 0, seed: 1 })).toBe('ab..')
  expect(imageOf({ entries: 5, keeps: 1, seed: 1 })).toBe(' cd.')
})

test('of what was not flushed each block is there or not, and all combinations come up', () => {
  const found = new Set(Array.from({ length: 100 }, (_, seed) => imageOf({ entries: 5, keeps: 0.5, seed })))
  expect([...found].sort()).toEqual([' b..', ' bd.', ' c..', ' cd.', 'ab..', 'abd.', 'ac..', 'acd.'])
})

test('the same seed leaves the same image', () => {
  const cut = { entries: 5, keeps: 0.5, seed: 7 }
  expect(imageOf(cut)).toBe(imageOf(cut))
})

test('an earlier cut is refused once a later one has put its flushed blocks on', () => {
  imageOf({ entries: 3, keeps: 0, seed: 1 })
  expect(() => imageOf({ entries: 2, keeps: 0, seed: 1 })).toThrow('in the order of their cuts')
})
