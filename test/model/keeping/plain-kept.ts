// A record as plain data. Each carries its number in a header, so that no two are alike.
import type { LogRecord } from '../../../src/index.ts'
import type { KeptRecord } from './kept-topic.ts'

export function plainKept(record: LogRecord): KeptRecord {
  return {
    number: Number(record.headers.text('number')),
    key: record.key as string | null,
    value: record.value as string | null,
    headers: Array.from(record.headers, ([name, value]) => [name, value === null ? null : Buffer.from(value).toString()]),
    timestamp: record.timestamp,
  }
}
