// Kafka's dump tool as a witness: it is content with what a broker left, reads the records that were written, and
// every fault planted into such files is reported. A witness that never complains would say nothing about our files.
import { appendFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkDirectory } from '../../tools/kafka/check-directory.mjs'
import { dumpLog, dumpLogFaults } from '../../tools/kafka/dump-log.mjs'
import { describeWithKafka, expectKafkaReads } from './support/kafka-here.ts'
import { segmentsCases, segmentsDirectory, storedAs } from './support/kafka-segments.ts'
import type { DumpedFile } from '../../tools/kafka/dump-log.mjs'
import type { ExpectedPartition } from './support/kafka-segments.ts'

const scratch = mkdtempSync(join(tmpdir(), 'dump-log-'))
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

describeWithKafka("Kafka's dump tool reads what a broker left", () => {
  const soundCases = segmentsCases().filter(({ name }) => name !== 'unclean')

  test('without a fault, and finds the records that the consumer was given', async () => {
    const directory = mkdtempSync(join(scratch, 'all-'))
    for (const { name, partitions } of soundCases) {
      for (const folder of Object.keys(partitions)) cpSync(join(segmentsDirectory, name, folder), join(directory, name + '.' + folder), { recursive: true })
    }
    const read = await expectKafkaReads(directory, { compacted: ['compacted.compacted', 'internal.__consumer_offsets', 'internal.__transaction_state'] })
    for (const { name, partitions } of soundCases) {
      for (const [folder, expected] of Object.entries(partitions)) expectSameRecords(read.get(`${name}.${folder}`) ?? [], expected)
    }
  })

  test('but takes the zeros of preallocated indexes for entries, after a kill', async () => {
    const directory = copyOf('unclean')
    const [first, second] = ['unclean-0/00000000000000000040', 'unclean-one-batch-0/00000000000000000000'].map(name => join(directory, name))
    const logs = await dumpLog([`${first}.log`, `${second}.log`])
    expect(dumpLogFaults(logs)).toEqual([])
    const faults = dumpLogFaults(await dumpLog([`${first}.index`, `${first}.timeindex`, `${second}.index`, `${second}.timeindex`]))
    // Zeros after the last entry end an index, zeros alone are read as its first entry.
    expect(faults).toContain(`Mismatches in :${second}.index; Index offset: 0, log offset: 1`)
    expect(faults.filter(fault => fault.startsWith(`Mismatches in :${first}`))).toEqual([])
    // The check of a starting broker refuses both: it rebuilds them.
    expect(faults.find(fault => fault.includes('CorruptIndexException'))).toContain(`${first}.timeindex`)
  })
})

