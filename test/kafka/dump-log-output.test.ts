// How the dump tool's output is read, on output written by hand: no Java needed. Users' bytes stand in it as they are,
// so a value must neither hide a fault nor look like one.
import { describe, expect, test } from 'vitest'
import { dumpLogFaults, dumpedFiles } from '../../tools/kafka/dump-log.mjs'
import type { DumpResult } from '../../tools/kafka/dump-log.mjs'

const file = '/data/orders-0/00000000000000000000.log'
const batch = 'baseOffset: 0 lastOffset: 0 count: 1 baseSequence: -1 lastSequence: -1 producerId: -1 producerEpoch: -1 partitionLeaderEpoch: 0'
  + ' isTransactional: false isControl: false deleteHorizonMs: OptionalLong.empty position: 0 CreateTime: 5 size: 80 magic: 2 compresscodec: none crc: 1 isvalid: true'

describe('The records that the tool prints are read', () => {
  test('with keys and values that hold line feeds, labels of the tool and whole lines of it', () => {
    const values = ['', '\n', 'a\n\nb\n', ' payload: x', `Dumping ${file}`, `x\n${batch}\nFound 3 invalid bytes at the end of it`, 'java.lang.Exception\n\tat Mill.race']
    for (const key of [null, ...values]) {
      for (const value of [null, ...values]) {
        const result = dumped(recordLine(key, value), recordLine('next', 'record'))
        expect(dumpLogFaults(result)).toEqual([])
        expect(dumpedFiles(result)[0]?.batches[0]?.records).toMatchObject([{ key, value }, { key: 'next', value: 'record' }])
      }
    }
  })

  test('with bytes that are not UTF-8, which are longer in print', () => {
    const line = '| offset: 0 CreateTime: 5 keySize: 2 valueSize: 4 sequence: -1 headerKeys: [] key: \uFFFD\n payload: \uFFFD\uFFFD\n\uFFFD'
    const result = dumped(line, recordLine('next', 'record'))
    expect(dumpLogFaults(result)).toEqual([])
    expect(dumpedFiles(result)[0]?.batches[0]?.records).toMatchObject([{ key: '\uFFFD\n', value: '\uFFFD\uFFFD\n\uFFFD' }, { key: 'next' }])
  })

  test('with header names, and with the markers of transactions', () => {
    const marker = '| offset: 1 CreateTime: 5 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] endTxnMarker: ABORT coordinatorEpoch: 0'
    const result = dumped(recordLine('k', 'v', 'a,b]'), marker)
    expect(dumpLogFaults(result)).toEqual([])
    expect(dumpedFiles(result)[0]?.batches[0]?.records).toMatchObject([{ headerKeys: 'a,b]', key: 'k', value: 'v', marker: null }, { key: null, value: null, marker: 'ABORT' }])
  })
})

describe('A fault is what no sound file gives:', () => {
  const trailing = 'Found 3 invalid bytes at the end of 00000000000000000000.log'

  test('the tool says so, behind any record', () => {
    for (const record of [recordLine('k', 'v'), recordLine(null, null), recordLine('k', '\uFFFD\n')]) {
      expect(dumpLogFaults(dumped(record, trailing))).toEqual([`${file}: ${trailing}`])
    }
  })

  test('a batch whose checksum does not hold, or of another format', () => {
    for (const line of [batch.replace('isvalid: true', 'isvalid: false'), batch.replace('magic: 2', 'magic: 1')]) {
      expect(dumpLogFaults(dumped(recordLine('k', 'v'), line))).toEqual([`${file}: ${line}`])
    }
  })

  test('a line that nobody knows', () => {
    expect(dumpLogFaults(dumped(recordLine('k', 'v'), 'All is lost'))).toEqual([`${file}: All is lost`])
  })

  test('a file that was asked for and never dumped', () => {
    const result = { ...dumped(recordLine('k', 'v')), files: [file, '/data/orders-1/00000000000000000000.log'] }
    expect(dumpLogFaults(result)).toEqual(['/data/orders-1/00000000000000000000.log was never dumped'])
  })

  test('anything on standard error but what Java says of its options, and any status but 0', () => {
    const stderr = ['Picked up JAVA_TOOL_OPTIONS: -Xint', `Mismatches in :${file}`, '  Index offset: 5, log offset: 7', 'Exception in thread "main" Oh', '\tat Mill.race', ''].join('\n')
    const result = { ...dumped(), contents: { ...dumped().contents, stderr, status: 1 } }
    expect(dumpLogFaults(result)).toEqual([`Mismatches in :${file}; Index offset: 5, log offset: 7`, 'Exception in thread "main" Oh; at Mill.race', 'the tool ended with status 1'])
  })

  test('a gap in the offsets, unless the log is compacted or the gap is the one before the first record', () => {
    const stderr = [`Non-consecutive offsets in ${file}`, '  -1 is followed by 12', '  14 is followed by 16', ''].join('\n')
    const result = { ...dumped(), contents: { ...dumped().contents, stderr } }
    expect(dumpLogFaults(result)).toEqual([`Non-consecutive offsets in ${file}; 14 is followed by 16`])
    expect(dumpLogFaults(result, { compacted: name => name === file })).toEqual([])
    const first = { ...result, contents: { ...result.contents, stderr: stderr.replace('  14 is followed by 16\n', '') } }
    expect(dumpLogFaults(first)).toEqual([])
  })

  test('silence about an index whose sanity was to be checked', () => {
    const index = file.replace('.log', '.index')
    const contents = { stdout: `Dumping ${index}\noffset: 5 position: 97\n`, stderr: '', status: 0 }
    const sanity = { stdout: `Dumping ${index}\n`, stderr: '', status: 0 }
    const result: DumpResult = { files: [index], unfit: [], contents, sanity }
    expect(dumpLogFaults(result)).toEqual([`${index} did not pass the sanity check`])
    expect(dumpLogFaults({ ...result, sanity: { ...sanity, stdout: `${sanity.stdout}${index} passed sanity check.\n` } })).toEqual([])
  })
})

// ---------------------------------------------------------------- support

function dumped(...lines: readonly string[]): DumpResult {
  const stdout = [`Dumping ${file}`, 'Log starting offset: 0', batch, ...lines].map(line => `${line}\n`).join('')
  return { files: [file], unfit: [], contents: { stdout, stderr: '', status: 0 }, sanity: undefined }
}

function recordLine(key: string | null, value: string | null, headerKeys = ''): string {
  const sizes = [key, value].map(text => text === null ? -1 : Buffer.byteLength(text))
  const contents = (key === null ? '' : ` key: ${key}`) + (value === null ? '' : ` payload: ${value}`)
  return `| offset: 0 CreateTime: 5 keySize: ${sizes[0]} valueSize: ${sizes[1]} sequence: -1 headerKeys: [${headerKeys}]${contents}`
}
