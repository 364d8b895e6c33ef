// docs/format.md says what the source says: the same tables, the same diagrams, the same names.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import * as layout from '../../src/format/record-batch.ts'
import { TRANSACTION_STATUSES } from '../../src/format/transaction-records.ts'
import { FORMAT_VERSION } from '../../src/log/log-directory.ts'
import { DEFAULT_SETTINGS, decodeSettings, encodeSettings } from '../../src/log/topic-settings.ts'
import { testLog } from '../../src/testing.ts'

const page = read('docs/format.md')

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
}

/** The indented lines of a source file's header: its diagrams. */
function diagramOf(source: string): string[] {
  const header = source.slice(0, source.search(/^(?!\/\/)/m))
  return header.split('\n').filter(line => line.startsWith('//   ')).map(line => line.slice('//   '.length))
}

/** The cells of the rows below a table's heading line. */
function tableBelow(headingLine: string): string[][] {
  const [, rows = ''] = page.split(`${headingLine}\n`)
  const lines = rows.slice(0, rows.indexOf('\n\n')).split('\n').slice(1)
  return lines.map(line => line.split('|').slice(1, -1).map(cell => cell.trim()))
}

describe('the record batch', () => {
  const [, ...fields] = diagramOf(read('src/format/record-batch.ts')).map(line => /^ *(\d+) +(\d+|…) {2}(.+?)(?: {2,}(.+))?$/.exec(line)?.slice(1).map(cell => (cell as string | undefined) ?? '') ?? [])

  test('docs/format.md has the table of the diagram in the source, cell by cell', () => {
    expect(fields).toHaveLength(14)
    expect(tableBelow('| at | bytes | field | |')).toEqual(fields)
  })

  test('each field of the diagram begins where the one before it ends, and where the code reads it', () => {
    const begins = fields.map(([at]) => Number(at))
    const ends = fields.map(([at, bytes]) => Number(at) + Number(bytes))
    expect(begins).toEqual([0, ...ends.slice(0, -1)])
    const { MAGIC_AT, CRC_AT, ATTRIBUTES_AT, LAST_OFFSET_DELTA_AT, BASE_TIMESTAMP_AT, MAX_TIMESTAMP_AT, PRODUCER_ID_AT, PRODUCER_EPOCH_AT, BASE_SEQUENCE_AT, RECORD_COUNT_AT, HEADER_BYTES } = layout
    expect(begins.slice(3)).toEqual([MAGIC_AT, CRC_AT, ATTRIBUTES_AT, LAST_OFFSET_DELTA_AT, BASE_TIMESTAMP_AT, MAX_TIMESTAMP_AT, PRODUCER_ID_AT, PRODUCER_EPOCH_AT, BASE_SEQUENCE_AT, RECORD_COUNT_AT, HEADER_BYTES])
  })

  test('docs/format.md numbers the codecs as the source does', () => {
    expect(page).toContain(`Codecs: ${layout.CODECS.map((codec, number) => `${number} ${codec}`).join(', ')}.`)
  })
})

test.each([
  'src/format/record-cursor.ts',
  'src/format/control-records.ts',
  'src/format/snappy.ts',
  'src/format/index-entries.ts',
  'src/format/aborted-transactions.ts',
  'src/format/producer-snapshot.ts',
  'src/format/checkpoint-file.ts',
  'src/format/group-records.ts',
  'src/format/consumer-protocol.ts',
  'src/format/transaction-records.ts',
  'src/format/primitives.ts',
  'src/platform/lock-file.ts',
])('docs/format.md shows the diagram of %s', path => {
  const [, below = ''] = page.split(`](../${path})`)
  const block = /^```text\n([^]*?)^```$/m.exec(below)?.[1] ?? ''
  const diagram = diagramOf(read(path))
  expect(diagram.length).toBeGreaterThan(0)
  expect(block.trimEnd().split('\n')).toEqual(diagram)
})

test('docs/format.md numbers the statuses of a transaction as the source does', () => {
  expect(page).toContain(`Statuses: ${TRANSACTION_STATUSES.map((status, number) => `${number} ${status}`).join(', ')}.`)
})

test('the catalog entry in docs/format.md is that of a topic with every default, and can be read', () => {
  const block = /^```json\n([^]*?)^```$/m.exec(page)?.[1] ?? ''
  const { version, settings } = JSON.parse(block) as { version: unknown; settings: unknown }
  expect(version).toBe(1)
  expect(settings).toEqual(encodeSettings(DEFAULT_SETTINGS))
  expect(decodeSettings(settings)).toEqual(DEFAULT_SETTINGS)
})

test('every file of a log is in the directory that docs/format.md draws', async () => {
  const drawing = /^```\ndata\/\n([^]*?)^```$/m.exec(page)?.[1] ?? ''
  const drawn = drawing.split('\n').flatMap(line => (/^ +(\S+(?: {2}\S+)*)/.exec(line)?.[1] ?? '').split('  '))
  const unclean = await testLog()
  await (await unclean.topic('orders')).send([{ value: 1 }, { value: 2 }])
  const log = await unclean.crash() // so that there is an epoch to write down
  await (await log.topic('orders')).partitions[0]?.truncateBefore(1)
  await log.close()

  const top = log.disk.list('/log').map(name => name.endsWith('-0') ? `${name}/` : name)
  const files = [...top, ...log.disk.list('/log/orders-0').map(name => name.replace(/^\d{20}/, '0'.repeat(20)))]
  expect(files.filter(name => !drawn.includes(name))).toEqual([])
  expect(files).toEqual(expect.arrayContaining(['.kafka_cleanshutdown', 'log-start-offset-checkpoint', 'leader-epoch-checkpoint', 'partition.metadata']))
})

test('docs/format.md tells of every version of the format', () => {
  const versions = tableBelow('| format | written by | what changed |').map(([version]) => Number(version))
  expect(versions).toEqual(Array.from({ length: FORMAT_VERSION }, (_, i) => i + 1))
})
