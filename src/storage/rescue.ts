// After a failed sync the page cache is no witness: it may show bytes that the device does not have, and another sync
// of the same file may return success for them. What can still be read above the last good sync is therefore copied
// into a new file, which is synced and renamed into the old one's place, before anything of it is served again.
import { StorageError } from '../base/errors.ts'
import { scanBatches, writtenBytes } from './batch-scan.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { PartitionOptions } from './partition-log.ts'
import { openSegments, recoverSegments, removeLeftovers, type RecoveryFacts, type RecoveryReport } from './recovery.ts'
import { finishSwaps } from './segment-swap.ts'
import type { Segment } from './segment.ts'

const COPY_BYTES = 1024 * 1024

export async function rescueSegments(options: PartitionOptions, facts: RecoveryFacts & { readonly rescueFrom: number }, epochs: LeaderEpochs): Promise<RecoveryReport> {
  let leftBytes = 0
  try {
    await finishSwaps(options)
    removeLeftovers(options, facts.startOffset)
    const segments = openSegments(options, facts.startOffset, 'read')
    for (const [i, segment] of segments.entries()) {
      const holdsUnsynced = (segments[i + 1]?.baseOffset ?? Infinity) > facts.rescueFrom
      if (holdsUnsynced) leftBytes += await copyAndReplace(options, segment, facts.rescueFrom)
      segment.file.close()
    }
    await options.fs.syncDirectory(options.directory)
  } catch (error) {
    throw new StorageError('RESCUE_FAILED', `${options.label}: what follows offset ${facts.rescueFrom} could not be made durable`, {
      hint: 'the disk is not well yet: mend it or make room, then call partition.recover() or open the log again',
      details: { partition: options.label, rescueFrom: facts.rescueFrom },
      cause: error,
    })
  }
  // Now the files are what the device has: recovered as after another boot, from the last good sync on, which may be
  // later than the checkpoint has it.
  const recoveryPoint = Math.max(facts.recoveryPoint, facts.rescueFrom)
  const report = await recoverSegments(options, { startOffset: facts.startOffset, recoveryPoint, trust: 'device' }, epochs)
  return { ...report, cutBytes: report.cutBytes + leftBytes }
}

/** Returns how many bytes were left behind, for nobody could believe them. */
async function copyAndReplace(options: PartitionOptions, segment: Segment, rescueFrom: number): Promise<number> {
  const { fs } = options
  const path = segment.file.path
  const copyPath = `${path}.rescued`
  const believed = await scanBatches(segment.file, { position: 0, nextOffset: segment.baseOffset, gaps: segment.compacted, onBatch: () => {} })
  // Damage below the last good sync is for recovery to report: it is copied as it is.
  const end = believed.nextOffset < rescueFrom ? segment.file.bytes() : believed.endPosition
  const leftBytes = await writtenBytes(segment.file, end)
  const copy = fs.open(copyPath, 'create')
  try {
    const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, end))
    for (let position = 0; position < end; position += buffer.length) {
      const bytes = buffer.subarray(0, Math.min(buffer.length, end - position))
      const filled = await segment.file.readLater(bytes, position)
      if (filled !== bytes.length) throw segment.corruption({ position: position + filled, offset: segment.baseOffset, reason: 'the file became shorter while it was copied' }, segment.endOffset)
      copy.write(bytes, position)
    }
    await copy.sync()
  } finally {
    copy.close()
    segment.file.close()
  }
  fs.rename(copyPath, path)
  return leftBytes
}
