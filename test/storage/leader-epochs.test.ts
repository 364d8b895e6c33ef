// Which offsets belong to which leader epoch, by the checkpoint beside the segments.
import { expect, test } from 'vitest'
import { formatEpochs, type EpochEntry } from '../../src/format/checkpoint-file.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { LEADER_EPOCHS_FILE, LeaderEpochs } from '../../src/storage/leader-epochs.ts'
import { replaceFile } from '../../src/storage/replace-file.ts'

async function epochsOf(...entries: readonly EpochEntry[]): Promise<LeaderEpochs> {
  const fs = new SimulatedFileSystem()
  fs.makeDirectory('/log')
  await replaceFile(fs, '/log', LEADER_EPOCHS_FILE, formatEpochs(entries))
  return LeaderEpochs.read(fs, '/log')
}

test('an epoch ends where the next one that has batches begins, and one without batches where the one before it does', async () => {
  const epochs = await epochsOf({ epoch: 1, startOffset: 10 }, { epoch: 4, startOffset: 30 })
  expect(epochs.endOf(4, 50)).toEqual({ epoch: 4, endOffset: 50 })
  expect(epochs.endOf(1, 50)).toEqual({ epoch: 1, endOffset: 30 })
  expect(epochs.endOf(3, 50)).toEqual({ epoch: 1, endOffset: 30 })
})

test('of an epoch before all entries is what lies before them, and a later or no epoch is not known', async () => {
  const epochs = await epochsOf({ epoch: 3, startOffset: 10 })
  for (const epoch of [0, 2]) expect(epochs.endOf(epoch, 50)).toEqual({ epoch, endOffset: 10 })
  for (const epoch of [4, -1]) expect(epochs.endOf(epoch, 50)).toBeUndefined()
})
