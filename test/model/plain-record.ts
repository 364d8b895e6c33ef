// Records as plain data, from both sides: as a sender gave one, and as a reader was shown it.
import type { LogRecord, NewRecord } from '../../src/index.ts'
import type { ModelRecord } from './model-log.ts'

/** As a reader will be shown it. */
export function sentRecord({ key = null, value, headers = [], timestamp }: NewRecord, now: number): ModelRecord {
  const pairs = Array.isArray(headers) ? headers as [string, string | Uint8Array | null][] : Object.entries(headers)
  return {
    key: key as string | null,
    value: plainValue(value),
    headers: pairs.map(([name, text]) => [name, text instanceof Uint8Array ? Buffer.from(text).toString() : text]),
    timestamp: timestamp === undefined ? now : Number(timestamp),
  }
}

export function plainRecord(record: LogRecord): ModelRecord {
  return { key: record.key as string | null, value: plainValue(record.value), headers: Array.from(record.headers, ([name, value]) => [name, value === null ? null : Buffer.from(value).toString()]), timestamp: record.timestamp }
}

export function plainValue(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value
}
