// What Kafka's own classes write and read of transactions (tools/kafka/TransactionVectors.java), and the files that a broker left.
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AbortedTransaction } from '../../../src/format/aborted-transactions.ts'
import type { EndMarker, MarkerBatch } from '../../../src/format/control-records.ts'
import type { ProducerSnapshotEntry } from '../../../src/format/producer-snapshot.ts'
import { batchBytes } from '../../../src/format/record-batch.ts'
import type { StoredTransaction } from '../../../src/format/transaction-records.ts'

/** A marker: key, value, and the batch as it stands in a log. */
export interface MarkerVector { readonly name: string; readonly key: Buffer; readonly value: Buffer; readonly batch: Buffer; readonly offset: number; readonly leaderEpoch: number; readonly fields: MarkerBatch }

/** A record of __transaction_state. `written`: of the version that we write, with nothing in it that we don't keep. */
export interface TransactionVector { readonly name: string; readonly key: Buffer; readonly transactionalId: string; readonly value: Buffer; readonly fields: StoredTransaction; readonly written: boolean }

type Base64<T> = { readonly [K in keyof T]: T[K] extends Buffer ? string : T[K] }

interface Stored {
  markers: Base64<MarkerVector>[]
  newerMarkers: { key: string; value: string; fields: EndMarker }[]
  otherControlRecords: { name: string; key: string; kind: number }[]
  emptiedMarker: string
  producerSnapshots: { name: string; bytes: string; entries: ProducerSnapshotEntry[] }[]
  abortedTransactions: { bytes: string; entries: AbortedTransaction[] }
  transactions: Base64<TransactionVector>[]
}

const stored = JSON.parse(readFileSync(new URL('../../fixtures/kafka-transactions.json', import.meta.url), 'utf8')) as Stored

export const markers: readonly MarkerVector[] = stored.markers.map(vector => ({ ...vector, key: bytes(vector.key), value: bytes(vector.value), batch: bytes(vector.batch) }))

/** Of versions that are not there yet. */
export const newerMarkers = stored.newerMarkers.map(vector => ({ ...vector, key: bytes(vector.key), value: bytes(vector.value) }))

export const otherControlRecords = stored.otherControlRecords.map(vector => ({ ...vector, key: bytes(vector.key) }))

/** A batch of no records: what compaction leaves of a marker. */
export const emptiedMarker = bytes(stored.emptiedMarker)

export const producerSnapshots = stored.producerSnapshots.map(vector => ({ ...vector, bytes: bytes(vector.bytes) }))

export const abortedTransactions = { ...stored.abortedTransactions, bytes: bytes(stored.abortedTransactions.bytes) }

export const transactions: readonly TransactionVector[] = stored.transactions.map(vector => ({ ...vector, key: bytes(vector.key), value: bytes(vector.value) }))

const brokersFolder = new URL('../../fixtures/kafka-segments/', import.meta.url)

/** The files that a broker left whose names end like that, with their paths below the fixtures. */
export function brokersFiles(suffix: string): { path: string; bytes: Buffer }[] {
  const paths = readdirSync(fileURLToPath(brokersFolder), { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith(suffix)).sort()
  return paths.map(path => ({ path, bytes: readFileSync(new URL(path, brokersFolder)) }))
}

/** Where the batches of a segment begin. */
export function batchesOf(segment: Buffer): number[] {
  const found: number[] = []
  for (let at = 0; at < segment.length; at += batchBytes(segment, at)) found.push(at)
  return found
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}
