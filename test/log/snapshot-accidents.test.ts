// Accidents in the middle of a snapshot: the process ends at every call to the file system, or the call fails. The log
// is as it was, and nothing that opens as a log is anything but the whole snapshot.
import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import type { Call } from '../../src/platform/faults.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { failureOf } from '../contract/support/failures.ts'
import { examine, openOn, type DiskLog } from '../support/disk-log.ts'
import { LiveLog } from '../support/live-log.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const SENT = 90

interface Stage extends DiskLog { readonly fs: SimulatedFileSystem; readonly live: LiveLog }

/** Sealed and active segments, a start and positions, all on the device; then records that are not. */
async function stage(): Promise<Stage> {
  const fs = new SimulatedFileSystem()
  const opened = await openOn(fs, '/log', { durability: 'power' })
  const live = await LiveLog.begin(opened.log, new SeededRandom(1))
  live.send(SENT)
  await live.truncate()
  await live.commit()
  for (const topic of opened.local.topics.values()) for (const index of topic.partitions.keys()) await topic.writable(index).sync()
  return { ...opened, fs, live }
}

async function callsOfSnapshot(): Promise<readonly Call[]> {
  const { fs, local } = await stage()
  const calls = fs.trace()
  await local.snapshot('/copies/one')
  const made = [...calls]
  local.abandon()
  return made
}

/** Whatever stands beside the log: the snapshot as a whole, or no log at all. */
async function expectWholeOrNone(live: LiveLog, fs: SimulatedFileSystem): Promise<'whole' | 'none'> {
  let found: 'whole' | 'none' = 'none'
  for (const name of fs.stat('/copies') === undefined ? [] : fs.list('/copies')) {
    const path = `/copies/${name}`
    if (fs.stat(`${path}/log.json`) === undefined) {
      expect(name, 'what is not whole').toMatch(/^one\.partial-/)
      expect(await failureOf(() => openOn(fs, path, { create: false }))).toMatchObject({ code: 'LOG_NOT_FOUND' })
      continue
    }
    expect(await examine(live, fs, path), name).toBe(SENT)
    if (name === 'one') found = 'whole'
  }
  return found
}

describe(`a snapshot that ends at any call (seed ${SEED})`, () => {
  test('of the process leaves the log as it was, and a snapshot that is whole or none', async () => {
    const total = (await callsOfSnapshot()).length
    const ends = new Set<string>()
    for (let call = 1; call <= total; call++) {
      const { fs, local, live } = await stage()
      fs.crashAfter(call)
      await local.snapshot('/copies/one').catch(() => undefined)
      local.abandon()
      for (const survivor of [fs.survivorOfKill(), fs.survivorOfPowerCut(SEED + call)]) {
        ends.add(await expectWholeOrNone(live, survivor))
        expect(await examine(live, survivor, '/log'), `call ${call} of ${total}`).toBe(SENT)
      }
    }
    expect(ends).toEqual(new Set(['none', 'whole']))
  }, 120_000)

  test.each([
    ['EIO', (_call: Call) => true],
    ['ENOSPC', ({ operation }: Call) => ['makeDirectory', 'open', 'write', 'link', 'rename'].includes(operation)],
  ])('with %s rejects and leaves nothing, or was not touched by it', async (error, mayGive) => {
    const calls = await callsOfSnapshot()
    const ends = new Set<string>()
    for (const [at, call] of calls.entries()) {
      if (!mayGive(call)) continue
      const { operation, path } = call
      const { fs, local, log, live } = await stage()
      const after = calls.slice(0, at).filter(earlier => earlier.operation === operation).length
      fs.failNext(operation, { error, after })
      const failure = await local.snapshot('/copies/one').then(() => undefined, (reason: unknown) => reason)
      const what = `${operation} ${path}, call ${at}`
      ends.add(failure === undefined ? 'made' : (failure as Error).name)
      if (failure === undefined) expect(await expectWholeOrNone(live, fs), what).toBe('whole')
      else expect(failure, what).toBeInstanceOf(MillraceError)
      if (failure !== undefined) expect(fs.stat('/copies') === undefined ? [] : fs.list('/copies'), what).toEqual([])
      if (failure instanceof MillraceError && failure.code !== 'PARTITION_FAILED') {
        await local.snapshot('/copies/two')
        expect(await examine(live, fs, '/copies/two'), what).toBe(SENT)
        live.send(1)
      }
      await log.close().catch(() => undefined)
    }
    expect(ends).toContain(error === 'EIO' ? 'StorageError' : 'LimitError')
  }, 120_000)
})
