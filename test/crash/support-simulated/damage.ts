// Small logs of one partition in two segments, left in one of four ways, and what is found in them after somebody has
// damaged a file. The offsets of a damaged batch may be refused; whatever is read has to be what was sent.
import { expect } from 'vitest'
import { CorruptionError } from '../../../src/base/errors.ts'
import { HEADER_BYTES, baseOffset, batchBytes, lastOffset } from '../../../src/format/record-batch.ts'
import type { SimulatedFileSystem } from '../../../src/platform/simulated-file-system.ts'
import { newLog, type LedgeredLog } from './ledgered-log.ts'

export const TOPIC = 'orders'
const DIRECTORY = `/log/${TOPIC}-0`
const SEGMENT_BYTES = 2560

/** How the log ended: in order; killed; by a power cut, before or after the recovery points were saved. */
export const endings = ['closed', 'killed', 'power cut', 'power cut behind the recovery point'] as const
export type Ending = typeof endings[number]

export interface BatchPlace { readonly position: number; readonly bytes: number; readonly base: number; readonly last: number }

export interface StoredLog {
  readonly log: LedgeredLog
  /** A disk as the ending left it; copies of it are damaged. */
  readonly disk: SimulatedFileSystem
  readonly end: number
  readonly segments: readonly { readonly path: string; readonly bytes: number; readonly batches: readonly BatchPlace[] }[]
}

/** Two segments of few batches, without index entries. */
export async function storedLog(ending: Ending): Promise<StoredLog> {
  const log = newLog()
  await log.open()
  await log.create(TOPIC, { segmentBytes: SEGMENT_BYTES })
  for (const count of [1, 2, 1, 3, 2, 1, 2, 3, 1, 2, 3, 2, 1]) await log.send(TOPIC, { count, bytes: 120, together: true })
  const disk = await leave(log, ending)
  const paths = disk.list(DIRECTORY).filter(name => name.endsWith('.log')).map(name => `${DIRECTORY}/${name}`)
  const segments = paths.map(path => ({ path, bytes: disk.stat(path)!.bytes, batches: batchesIn(contentOf(disk, path)) }))
  return { log, disk, segments, end: log.ledger.partition(TOPIC, 0).sent.length }
}

/** Three segments with several index entries each. */
export async function indexedLog(ending: Ending, cleanup: 'delete' | 'compact'): Promise<{ log: LedgeredLog; disk: SimulatedFileSystem }> {
  const log = newLog()
  await log.open()
  await log.create(TOPIC, { segmentBytes: 32 * 1024, cleanup })
  for (let i = 0; i < 44; i++) await log.send(TOPIC, { count: 1 + i % 3, bytes: 1000, together: true })
  return { log, disk: await leave(log, ending) }
}

async function leave(log: LedgeredLog, ending: Ending): Promise<SimulatedFileSystem> {
  if (ending === 'power cut behind the recovery point') await log.checkpoint()
  if (ending === 'closed') await log.close()
  log.abandon()
  return ending.startsWith('power cut') ? log.fs.survivorOfPowerCut(1) : log.fs.survivorOfKill()
}

export function contentOf(disk: SimulatedFileSystem, path: string): Buffer {
  const file = disk.open(path, 'read')
  const bytes = Buffer.alloc(file.bytes())
  file.read(bytes, 0)
  return bytes
}

function batchesIn(bytes: Buffer): BatchPlace[] {
  const places: BatchPlace[] = []
  for (let position = 0; position + HEADER_BYTES <= bytes.length; position += batchBytes(bytes, position)) {
    places.push({ position, bytes: batchBytes(bytes, position), base: baseOffset(bytes, position), last: lastOffset(bytes, position) })
  }
  return places
}

export interface Findings {
  readonly end: number
  /** Offsets that get() refuses as damaged. */
  readonly refused: readonly number[]
  /** Offsets that reading from the beginning, on behind each damage, does not yield. */
  readonly skipped: readonly number[]
  /** The damage was told: on opening or by a reader, or a cut was. */
  readonly told: boolean
}

/** Opens what is on the disk, reads all of it in both ways, and appends. Whatever comes is compared with the ledger. */
export async function examine(stored: StoredLog, disk: SimulatedFileSystem): Promise<Findings> {
  const log = stored.log.onDisk(disk)
  await log.open()
  const { sent } = log.ledger.partition(TOPIC, 0)
  const partition = log.topic(TOPIC).partitions[0]!
  const end = partition.endOffset
  expect(end, 'the end offset').toBeLessThanOrEqual(sent.length)
  const refused: number[] = []
  for (let offset = 0; offset < end; offset++) {
    const value = await readOrError(async () => (await partition.get(offset))?.value)
    if (value instanceof CorruptionError) refused.push(offset)
    else expect(value, `get(${offset})`).toBe(sent[offset]?.value)
  }
  const { seen, damage } = await readOnBehindDamage(log, end)
  const told = damage > 0 || refused.length > 0 || log.cutBytes > 0 || log.errors.length > 0
  const next = await log.topic(TOPIC).send({ value: 'the next' })
  expect(next.offset, 'the next offset').toBe(end)
  expect((await partition.get(end))?.value, 'the next record').toBe('the next')
  log.abandon()
  return { end, refused, skipped: Array.from({ length: end }, (_, i) => i).filter(offset => !seen.has(offset)), told }
}

async function readOnBehindDamage(log: LedgeredLog, end: number): Promise<{ seen: Set<number>; damage: number }> {
  const { sent } = log.ledger.partition(TOPIC, 0)
  const seen = new Set<number>()
  let damage = 0
  for (let from = 0; from < end;) {
    const error = await readOrError(async () => {
      for await (const { offset, value, timestamp } of log.topic(TOPIC).read({ from: { offset: from } })) {
        expect({ offset, value, timestamp }, 'a record').toEqual({ offset, ...sent[offset] })
        seen.add(offset)
      }
    })
    if (!(error instanceof CorruptionError)) break
    damage++
    const { nextOffset, to } = error.details as { nextOffset?: number; to?: number }
    const goOn = nextOffset ?? to!
    expect(goOn, `${error.message}: where reading goes on`).toBeGreaterThan(from)
    from = goOn
  }
  return { seen, damage }
}

async function readOrError<T>(read: () => Promise<T>): Promise<T | CorruptionError> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof CorruptionError) return error
    throw error
  }
}
