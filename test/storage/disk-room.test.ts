// Who gets room on the disk: what is counted, who is refused, and the reserve that a full disk is left with.
import { describe, expect, test } from 'vitest'
import { LimitError } from '../../src/base/errors.ts'
import { SeededRandom } from '../../src/platform/seeded-random.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { DiskRoom, openInsisting } from '../../src/storage/disk-room.ts'
import { IndexCache } from '../../src/storage/index-cache.ts'
import { RetiredFiles } from '../../src/storage/retired-files.ts'
import { WritablePartition, type WritableOptions } from '../../src/storage/writable-partition.ts'
import { batchOf, optionsOn } from '../support/partitions.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const ROOT = '/log'
const RESERVE = `${ROOT}/.reserve`
const KIB = 1024
const BATCH = batchOf(['x'.repeat(300)])

interface Disk {
  readonly fs: SimulatedFileSystem
  readonly clock: SteppedClock
  readonly room: DiskRoom
  readonly retired: RetiredFiles
}

function newDisk({ capacityBytes = Infinity, maxBytes = Infinity } = {}): Disk {
  const clock = new SteppedClock()
  const fs = new SimulatedFileSystem({ capacityBytes, clock })
  fs.makeDirectory(ROOT)
  return roomOn(fs, clock, maxBytes)
}

function roomOn(fs: SimulatedFileSystem, clock: SteppedClock, maxBytes = Infinity): Disk {
  const room = new DiskRoom(fs, ROOT, { clock, maxBytes })
  return { fs, clock, room, retired: new RetiredFiles(fs, clock, error => { throw error }, room) }
}

async function newPartition({ fs, room, retired }: Disk, label: string): Promise<WritablePartition> {
  fs.makeDirectory(`${ROOT}/${label}`)
  return await WritablePartition.create(optionsOn(fs, optionsIn({ room, retired }, label)))
}

function optionsIn({ room, retired }: Pick<Disk, 'room' | 'retired'>, label: string): Partial<WritableOptions> {
  return {
    directory: `${ROOT}/${label}`, label, retired, room: room.partition(label, { isInternal: label.startsWith('__') }),
    indexes: new IndexCache(), segmentBytes: () => 4 * KIB, onTrouble: () => {},
  }
}

function remove({ fs, room }: Disk, partition: WritablePartition): void {
  partition.abandon(new Error('deleted') as never)
  for (const name of fs.list(`${ROOT}/${partition.label}`)) fs.remove(`${ROOT}/${partition.label}/${name}`)
  room.forget([partition.label])
}

/** By the files. */
function logBytes(fs: SimulatedFileSystem): number {
  const directories = fs.list(ROOT).filter(name => fs.stat(`${ROOT}/${name}`)?.kind === 'directory')
  return directories.flatMap(label => fs.list(`${ROOT}/${label}`).filter(name => /\.log(\.deleted)?$/.test(name)).map(name => fs.stat(`${ROOT}/${label}/${name}`)!.bytes))
    .reduce((sum, bytes) => sum + bytes, 0)
}

/** Appends until one is refused; the refusal. */
function fillUp(partition: WritablePartition): LimitError {
  for (;;) {
    const refusal = appendOrRefusal(partition)
    if (refusal !== undefined) return refusal
  }
}

function appendOrRefusal(partition: WritablePartition): LimitError | undefined {
  try {
    partition.append(BATCH)
    return undefined
  } catch (error) {
    if (error instanceof LimitError) return error
    throw error
  }
}