describeWithKafka('A planted fault is reported:', () => {
  // Ten batches of three records and 97 bytes, from offset 60; each but the first has an index entry.
  const plain = join('deleted-records', 'deleted-records-0')
  const first = '00000000000000000060'

  test.each<[string, string, (folder: string) => void, RegExp]>([
    ['one zero byte after the last batch', '.log', folder => { appendFileSync(join(folder, `${first}.log`), Buffer.alloc(1)) }, /Found 1 invalid bytes at the end of/],
    ['64 zero bytes after the last batch', '.log', folder => { appendFileSync(join(folder, `${first}.log`), Buffer.alloc(64)) }, /CorruptRecordException|Found 64 invalid bytes/],
    ['the last batch cut short', '.log', folder => { truncateSync(join(folder, `${first}.log`), sizeOf(folder, `${first}.log`) - 1) }, /Found \d+ invalid bytes at the end of/],
    ['a flipped bit in a value', '.log', folder => { flip(join(folder, `${first}.log`), 97 + 90) }, /isvalid: false/],
    ['a flipped bit in a stored checksum', '.log', folder => { flip(join(folder, `${first}.log`), 97 + 17) }, /isvalid: false/],
    ['a base offset that leaves a gap', '.log', folder => { writeAt(join(folder, `${first}.log`), 97 + 7, 70) }, /Non-consecutive offsets in .*; 62 is followed by 70/],
    ['an index entry with a wrong position', '.index', folder => { writeAt(join(folder, `${first}.index`), 7, 194) }, /Mismatches in :.*\.index; Index offset: 65, log offset: 68/],
    ['an index entry with a wrong offset', '.index', folder => { writeAt(join(folder, `${first}.index`), 3, 4) }, /Mismatches in :.*\.index; Index offset: 64, log offset: 65/],
    ['an index entry beyond the log', '.index', folder => { writeAt(join(folder, `${first}.index`), 4, 0x7f) }, /Exception/],
    ['an index that ends inside an entry', '.index', folder => { appendFileSync(join(folder, `${first}.index`), Buffer.alloc(3, 1)) }, /\.index ends 3 bytes into an entry/],
    ['a last index entry below the segment', '.index', folder => { appendFileSync(join(folder, `${first}.index`), Buffer.alloc(8, 0xff)) }, /CorruptIndexException/],
    ['time index entries out of order', '.timeindex', folder => { swap(join(folder, `${first}.timeindex`), 0, 12) }, /Found out of order timestamp in :/],
    ['a wrong timestamp in a time index', '.timeindex', folder => { flip(join(folder, `${first}.timeindex`), 7) }, /Found timestamp mismatch in :/],
    ['a time index entry for an offset inside a batch', '.timeindex', folder => { writeAt(join(folder, `${first}.timeindex`), 11, 4) }, /indexed offsets are not found in :.*Indexed offset: 64, found log offset: 65/],
  ])('%s', async (_name, kind, plant, report) => {
    const folder = copyOf(plain)
    const file = join(folder, first + kind)
    plant(folder)
    const faults = dumpLogFaults(await dumpLog([file]))
    expect(faults.filter(fault => report.test(fault)), faults.join('\n')).not.toEqual([])
  })

  test('a flipped bit in a compressed batch', async () => {
    const folder = copyOf(join('codecs', 'codecs-librdkafka-0'))
    flip(join(folder, '00000000000000000038.log'), 76 + 61 + 100)
    expect(dumpLogFaults(await dumpLog([join(folder, '00000000000000000038.log')])).join('\n')).toMatch(/isvalid: false/)
  })

  test('an aborted transaction that is not in its transaction index', async () => {
    const directory = copyOf('transactions')
    const index = join(directory, 'transactions-0', '00000000000000000004.txnindex')
    truncateSync(index, 34)
    const [fault, ...others] = (await checkDirectory(directory)).faults
    expect(fault).toMatch(/^.*\/00000000000000000004\.txnindex lists transactions aborted at offsets (\d+), the log has \1,\d+$/)
    expect(others).toEqual([])
  })

  test('a segment that is missing between two others, one of a wrong name, and an index that is missing', async () => {
    const directory = copyOf('log-append-time')
    const folder = join(directory, 'log-append-time-0')
    for (const name of readdirSync(folder).filter(name => /^0+23\./.test(name))) rmSync(join(folder, name))
    expect((await checkDirectory(directory)).faults).toEqual([`${join(folder, '00000000000000000050.log')} follows a segment that ends at offset 23`])
    for (const name of readdirSync(folder).filter(name => /^0+50\./.test(name))) renameSync(join(folder, name), join(folder, name.replace('50.', '23.')))
    expect((await checkDirectory(directory)).faults).toContain(`${join(folder, '00000000000000000023.log')} begins at offset 50`)
    rmSync(join(folder, '00000000000000000023.timeindex'))
    expect((await checkDirectory(directory)).faults).toEqual([`${join(folder, '00000000000000000023.timeindex')} is missing`])
  })
})

// ---------------------------------------------------------------- support

/** The tool prints text: bytes that are not UTF-8 are compared by what is left of them, and by nothing if they are long. */
function expectSameRecords(files: readonly DumpedFile[], expected: ExpectedPartition): void {
  const records = files.flatMap(file => file.batches.flatMap(batch => batch.control ? [] : batch.records))
  const dumped = records.filter(record => record.offset >= expected.startOffset)
  expect(dumped.map(record => record.offset)).toEqual(expected.records.map(record => record.offset))
  dumped.forEach((record, i) => {
    const { timestamp, timestampType, key, value, headers } = expected.records[i]!
    expect(record).toMatchObject({ timestamp, timestampType, headerKeys: headers.map(([name]) => name).join() })
    for (const [stored, text] of [[key, record.key], [value, record.value]] as const) {
      if (typeof stored === 'string') expect(text).toBe(Buffer.from(stored, 'base64').toString())
      else if (text?.includes('\uFFFD') !== true) expect(storedAs(stored, text === null ? null : Buffer.from(text))).toEqual(stored)
    }
  })
}

function copyOf(folder: string): string {
  const copy = mkdtempSync(join(scratch, 'planted-'))
  cpSync(join(segmentsDirectory, folder), copy, { recursive: true })
  return copy
}

function sizeOf(folder: string, name: string): number {
  return readFileSync(join(folder, name)).length
}

function writeAt(file: string, position: number, byte: number): void {
  const bytes = readFileSync(file)
  bytes[position] = byte
  writeFileSync(file, bytes)
}

function flip(file: string, position: number): void {
  writeAt(file, position, readFileSync(file)[position]! ^ 1)
}

/** Exchanges the first eight bytes of two entries. */
function swap(file: string, one: number, other: number): void {
  const bytes = readFileSync(file)
  const kept = Buffer.from(bytes.subarray(one, one + 8))
  bytes.copy(bytes, one, other, other + 8)
  kept.copy(bytes, other)
  writeFileSync(file, bytes)
}
