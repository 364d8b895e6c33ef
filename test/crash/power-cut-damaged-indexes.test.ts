// Index files that are gone, blank, cut, full of anything, or of another segment: reading by offset and by time gives
// what it always gave. The log is the truth; indexes only shorten the way.
import { describe, expect, test } from 'vitest'
import { OFFSET_ENTRY_BYTES, TIME_ENTRY_BYTES, entryOffset, entryPosition, writeOffsetEntry } from '../../src/format/index-entries.ts'
import type { File } from '../../src/platform/file-system.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import type { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { TOPIC, contentOf, endings, indexedLog, type Ending } from './support-simulated/damage.ts'
import { expectNoTrouble, expectRecords } from './support-simulated/ledger.ts'
import { SEED } from './support-simulated/sampling.ts'


const TWO_ENTRIES = 2 * TIME_ENTRY_BYTES

type Spoil = (disk: SimulatedFileSystem, path: string, random: SeededRandom) => void

const spoilers: Readonly<Record<string, Spoil>> = {
  'is gone': (disk, path) => { disk.remove(path) },
  'is empty': (disk, path) => { replace(disk, path, () => Buffer.alloc(0)) },
  'holds zeros': (disk, path) => { replace(disk, path, bytes => Buffer.alloc(bytes.length)) },
  'holds noise': (disk, path, random) => { replace(disk, path, bytes => Buffer.from(bytes.map(() => random.below(256)))) },
  'has lost its end': (disk, path, random) => { replace(disk, path, bytes => bytes.subarray(0, random.below(bytes.length))) },
  'has lost an entry in the middle': (disk, path) => {
    const entryBytes = path.endsWith('.timeindex') ? TIME_ENTRY_BYTES : OFFSET_ENTRY_BYTES
    replace(disk, path, bytes => {
      const at = Math.floor(bytes.length / entryBytes / 2) * entryBytes
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + entryBytes)])
    })
  },
  'leads too far in the middle': (disk, path) => {
    if (path.endsWith('.timeindex')) return
    replace(disk, path, bytes => {
      const entries = bytes.length / OFFSET_ENTRY_BYTES
      for (let i = 1; i < entries - 1; i++) writeOffsetEntry(bytes, i, entryOffset(bytes, i) - 1, entryPosition(bytes, i))
      return bytes
    })
  },
  'ends in zeros, as preallocated': (disk, path) => { replace(disk, path, bytes => Buffer.concat([bytes, Buffer.alloc(240)])) },
  'has a flipped bit': (disk, path, random) => { disk.corrupt(path, random.below(disk.stat(path)!.bytes), 1 << random.below(8)) },
  "is another segment's": (disk, path) => {
    const [first, second] = indexFiles(disk).filter(other => other.endsWith(path.slice(path.lastIndexOf('.'))))
    replace(disk, path, () => contentOf(disk, path === first ? second! : first!))
  },
}

const logs = [...endings.map(ending => [ending, 'delete'] as const), ['closed', 'compact'] as const]

describe.each(logs)(`after a log was %s, cleanup '%s' (seed ${SEED})`, (ending, cleanup) => {
  test.each(Object.keys(spoilers))('an index file that %s changes no read', async name => {
    const { log, disk } = await indexedLog(ending, cleanup)
    const random = new SeededRandom(SEED)
    for (const path of indexFiles(disk)) {
      const spoilt = disk.survivorOfKill()
      if (spoilt.stat(path)!.bytes < TWO_ENTRIES) continue // an active segment's that was never written has nothing to lose
      spoilers[name]!(spoilt, path, random)
      await expectSameReads(log, ending, spoilt)
    }
  })
})

test('the index files that are spoilt have entries, save for those of an active segment', async () => {
  for (const ending of endings) {
    const { disk } = await indexedLog(ending, 'delete')
    const sizes = indexFiles(disk).map(path => disk.stat(path)!.bytes)
    expect(sizes.filter(bytes => bytes >= TWO_ENTRIES).length).toBeGreaterThanOrEqual(4)
  }
})

async function expectSameReads(stored: Awaited<ReturnType<typeof indexedLog>>['log'], ending: Ending, disk: SimulatedFileSystem): Promise<void> {
  const log = stored.onDisk(disk)
  await log.open()
  const ledger = log.ledger.partition(TOPIC, 0)
  const topic = log.topic(TOPIC)
  expect(topic.partitions[0]!.endOffset, ending).toBe(ledger.sent.length)
  for (let offset = 0; offset < ledger.sent.length; offset++) expect((await topic.partitions[0]!.get(offset))?.value, `get(${offset})`).toBe(ledger.sent[offset]!.value)
  await expectRecords(topic, 0, ledger, 12)
  await log.send(TOPIC, { count: 3 })
  await expectRecords(topic, 0, ledger)
  expectNoTrouble(log.errors, log.warnings)
  log.abandon()
}

function indexFiles(disk: SimulatedFileSystem): string[] {
  return disk.list(`/log/${TOPIC}-0`).filter(name => name.endsWith('index')).map(name => `/log/${TOPIC}-0/${name}`)
}

function replace(disk: SimulatedFileSystem, path: string, change: (bytes: Buffer) => Uint8Array): void {
  const changed = change(contentOf(disk, path))
  const file: File = disk.open(path, 'write')
  file.truncate(0)
  file.write(changed, 0)
}