describe(`what is counted (seed ${SEED})`, () => {
  test('is what the logs of all partitions take on the disk, whatever becomes of them', async () => {
    const random = new SeededRandom(SEED)
    const disk = newDisk()
    const { fs, clock, room } = disk
    const partitions: WritablePartition[] = []
    const steps: Record<string, (partition: WritablePartition) => Promise<void> | void> = {
      append: partition => { partition.append(batchOf(['y'.repeat(random.below(900))])) },
      roll: partition => {
        partition.append(BATCH)
        partition.roll()
      },
      truncate: async partition => { await partition.truncateBefore(partition.startOffset + random.below(partition.endOffset - partition.startOffset + 1)) },
      'full disk': partition => {
        fs.failNext('write', { error: 'ENOSPC', writtenBytes: random.below(60), path: /\.log$/ })
        appendOrRefusal(partition) // where something waits for its removal, it goes through after all
      },
      'failed write': partition => {
        fs.failNext('write', { error: 'EIO', writtenBytes: random.below(60), path: /\.log$/ })
        expect(() => partition.append(BATCH)).toThrow()
      },
      'failed sync': async partition => {
        partition.append(BATCH)
        fs.failNext('sync', { error: 'EIO', path: /\.log$/ })
        await partition.sync().catch(() => undefined)
        const file = `${ROOT}/${partition.label}/${fs.list(`${ROOT}/${partition.label}`).findLast(name => name.endsWith('.log'))!}`
        if (random.below(2) === 0) fs.corrupt(file, fs.stat(file)!.bytes - 1, 0xff) // recover() leaves the batch behind
      },
      'a minute later': async () => { await clock.advance(60_000) },
      delete: async partition => {
        await clock.advance(60_000)
        remove(disk, partition)
        partitions.splice(partitions.indexOf(partition), 1)
      },
    }
    const names = [...Object.keys(steps), 'append', 'append', 'append', 'append', 'append', 'append']
    for (let step = 0; step < 2000; step++) {
      if (partitions.length < 3) partitions.push(await newPartition(disk, `t-${step}`))
      const name = names[random.below(names.length)]!
      await steps[name]!(partitions[random.below(partitions.length)]!)
      for (const failed of partitions.filter(({ failure }) => failure !== undefined)) {
        await failed.recover()
        await clock.advance(60_000) // it has removed what was to be removed then
      }
      expect(room.usedBytes, `after step ${step}, '${name}'`).toBe(logBytes(fs))
    }
  })

  test('is what an earlier process has left, once its partitions are open', async () => {
    const disk = newDisk()
    const partition = await newPartition(disk, 't-0')
    for (let i = 0; i < 40; i++) partition.append(BATCH)
    const next = roomOn(disk.fs.survivorOfKill(), disk.clock)
    await WritablePartition.open(optionsOn(next.fs, optionsIn(next, 't-0')), { startOffset: 0, recoveryPoint: 0, trust: 'page-cache' })
    expect([next.room.usedBytes, next.room.usedBytes]).toEqual([disk.room.usedBytes, logBytes(next.fs)])
  })
})

describe('an allowance', () => {
  test("refuses users' records that would go beyond it, to the byte, and changes nothing", async () => {
    const disk = newDisk({ maxBytes: 10 * BATCH.length })
    const partition = await newPartition(disk, 't-0')
    for (let i = 0; i < 9; i++) partition.append(BATCH)
    const large = batchOf(['x'.repeat(301)])
    expect(() => partition.append(large)).toThrow(expect.objectContaining({
      name: 'LimitError', code: 'DISK_ALLOWANCE_USED', retriable: true,
      details: { partition: 't-0', bytes: large.length, usedBytes: 9 * BATCH.length, maxDiskBytes: 10 * BATCH.length },
    }))
    partition.append(BATCH)
    expect(fillUp(partition).code).toBe('DISK_ALLOWANCE_USED')
    expect([partition.endOffset, logBytes(disk.fs)]).toEqual([10, 10 * BATCH.length])
  })

  test("never refuses the log's own records, which count", async () => {
    const disk = newDisk({ maxBytes: 4 * BATCH.length })
    const [user, own] = [await newPartition(disk, 't-0'), await newPartition(disk, '__own-0')]
    for (let i = 0; i < 8; i++) own.append(BATCH)
    expect(fillUp(user).code).toBe('DISK_ALLOWANCE_USED')
    expect([user.endOffset, own.endOffset]).toEqual([0, 8])
  })

  test('has what waits for its removal removed at once, and no more of it than is needed', async () => {
    const disk = newDisk({ maxBytes: 64 * KIB })
    const partition = await newPartition(disk, 't-0')
    fillUp(partition)
    await partition.truncateBefore(partition.endOffset - 20)
    const waiting = disk.retired.bytes
    expect(waiting).toBeGreaterThan(50 * KIB)
    partition.append(BATCH)
    expect(waiting - disk.retired.bytes).toBeLessThanOrEqual(4 * KIB)
    for (let i = 0; i < 100; i++) partition.append(BATCH)
    expect(disk.room.usedBytes).toBe(logBytes(disk.fs))
  })
})

