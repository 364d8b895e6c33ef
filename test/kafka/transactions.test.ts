// Kafka reads our transactions: its dump tool finds batches, markers, the index of aborted transactions and what is known
// of producers as we mean them, field by field, and its transaction decoder our records of a coordinator. A broker that
// is given our partitions shows its consumers under read_committed what ours are shown.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dumpLog, dumpLogFaults, dumpedFiles } from '../../tools/kafka/kafka.mjs'
import { parseAbortedTransactions } from '../../src/format/aborted-transactions.ts'
import { BatchEncoder } from '../../src/format/batch-encoder.ts'
import { parseProducerSnapshot } from '../../src/format/producer-snapshot.ts'
import { TRANSACTION_STATUSES, encodeTransactionKey, encodeTransactionValue, type StoredTransaction } from '../../src/format/transaction-records.ts'
import { plainFiles } from '../../src/platform/storage-choice.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { WritablePartition } from '../../src/storage/writable-partition.ts'
import { optionsOn } from '../support/partitions.ts'
import { TransactionHistory, type WrittenBatch } from '../support/transaction-history.ts'
import { describeWithKafka, expectKafkaReads } from './support/kafka-here.ts'
import { consumeAll, giveToBroker, withBroker } from './support/kafka-serves.ts'
import type { DumpedFile } from '../../tools/kafka/dump-log.mjs'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const STEPS = 300

const scratch = mkdtempSync(join(tmpdir(), 'our-transactions-'))
const log = join(scratch, 'log')
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

async function newPartition(folder: string): Promise<WritablePartition> {
  const directory = join(log, folder)
  mkdirSync(directory, { recursive: true })
  return await WritablePartition.create({ ...optionsOn(new SimulatedFileSystem()), fs: plainFiles('as a test wants it'), directory, label: folder })
}

/** All transactions of the first have ended, some of the second are open; both were closed. */
const histories = new Map<string, TransactionHistory>()
let written: Promise<void> | undefined

async function write(): Promise<void> {
  for (const [i, folder] of ['ended-0', 'open-0'].entries()) {
    const history = new TransactionHistory(new SeededRandom(SEED + i), await newPartition(folder), 5)
    histories.set(folder, history)
    for (let step = 0; step < STEPS; step++) history.step()
    if (folder === 'ended-0') history.endAll()
    await history.partition.close()
  }
}

function filesOf(folder: string, suffix: string): string[] {
  return readdirSync(join(log, folder)).filter(name => name.endsWith(suffix)).sort().map(name => join(log, folder, name))
}

async function dump(files: readonly string[], decoder?: 'transaction-log'): Promise<DumpedFile[]> {
  const result = await dumpLog(files, decoder === undefined ? {} : { decoder })
  expect(dumpLogFaults(result)).toEqual([])
  return dumpedFiles(result)
}

describeWithKafka(`Kafka's dump tool reads of our transactions (seed ${SEED})`, () => {
  beforeAll(() => written ??= write())

  test('batches with their producers, and markers, in segments without a fault', async () => {
    const partitions = await expectKafkaReads(log)
    for (const [folder, history] of histories) {
      const batches = partitions.get(folder)!.flatMap(file => file.batches)
      expect(batches.filter(({ control }) => !control).flatMap(batch => batch.records.map(({ offset, value }) => [offset, value]))).toEqual(history.all())
      expect(batches.map(headerOf)).toEqual(history.batches)
      expect(new Set(batches.filter(({ control }) => control).map(({ records }) => records[0]!.coordinatorEpoch))).toEqual(new Set([0]))
      expect(new Set(history.batches.map(({ marker }) => marker))).toEqual(new Set([null, 'commit', 'abort']))
    }
  })

  test('each entry of the .txnindex files, field by field', async () => {
    const files = [...histories.keys()].flatMap(folder => filesOf(folder, '.txnindex'))
    expect(files.length).toBeGreaterThan(4)
    for (const { file, abortedTransactions } of await dump(files)) expect(abortedTransactions, file).toEqual(parseAbortedTransactions(readFileSync(file)).entries)
  })

  test('each entry of the .snapshot files, field by field', async () => {
    const files = [...histories.keys()].flatMap(folder => filesOf(folder, '.snapshot'))
    expect(files.length).toBeGreaterThan(4)
    const dumped = await dump(files)
    for (const { file, producers } of dumped) expect(producers, file).toEqual(parseProducerSnapshot(readFileSync(file)).map(asDumped))
    const entries = dumped.flatMap(({ producers }) => producers)
    expect(entries.some(({ currentTransactionFirstOffset }) => currentTransactionFirstOffset !== null)).toBe(true)
    expect(entries.some(({ lastBatch }) => lastBatch === null)).toBe(true)
  })

  test('the state of transactions, with its transaction decoder', async () => {
    const states = TRANSACTION_STATUSES.map((status, i): [id: string, state: StoredTransaction] => [`id ${status}`, {
      producerId: 4000 + i, producerEpoch: i, timeoutMs: 60_000 + i, status, partitions: status === 'Empty' ? [] : [{ topic: 'orders', partitions: [0, 2] }, { topic: '__consumer_offsets', partitions: [0] }],
      lastUpdateTimestamp: 1_700_000_000_000 + i, startTimestamp: status === 'Empty' ? -1 : 1_600_000_000_000 + i, previousProducerId: 4000 + i, clientTransactionVersion: 2,
    }])
    const partition = await newPartition('__transaction_state-0')
    const encoder = new BatchEncoder()
    for (const [id, state] of states) encoder.append(1000, encodeTransactionKey(id), encodeTransactionValue(state), [])
    encoder.append(1000, encodeTransactionKey('forgotten'), null, [])
    partition.append(encoder.seal({}))
    await partition.close()
    const [file] = await dump(filesOf('__transaction_state-0', '.log'), 'transaction-log')
    const found = file!.batches.flatMap(batch => batch.records).map(({ key, value }) => [asJson(key), value === '<DELETE>' ? null : asJson(value)])
    expect(found).toEqual([...states.map(([id, state]) => [decodedKey(id), decodedValue(state)]), [decodedKey('forgotten'), null]])
  })
})

