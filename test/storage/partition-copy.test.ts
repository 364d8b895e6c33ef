// What a copy of a partition knows of producers and their transactions: all that was known at its moment, however it is
// opened, and whatever was written or ended while it was made.
import { expect, test } from 'vitest'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { copyPartition, noteMoment } from '../../src/storage/partition-copy.ts'
import { SEED } from '../crash/support-simulated/sampling.ts'
import { DIRECTORY } from '../support/partitions.ts'
import { KeyedTransactions } from './support/keyed-transactions.ts'

const COPY = '/copy/t-0'
const HISTORIES = Number(process.env['HISTORIES'] ?? 20)
const STEPS = 80

/** After the moment every transaction is ended and more is appended, in the log that goes on. */
async function copied(seed: number, steps = STEPS): Promise<KeyedTransactions> {
  const [original, keyed] = await Promise.all([KeyedTransactions.start(), KeyedTransactions.start()]) // the same history twice
  for (const each of [original, keyed]) {
    await each.run(new SeededRandom(seed), steps)
    const [first, second] = each.writers
    for (const writer of [first!, second!]) each.append(writer, [{ key: 'key 0', value: 'x' }])
    each.end(first!, 'abort') // in the segment that is copied up to its length
  }
  const { fs } = original
  fs.makeDirectory('/copy')
  fs.makeDirectory(COPY)
  const moment = noteMoment(original.partition)
  for (const writer of original.writers) if (writer.open !== undefined) original.end(writer, 'abort')
  for (const writer of original.writers) original.append(writer, [{ key: 'later', value: 'x'.repeat(300) }])
  original.roll()
  await copyPartition(moment, { fs, directory: COPY, step: async () => {} })
  keyed.directory = COPY
  keyed.compactedBelow = Infinity
  await keyed.reopen({ trust: 'clean', startOffset: moment.startOffset, recoveryPoint: moment.endOffset }, fs)
  await original.compare()
  return keyed
}

test(`a copy has the producers, the open transactions and the aborted ones of its moment (SEED=${SEED})`, async () => {
  let open = 0
  let aborted = 0
  for (let seed = SEED; seed < SEED + HISTORIES; seed++) {
    const keyed = await copied(seed)
    await keyed.compare()
    keyed.compareRefusals()
    open += keyed.partition.openTransactions.length
    aborted += keyed.partition.abortedIn(0, keyed.partition.endOffset).length
  }
  expect(open).toBeGreaterThan(0)
  expect(aborted).toBeGreaterThan(0)
}, 120_000)

test('so does one of a single segment', async () => {
  const keyed = await copied(SEED, 0)
  expect(keyed.partition.openTransactions.length).toBe(1)
  expect(keyed.partition.abortedIn(0, 2).length).toBe(1)
  await keyed.compare()
  keyed.compareRefusals()
})

test(`it has them after a power cut, too, and after it has lived on (SEED=${SEED})`, async () => {
  for (let seed = SEED; seed < SEED + HISTORIES; seed++) {
    const keyed = await copied(seed)
    const { endOffset } = keyed.partition
    for (const writer of keyed.writers) keyed.append(writer, [{ key: 'key 0', value: 'in the copy' }])
    await keyed.partition.sync()
    await keyed.reopen({ trust: 'device', recoveryPoint: endOffset }, keyed.fs.survivorOfPowerCut(seed))
    await keyed.compare()
    await keyed.run(new SeededRandom(seed), 20)
  }
}, 120_000)

test('what the copy is cut and written anew in is not the log', async () => {
  const keyed = await copied(SEED)
  const { fs } = keyed
  const bytesOf = (name: string): string => {
    const file = fs.open(`${DIRECTORY}/${name}`, 'read')
    const bytes = Buffer.alloc(file.bytes())
    file.read(bytes, 0)
    file.close()
    return bytes.toString('hex')
  }
  const all = (): Record<string, string> => Object.fromEntries(fs.list(DIRECTORY).map(name => [name, bytesOf(name)]))
  const before = all()
  keyed.endAll()
  keyed.roll()
  await keyed.clean({ segmentBytes: 100_000 })
  await keyed.partition.close()
  expect(all()).toEqual(before)
})
