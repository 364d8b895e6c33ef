import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import { SimulatedCrash } from '../../src/platform/faults.ts'
import type { File } from '../../src/platform/file-system.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import type { SimulationOptions } from '../../src/platform/simulated-machine.ts'

function disk(options: SimulationOptions = {}): SimulatedFileSystem {
  const fs = new SimulatedFileSystem(options)
  fs.makeDirectory('/d')
  return fs
}

function contentOf(fs: SimulatedFileSystem, path: string): string {
  const file = fs.open(path, 'read')
  const target = Buffer.alloc(file.bytes())
  return target.toString('latin1', 0, file.read(target, 0))
}

const append = (file: File, text: string): void => { file.write(Buffer.from(text), file.bytes()) }
const codeOf = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error) {
    return error instanceof MillraceError ? error.code : error
  }
  return undefined
}

describe('calls', () => {
  test('every call is counted, and written down once that is asked for', async () => {
    const fs = disk()
    const before = fs.calls
    const trace = fs.trace()
    const file = fs.open('/d/a', 'create')
    file.write(Buffer.from('x'), 0)
    await file.sync()
    await fs.syncDirectory('/d')
    await fs.jobs.run(() => undefined)
    fs.rename('/d/a', '/d/b')
    fs.lock('/d').release()
    expect(trace.map(call => `${call.operation} ${call.path}`)).toEqual([
      'open /d/a', 'write /d/a', 'sync /d/a', 'syncDirectory /d', 'job ', 'rename /d/a', 'lock /d', 'write /d/.lock', 'release /d/.lock',
    ])
    expect(fs.calls - before).toBe(trace.length)
  })

  test('a crash takes effect at the call that was asked for, and at all later ones', () => {
    const fs = disk()
    const file = fs.open('/d/a', 'create')
    fs.crashAfter(3)
    append(file, '1')
    expect(() => { append(file, '2') }).toThrow(SimulatedCrash) // bytes and write are a call each
    expect(fs.crashed).toBe(true)
    expect(() => fs.list('/d')).toThrow(SimulatedCrash)
    expect(contentOf(fs.survivorOfKill(), '/d/a')).toBe('1')
  })

  test.each([undefined, 11])('work that is under way at a crash has no effect (seed %s)', async seed => {
    const fs = disk(seed === undefined ? {} : { seed })
    const file = fs.open('/d/a', 'create')
    append(file, 'x')
    fs.crashAfter(2)
    let ran = false
    const job = fs.jobs.run(() => { ran = true })
    const settled = Promise.allSettled([job, file.sync()])
    await settled
    expect((await settled)[1]).toMatchObject({ status: 'rejected', reason: expect.any(SimulatedCrash) as SimulatedCrash })
    expect(ran).toBe(seed === undefined)
    expect(fs.pendingJobs).toBe(0)
  })
})

describe('after kill -9', () => {
  test('all that was written is there, synced or not, under the same boot and without the lock', () => {
    const fs = disk()
    fs.lock('/d').write('a note', { claimBoot: true })
    append(fs.open('/d/a', 'create'), 'unsynced')
    fs.rename('/d/a', '/d/b')
    const survivor = fs.survivorOfKill()
    expect(survivor.bootId).toBe(fs.bootId)
    expect(contentOf(survivor, '/d/b')).toBe('unsynced')
    expect(survivor.lock('/d')).toMatchObject({ earlierNote: 'a note', earlierBootId: fs.bootId })
  })

  test('survivors share nothing with each other or with what they come from', () => {
    const fs = disk()
    const file = fs.open('/d/a', 'create')
    append(file, 'same')
    const [one, two] = [fs.survivorOfKill(), fs.survivorOfKill()]
    append(one.open('/d/a', 'write'), ' one')
    one.remove('/d/a')
    append(file, ' origin')
    expect(contentOf(two, '/d/a')).toBe('same')
    expect(two.usedBytes).toBe(4)
  })

  test('what was unsynced before the kill is still unsynced after it', () => {
    const fs = disk()
    append(fs.open('/d/a', 'create'), 'unsynced')
    const survivor = fs.survivorOfKill()
    const lost = Array.from({ length: 40 }, (_, seed) => survivor.survivorOfPowerCut(seed)).filter(left => left.stat('/d/a') === undefined)
    expect(lost.length).toBeGreaterThan(0)
  })
})