describeWithKafka(`A broker that is given our partitions (seed ${SEED})`, () => {
  beforeAll(() => written ??= write())

  test('shows its consumers under read_committed what was committed, up to the first open transaction', { timeout: 240_000 }, async () => {
    const directory = join(scratch, 'broker')
    const topics = [...histories.keys()].map(folder => folder.replace(/-0$/, ''))
    await withBroker(directory, bootstrap => consumeAll(bootstrap, topics))
    giveToBroker(log, directory, [...histories.keys()])
    const read = await withBroker(directory, bootstrap => consumeAll(bootstrap, topics))
    for (const [folder, history] of histories) {
      const { startOffset, stableOffset, endOffset, committedOffsets, records } = read[folder]!
      expect({ startOffset, stableOffset, endOffset }, folder).toEqual({ startOffset: 0, stableOffset: history.stableOffset, endOffset: history.partition.endOffset })
      expect(committedOffsets, folder).toEqual(history.committed().map(([offset]) => offset))
      expect(records.map(({ offset, value }) => [offset, Buffer.from(value as string, 'base64').toString()]), folder).toEqual(history.all())
    }
    expect(histories.get('open-0')!.stableOffset).toBeLessThan(histories.get('open-0')!.partition.endOffset)
  })
})

function asJson(text: string | null): unknown {
  return text === null ? null : JSON.parse(text)
}

function headerOf({ baseOffset, producerId, producerEpoch, baseSequence, transactional, control, records }: DumpedFile['batches'][number]): WrittenBatch {
  const marker = records[0]!.marker === 'COMMIT' ? 'commit' : records[0]!.marker === 'ABORT' ? 'abort' : null
  expect(control).toBe(marker !== null)
  return { baseOffset, producerId, producerEpoch, baseSequence, transactional, marker }
}

/** In the names of Kafka's schema; fields that have their default value are left out. */
function decodedKey(transactionalId: string) {
  return { type: '0', data: { transactionalId } }
}

function decodedValue({ producerId, producerEpoch, timeoutMs, status, partitions, lastUpdateTimestamp, startTimestamp, previousProducerId, clientTransactionVersion }: StoredTransaction) {
  return {
    version: '1',
    data: {
      producerId, previousProducerId, producerEpoch, transactionTimeoutMs: timeoutMs, transactionStatus: TRANSACTION_STATUSES.indexOf(status),
      transactionPartitions: status === 'Empty' ? null : partitions.map(({ topic, partitions: partitionIds }) => ({ topic, partitionIds })),
      transactionLastUpdateTimestampMs: lastUpdateTimestamp, transactionStartTimestampMs: startTimestamp, clientTransactionVersion,
    },
  }
}

/** The tool tells the first sequence of the last batch, and -1 for what there is not. */
function asDumped({ producerId, producerEpoch, coordinatorEpoch, currentTransactionFirstOffset, timestamp, lastSequence, lastOffset, offsetDelta }: ReturnType<typeof parseProducerSnapshot>[number]) {
  const lastBatch = lastSequence < 0 ? null : { firstSequence: lastSequence - offsetDelta, lastSequence, lastOffset, offsetDelta, timestamp }
  return { producerId, producerEpoch, coordinatorEpoch, currentTransactionFirstOffset: currentTransactionFirstOffset ?? null, timestamp, lastBatch }
}
