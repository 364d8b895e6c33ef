// Policies that change while a round of housekeeping is under way: once alter() has resolved, nothing goes by what held before.
import { expect, test, vi } from 'vitest'
import type { TopicOptions } from '../../src/index.ts'
import { nextTurn } from '../../src/platform/next-turn.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { openOn, type DiskLog } from '../support/disk-log.ts'

const HOUR = 3_600_000

type Options = Omit<TopicOptions, 'key' | 'value'>

/** Two topics with 16 records of four keys, in segments of about five, two hours ago. */
async function twoHoursLater(options: Options) {
  const fs = new SimulatedFileSystem()
  const clock = new SteppedClock()
  const disk = await openOn(fs, '/log', { clock, housekeeping: false })
  const first = await disk.log.topic('first', { segmentBytes: 1024, ...options })
  const second = await disk.log.topic('second', { segmentBytes: 1024, ...options })
  for (const topic of [first, second]) for (const key of 'abcdabcdabcdabcd') await topic.send({ key, value: 'x'.repeat(200) })
  await clock.advance(2 * HOUR)
  return { fs, ...disk, first, second }
}

/** What would change the partition's segments waits, as it does beside a snapshot, until the returned function is called. */
function hold({ local }: Pick<DiskLog, 'local'>, topic: string): () => void {
  let release = (): void => {}
  const released = new Promise<void>(resolve => { release = resolve })
  void local.topics.get(topic)!.writable(0).change(() => released)
  return release
}

async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn()
}

const GENEROUS: readonly { readonly before: Options; readonly after: Options }[] = [
  { before: { retention: '1h' }, after: { retention: 'forever' } },
  { before: { retention: '1h' }, after: { retention: '1d' } },
  { before: { retention: '1h' }, after: { cleanup: 'compact' } },
  { before: { retention: '1h' }, after: { retainUntilConsumedBy: ['billing'] } },
  { before: { retentionBytes: 1024 }, after: { retentionBytes: '1MiB' } },
]

test.each(GENEROUS)('what $before would have deleted stays after alter($after), though the round had begun', async ({ before, after }) => {
  const started = await twoHoursLater(before)
  const release = hold(started, 'first')
  const round = started.log.housekeep()
  await turns()
  await started.second.alter(after)
  release()
  await round
  expect(started.first.partitions[0]!.startOffset).toBeGreaterThan(0)
  expect(started.second.partitions[0]!.startOffset).toBe(0)
  await started.log.close()
})

test.each(GENEROUS)('what $before would have deleted stays after alter($after), though its truncation waited for its turn', async ({ before, after }) => {
  const started = await twoHoursLater(before)
  const release = hold(started, 'first')
  const round = started.log.housekeep()
  await turns()
  await started.first.alter(after)
  release()
  expect(await round).toMatchObject({ failures: [] })
  expect(started.first.partitions[0]!.startOffset).toBe(0)
  expect(started.second.partitions[0]!.startOffset).toBeGreaterThan(0)
  await started.log.close()
})

test('the same round goes by what holds now', async () => {
  const started = await twoHoursLater({ retentionBytes: 1024 })
  const release = hold(started, 'first')
  const round = started.log.housekeep()
  await turns()
  await started.first.alter({ retentionBytes: 2048 })
  release()
  await round
  expect(started.first.partitions[0]!.startOffset).toBeGreaterThan(0)
  expect(started.first.partitions[0]!.bytes).toBeGreaterThan(2048)
  await started.log.close()
})

test('what a group had committed stays once it was moved back, though its truncation waited for its turn', async () => {
  const started = await twoHoursLater({ retention: '1h', retainUntilConsumedBy: ['billing'] })
  const group = started.log.group('billing')
  await group.reset([started.first, started.second], 'latest')
  const release = hold(started, 'first')
  const round = started.log.housekeep()
  await turns()
  await group.reset(started.first, 'earliest')
  release()
  await round
  expect(started.first.partitions[0]!.startOffset).toBe(0)
  expect(started.second.partitions[0]!.startOffset).toBe(16)
  await started.log.close()
})

test.each<Options>([
  { cleanup: 'delete' },
  { compactionLag: { min: '1d' } },
])('what is superseded stays after alter(%o), though what is to take its place was written', async after => {
  const started = await twoHoursLater({ cleanup: 'compact' })
  const { fs, log, first } = started
  let release: (() => void) | undefined
  onceCreated(fs, '/log/first-0/', '.log.cleaned', () => { release = hold(started, 'first') })
  const round = log.housekeep()
  await turns(200)
  await first.alter(after)
  release!()
  expect(await round).toMatchObject({ failures: [] })
  expect([await offsetsOf(first), await offsetsOf(started.second)]).toEqual([Array.from({ length: 16 }, (_, i) => i), [12, 13, 14, 15]])
  expect(fs.list('/log/first-0').filter(name => name.endsWith('.cleaned'))).toEqual([])
  await log.close()
})

function onceCreated(fs: SimulatedFileSystem, directory: string, ending: string, then: () => void): void {
  const spy = vi.spyOn(fs, 'open').mockImplementation((path, mode) => {
    const file = SimulatedFileSystem.prototype.open.call(fs, path, mode)
    if (!path.startsWith(directory) || !path.endsWith(ending)) return file
    spy.mockRestore()
    then()
    return file
  })
}

async function offsetsOf(topic: { read(): AsyncIterable<{ offset: number }> }): Promise<number[]> {
  const offsets: number[] = []
  for await (const { offset } of topic.read()) offsets.push(offset)
  return offsets
}