describe('the reserve', () => {
  test('is an eighth of a small simulated disk, 1 MiB of a large one, and none of one without a limit', async () => {
    for (const [capacityBytes, bytes] of [[64 * KIB, 8 * KIB], [64 * KIB * KIB, 1024 * KIB], [Infinity, undefined]] as const) {
      const disk = newDisk({ capacityBytes })
      await disk.room.open()
      expect(disk.fs.stat(RESERVE)?.bytes).toBe(bytes)
    }
  })

  test('is on the device once, and the next opening takes it as it is', async () => {
    const disk = newDisk({ capacityBytes: 64 * KIB })
    await disk.room.open()
    const next = roomOn(disk.fs.survivorOfKill(), disk.clock)
    const calls = next.fs.trace()
    await next.room.open()
    expect(calls.map(({ operation }) => operation)).toEqual(['stat'])
  })

  test("goes to the log's own records on a full disk; users' are refused until it could be made again", async () => {
    const disk = newDisk({ capacityBytes: 64 * KIB })
    const [user, own] = [await newPartition(disk, 't-0'), await newPartition(disk, '__own-0')]
    await disk.room.open()
    expect(fillUp(user)).toMatchObject({ code: 'DISK_FULL', details: { operation: 'write' } })
    expect(disk.fs.stat(RESERVE)?.bytes).toBe(8 * KIB)
    const end = user.endOffset
    for (let i = 0; i < 10; i++) own.append(BATCH)
    expect(disk.fs.stat(RESERVE)).toBeUndefined()
    expect(disk.fs.usedBytes).toBeLessThan(disk.fs.capacityBytes - 2 * BATCH.length)
    expect(fillUp(user)).toMatchObject({ code: 'DISK_FULL', retriable: true, details: { partition: 't-0' }, cause: { code: 'DISK_FULL' } })
    expect(user.endOffset).toBe(end)
    expect(fillUp(own).code).toBe('DISK_FULL')
    expect(own.endOffset).toBeGreaterThan(15)
    remove(disk, user)
    expect(disk.fs.stat(RESERVE)?.bytes).toBe(8 * KIB)
    expect((await newPartition(disk, 't-1')).append(BATCH)).toBe(0)
    expect(disk.room.usedBytes).toBe(logBytes(disk.fs))
  })

  test("each refusal of users' records is told, while there is a reserve and while there is none; no other failure is", async () => {
    const disk = newDisk({ capacityBytes: 64 * KIB })
    const [user, own] = [await newPartition(disk, 't-0'), await newPartition(disk, '__own-0')]
    let refused = 0
    disk.room.onRefused = () => { refused++ }
    await disk.room.open()
    fillUp(user)
    expect(refused).toBe(1)
    fillUp(own) // on the reserve
    expect(refused).toBe(1)
    fillUp(user)
    expect(refused).toBe(2)
    disk.fs.failNext('write', { error: 'EIO', path: /t-0.*log$/ })
    remove(disk, own)
    expect(() => user.append(BATCH)).toThrow(expect.objectContaining({ name: 'StorageError' }))
    expect(refused).toBe(2)
  })

  test('is tried again by refused appends once a second, and by what frees room at once', async () => {
    const disk = newDisk({ capacityBytes: 64 * KIB })
    const [user, own] = [await newPartition(disk, 't-0'), await newPartition(disk, '__own-0')]
    await disk.room.open()
    fillUp(user)
    own.append(BATCH)
    const tries = disk.fs.trace()
    const triesFor = async (ms: number): Promise<number> => {
      const before = tries.filter(({ operation, path }) => operation === 'open' && path === RESERVE).length
      for (let passed = 0; passed < ms; passed += 100) {
        fillUp(user)
        await disk.clock.advance(100)
      }
      return tries.filter(({ operation, path }) => operation === 'open' && path === RESERVE).length - before
    }
    expect(await triesFor(10_000)).toBe(10)
    disk.fs.capacityBytes *= 2
    await disk.clock.advance(1000)
    expect(() => { user.append(BATCH) }).not.toThrow()
    fillUp(user)
    own.append(BATCH)
    fillUp(user)
    await user.truncateBefore(user.endOffset - 1)
    expect(() => { user.append(BATCH) }).not.toThrow()
  })

  test.each(['EDQUOT', 'ENOSPC'])('is for %s in whatever is insisted on, and for no other failure', async errno => {
    const { fs, room } = newDisk({ capacityBytes: 64 * KIB })
    await room.open()
    for (const error of ['EMFILE', 'EFBIG', 'EIO']) {
      fs.failNext('makeDirectory', { error })
      expect(() => { room.insistNow(() => { fs.makeDirectory('/log/a') }) }).toThrow()
    }
    expect(fs.stat(RESERVE)).toBeDefined()
    fs.failNext('makeDirectory', { error: errno })
    room.insistNow(() => { fs.makeDirectory('/log/a') })
    expect([fs.stat(RESERVE), fs.stat('/log/a')?.kind]).toEqual([undefined, 'directory'])
  })

  test('serves all that waited for room when it was released', async () => {
    const { fs, room } = newDisk({ capacityBytes: 64 * KIB })
    await room.open()
    fs.failNext('makeDirectory', { error: 'ENOSPC', times: 3 })
    await Promise.all(['a', 'b', 'c'].map(name => room.insist(async () => {
      await Promise.resolve()
      fs.makeDirectory(`/log/${name}`)
    })))
    expect(fs.list(ROOT)).toEqual(['a', 'b', 'c'])
  })

  test.each(['EMFILE', 'EFBIG'])('that %s keeps from being made keeps nobody from anything', async error => {
    const disk = newDisk({ capacityBytes: 64 * KIB })
    const user = await newPartition(disk, 't-0')
    disk.fs.failNext('open', { error, path: /reserve/ })
    await disk.room.open()
    user.append(BATCH)
    expect(disk.fs.stat(RESERVE)).toBeUndefined()
  })

  test('whose sync fails is none: it is made again before users go on', async () => {
    const disk = newDisk({ capacityBytes: 64 * KIB })
    const user = await newPartition(disk, 't-0')
    disk.fs.failNext('sync', { error: 'ENOSPC', path: /reserve/ })
    disk.fs.failNext('open', { error: 'ENOSPC', path: /reserve/, after: 1 })
    await disk.room.open()
    expect(() => user.append(BATCH)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }))
    await disk.clock.advance(1000)
    user.append(BATCH)
  })
})