describe('faults', () => {
  test('the chosen calls fail, with the error that the system would give, and others do not', () => {
    const fs = disk()
    fs.failNext('open', { path: /\/a$/, error: 'EMFILE', after: 1, times: 2 })
    fs.open('/d/b', 'create')
    fs.open('/d/a', 'create')
    const open = (): unknown => codeOf(() => fs.open('/d/a', 'read'))
    expect([open(), open(), open()]).toEqual(['TOO_MANY_OPEN_FILES', 'TOO_MANY_OPEN_FILES', undefined])
  })

  test('a torn write leaves its prefix behind', () => {
    const fs = disk()
    const file = fs.open('/d/a', 'create')
    append(file, '12')
    fs.failNext('write', { error: 'EIO', writtenBytes: 3 })
    expect(codeOf(() => { append(file, '345678') })).toBe('IO_FAILED')
    expect(contentOf(fs, '/d/a')).toBe('12345')
  })

  test('a full disk takes what still fits, and goes on when there is room', () => {
    const fs = disk({ capacityBytes: 10 })
    const file = fs.open('/d/a', 'create')
    append(file, '12345678')
    expect(codeOf(() => { append(file, 'abcd') })).toBe('DISK_FULL')
    expect(contentOf(fs, '/d/a')).toBe('12345678ab')
    file.write(Buffer.from('XY'), 0)
    file.truncate(8)
    append(file, 'cd')
    expect(codeOf(() => { append(file, 'e') })).toBe('DISK_FULL')
    append(fs.open('/d/b', 'create'), '')
    fs.rename('/d/b', '/d/a')
    expect(fs.usedBytes).toBe(0)
    fs.capacityBytes = 3
    expect(codeOf(() => { append(file, 'four') })).toBe('DISK_FULL')
    fs.remove('/d/a')
    expect(fs.usedBytes).toBe(0)
  })

  test.each([undefined, 5])('a failed sync is one-shot: the bytes can be read, the next sync succeeds, and after a power cut they are gone (seed %s)', async seed => {
    const fs = disk(seed === undefined ? {} : { seed })
    const file = fs.open('/d/a', 'create')
    append(file, 'synced.')
    await file.sync()
    await fs.syncDirectory('/d')
    append(file, 'lost...')
    fs.failNext('sync', { error: 'EIO' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'SYNC_FAILED', details: { operation: 'sync', errno: 'EIO' } })
    await file.sync()
    append(file, 'after.')
    file.syncNow()
    expect(contentOf(fs, '/d/a')).toBe('synced.lost...after.')
    for (let cut = 0; cut < 20; cut++) {
      const left = contentOf(fs.survivorOfPowerCut(cut), '/d/a')
      expect(left).toMatch(/^synced\.[^]{7}after\.$/)
      expect(['lost...', '\0'.repeat(7)]).toContain(left.slice(7, 14))
    }
  })

  test('some of those bytes may have reached the device', async () => {
    const seen = new Set<boolean>()
    for (let seed = 0; seed < 30; seed++) {
      const fs = disk({ seed })
      const file = fs.open('/d/a', 'create')
      await fs.syncDirectory('/d')
      append(file, 'x')
      fs.failNext('syncNow', { error: 'EIO' })
      expect(codeOf(() => { file.syncNow() })).toBe('SYNC_FAILED')
      file.syncNow()
      seen.add(contentOf(fs.survivorOfPowerCut(0), '/d/a') === 'x')
    }
    expect(seen.size).toBe(2)
  })

  test('a sync that finds no descriptor was not tried and loses nothing', async () => {
    const fs = disk()
    const file = fs.open('/d/a', 'create')
    append(file, 'x')
    fs.failNext('sync', { error: 'EMFILE' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'TOO_MANY_OPEN_FILES' })
    await file.sync()
    await fs.syncDirectory('/d')
    expect(contentOf(fs.survivorOfPowerCut(1), '/d/a')).toBe('x')
  })

  test('a directory whose sync fails keeps its names unsynced', async () => {
    const fs = disk()
    fs.open('/d/a', 'create')
    fs.failNext('syncDirectory', { error: 'EIO' })
    await expect(fs.syncDirectory('/d')).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    const left = Array.from({ length: 40 }, (_, seed) => fs.survivorOfPowerCut(seed).list('/d').length)
    expect(new Set(left)).toEqual(new Set([0, 1]))
  })

  test('flipped bits are read, also after a power cut', async () => {
    const fs = disk()
    const file = fs.open('/d/a', 'create')
    append(file, 'abc')
    await file.sync()
    await fs.syncDirectory('/d')
    fs.corrupt('/d/a', 1, 0x20)
    expect(contentOf(fs, '/d/a')).toBe('aBc')
    expect(contentOf(fs.survivorOfPowerCut(0), '/d/a')).toBe('aBc')
  })
})

test('a file with two names takes its room once, until both are gone', () => {
  const fs = new SimulatedFileSystem()
  fs.open('/a', 'create').write(Buffer.alloc(1000), 0)
  fs.link('/a', '/b')
  expect(fs.usedBytes).toBe(1000)
  expect(fs.survivorOfKill().usedBytes).toBe(1000)
  fs.open('/b', 'write').write(Buffer.alloc(500), 1000)
  fs.remove('/a')
  expect(fs.usedBytes).toBe(1500)
  expect(fs.survivorOfKill().open('/b', 'read').bytes()).toBe(1500)
  fs.open('/c', 'create')
  fs.rename('/c', '/b')
  expect(fs.usedBytes).toBe(0)
})

test.each(['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK'])('%s says that a second name is not to be had there', error => {
  const fs = new SimulatedFileSystem()
  fs.open('/a', 'create')
  fs.failNext('link', { error })
  expect(fs.link('/a', '/b')).toBe(false)
  expect(fs.link('/a', '/b')).toBe(true)
  fs.failNext('link', { error: 'ENOSPC' })
  expect(() => fs.link('/a', '/c')).toThrowError(/disk is full/)
})

test('work off the main thread ends in an order that the seed repeats', async () => {
  const orderOf = async (seed: number): Promise<string> => {
    const fs = disk({ seed })
    const order: number[] = []
    await Promise.all(Array.from({ length: 8 }, async (_, index) => {
      const file = fs.open(`/d/${index}`, 'create')
      await file.sync()
      await file.readLater(Buffer.alloc(1), 0)
      await fs.jobs.run(() => undefined)
      order.push(index)
    }))
    return String(order)
  }
  expect(await orderOf(1)).toBe(await orderOf(1))
  expect(new Set(await Promise.all(Array.from({ length: 10 }, (_, seed) => orderOf(seed)))).size).toBeGreaterThan(5)
})

test('a write beyond the end of a file is our own mistake', () => {
  const file = disk().open('/d/a', 'create')
  expect(() => { file.write(Buffer.from('x'), 1) }).toThrow('broken invariant')
})