describe('a crash at every call', () => {
  /** Made, taken, tried in vain, made again. */
  async function life(disk: Disk): Promise<void> {
    const [user, own] = [await newPartition(disk, 't-0'), await newPartition(disk, '__own-0')]
    await disk.room.open()
    fillUp(user)
    own.append(BATCH)
    fillUp(user)
    await user.truncateBefore(user.endOffset)
    user.append(BATCH)
    await disk.room.close()
  }

  test('leaves a reserve that is whole, or none, and the next opening makes it', async () => {
    const whole = newDisk({ capacityBytes: 16 * KIB })
    await life(whole)
    expect(whole.fs.stat(RESERVE)?.bytes).toBe(2 * KIB)
    for (let calls = 1; calls <= whole.fs.calls; calls++) {
      const disk = newDisk({ capacityBytes: 16 * KIB })
      disk.fs.crashAfter(calls - disk.fs.calls)
      await life(disk).catch(() => undefined)
      for (const fs of [disk.fs.survivorOfKill(), disk.fs.survivorOfPowerCut(SEED)]) {
        fs.capacityBytes *= 2
        const next = roomOn(fs.survivorOfKill(), disk.clock)
        next.fs.makeDirectory(ROOT)
        await next.room.open()
        expect([next.room.isShort, next.fs.stat(RESERVE)?.bytes], `call ${calls}`).toEqual([false, 4 * KIB])
      }
    }
  })
})

test('a full disk keeps no log from being opened while there is a reserve to give up', async () => {
  const { fs, room } = newDisk({ capacityBytes: 64 * KIB })
  await room.open()
  fs.open('/log/ballast', 'create').write(Buffer.alloc(56 * KIB), 0)
  const opening = () => openInsisting(fs, ROOT, async () => { fs.lock(ROOT).release() })
  await opening()
  expect(fs.list(ROOT)).toEqual(['.lock', 'ballast'])
  fs.open('/log/more', 'create').write(Buffer.alloc(fs.capacityBytes - fs.usedBytes), 0)
  fs.remove('/log/.lock')
  fs.open('/log/last', 'create').write(Buffer.alloc(fs.capacityBytes - fs.usedBytes), 0)
  await expect(opening()).rejects.toMatchObject({ code: 'DISK_FULL' })
})
