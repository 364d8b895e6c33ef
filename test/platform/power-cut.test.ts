// What survives a loss of power: first the promises, then that the draws reach every corner that writers must fear.
import { describe, expect, test } from 'vitest'
import type { File } from '../../src/platform/file-system.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const CUTS = 300

function disk(): SimulatedFileSystem {
  const fs = new SimulatedFileSystem()
  fs.makeDirectory('/d')
  return fs
}

function contentOf(fs: SimulatedFileSystem, path: string): Buffer | undefined {
  if (fs.stat(path) === undefined) return undefined
  const file = fs.open(path, 'read')
  const target = Buffer.alloc(file.bytes())
  file.read(target, 0)
  return target
}

const textOf = (fs: SimulatedFileSystem, path: string): string | undefined => contentOf(fs, path)?.toString('latin1')

/** What each of many cuts leaves. Promises hold for any seed; corners are looked for from a fixed one. */
function afterCuts<T>(fs: SimulatedFileSystem, look: (survivor: SimulatedFileSystem) => T, seed = SEED): T[] {
  return Array.from({ length: CUTS }, (_, cut) => look(fs.survivorOfPowerCut(seed + cut)))
}

function create(fs: SimulatedFileSystem, path: string, text: string | Buffer): File {
  const file = fs.open(path, 'create')
  file.write(Buffer.from(text), 0)
  return file
}

describe(`promises (seed ${SEED})`, () => {
  test('a writer that syncs file and directory never loses its file; one that forgets the directory does in some draw', async () => {
    const fs = disk()
    await create(fs, '/d/careful', 'content').sync()
    await fs.syncDirectory('/d')
    await create(fs, '/d/forgetful', 'content').sync()
    expect(new Set(afterCuts(fs, survivor => textOf(survivor, '/d/careful')))).toEqual(new Set(['content']))
    expect(new Set(afterCuts(fs, survivor => textOf(survivor, '/d/forgetful')))).toEqual(new Set(['content', undefined]))
  })

  test('synced bytes stay whatever is written after them, and the synced length is the least', async () => {
    const fs = disk()
    const file = create(fs, '/d/a', 'a'.repeat(700))
    await file.sync()
    await fs.syncDirectory('/d')
    for (let at = 700; at < 9000; at += 100) file.write(Buffer.alloc(100, 'b'), at)
    for (const left of afterCuts(fs, survivor => textOf(survivor, '/d/a') ?? '')) {
      expect(left.slice(0, 700)).toBe('a'.repeat(700))
      expect(left.length).toBeLessThanOrEqual(9000)
    }
  })

  test('a file with two names is one file also after the cut, and each name is kept or lost by itself', async () => {
    const fs = disk()
    await create(fs, '/d/a', 'first').sync()
    await fs.syncDirectory('/d')
    fs.open('/d/a', 'write').write(Buffer.from('x'.repeat(6000)), 5)
    fs.link('/d/a', '/d/b')
    const found = new Set<boolean>()
    for (const survivor of afterCuts(fs, survivor => survivor)) {
      const b = contentOf(survivor, '/d/b')
      found.add(b !== undefined)
      if (b === undefined) continue
      expect(b).toEqual(contentOf(survivor, '/d/a'))
      survivor.open('/d/b', 'write').truncate(1)
      expect(textOf(survivor, '/d/a')).toBe('f')
    }
    expect(found).toEqual(new Set([true, false]))
  })

  test('a sync covers what was written before it began, not what was written while it ran', async () => {
    const fs = new SimulatedFileSystem({ seed: SEED })
    fs.makeDirectory('/d')
    const file = create(fs, '/d/a', 'before')
    fs.syncDirectoryNow('/d')
    const synced = file.sync()
    file.write(Buffer.from(' while'), 6)
    await synced
    const left = new Set(afterCuts(fs, survivor => textOf(survivor, '/d/a')))
    for (const text of left) expect(text?.startsWith('before')).toBe(true)
    expect(left).toContain('before')
    expect(left).toContain('before while')
  })

  test('of two syncs that end in the wrong order the later one counts', async () => {
    for (let seed = SEED; seed < SEED + 20; seed++) {
      const fs = new SimulatedFileSystem({ seed })
      fs.makeDirectory('/d')
      const file = create(fs, '/d/a', 'one')
      const first = file.sync()
      file.write(Buffer.from('two'), 3)
      await Promise.all([first, file.sync(), fs.syncDirectory('/d')])
      expect(textOf(fs.survivorOfPowerCut(seed), '/d/a')).toBe('onetwo')
    }
  })

  test('a rename is whole: one of both names, with the content that was synced', async () => {
    const fs = disk()
    await create(fs, '/d/a', 'old').sync()
    await fs.syncDirectory('/d')
    await create(fs, '/d/a.tmp', 'new').sync()
    await fs.syncDirectory('/d')
    fs.rename('/d/a.tmp', '/d/a')
    const left = new Set(afterCuts(fs, survivor => `${textOf(survivor, '/d/a')} ${textOf(survivor, '/d/a.tmp')}`))
    expect(left).toEqual(new Set(['old new', 'new undefined']))
    await fs.syncDirectory('/d')
    expect(new Set(afterCuts(fs, survivor => `${survivor.list('/d').join()} ${textOf(survivor, '/d/a')}`))).toEqual(new Set(['a new']))
  })

  test('a file that moves on through directories has one name, and a later move is not kept without the earlier', async () => {
    const fs = disk()
    fs.makeDirectory('/e')
    fs.makeDirectory('/f')
    create(fs, '/d/a', '')
    await fs.syncDirectory('/d')
    fs.rename('/d/a', '/e/a')
    fs.rename('/e/a', '/f/a')
    expect(new Set(afterCuts(fs, survivor => ['d', 'e', 'f'].filter(name => survivor.stat(`/${name}/a`) !== undefined).join()))).toEqual(new Set(['d', 'e', 'f']))
    await fs.syncDirectory('/f')
    expect(new Set(afterCuts(fs, survivor => ['d', 'e', 'f'].filter(name => survivor.stat(`/${name}/a`) !== undefined).join()))).toEqual(new Set(['f']))
  })

  test('makeDirectory is durable with its parents', () => {
    const fs = disk()
    fs.makeDirectory('/d/x/y')
    expect(afterCuts(fs, survivor => survivor.stat('/d/x/y')?.kind).every(kind => kind === 'directory')).toBe(true)
  })

  test('another boot, no lock, the same draw for the same seed', () => {
    const fs = disk()
    fs.lock('/d')
    create(fs, '/d/a', 'x'.repeat(5000))
    const survivor = fs.survivorOfPowerCut(SEED)
    expect(survivor.bootId).not.toBe(fs.bootId)
    survivor.lock('/d')
    const look = (left: SimulatedFileSystem): string => `${left.list('/d').join()} ${textOf(left, '/d/a')}`
    expect(look(fs.survivorOfPowerCut(SEED))).toBe(look(fs.survivorOfPowerCut(SEED)))
  })
})

const cornersOf = <T>(fs: SimulatedFileSystem, look: (survivor: SimulatedFileSystem) => T): T[] => afterCuts(fs, look, 1)

describe('corners', () => {
  test('unsynced bytes are lost, kept or torn at sectors, with zeros or garbage between them', async () => {
    const fs = disk()
    const file = create(fs, '/d/a', '')
    await fs.syncDirectory('/d')
    for (let at = 0; at < 16_384; at += 128) file.write(Buffer.alloc(128, 'n'), at)
    const seen = { nothing: 0, everything: 0, zeros: 0, garbage: 0, shorter: 0, wholePage: 0 }
    for (const left of cornersOf(fs, survivor => contentOf(survivor, '/d/a') ?? Buffer.alloc(0))) {
      if (left.length === 0) seen.nothing++
      else if (left.length < 16_384) seen.shorter++
      else if (left.every(byte => byte === 110)) seen.everything++
      for (let sector = 0; sector < left.length; sector += 512) {
        const bytes = left.subarray(sector, sector + 512)
        if (bytes.every(byte => byte === 0)) seen.zeros++
        else if (bytes.some(byte => byte !== 0 && byte !== 110)) seen.garbage++
      }
      for (let page = 0; page + 8192 <= left.length; page += 4096) {
        if (left.subarray(page, page + 4096).every(byte => byte === 110) && left.subarray(page + 4096, page + 8192).every(byte => byte === 0)) seen.wholePage++
      }
    }
    for (const [corner, count] of Object.entries(seen)) expect(count, corner).toBeGreaterThan(0)
  })

  test('a sector holds its old bytes, its new ones, or those of a moment between', async () => {
    const fs = disk()
    const file = create(fs, '/d/a', Buffer.alloc(1024, '0'))
    await file.sync()
    await fs.syncDirectory('/d')
    for (const version of ['1', '2', '3']) file.write(Buffer.alloc(1024, version), 0)
    const left = cornersOf(fs, survivor => textOf(survivor, '/d/a') ?? '')
    for (const text of left) expect(text).toMatch(/^(.)\1{511}(.)\2{511}$/)
    expect(new Set(left.map(text => text[0]))).toEqual(new Set(['0', '1', '2', '3']))
    expect(left.some(text => text[0] !== text[1023])).toBe(true)
  })

  test('a cut that was not synced may be undone, and then old bytes come back behind new ones', async () => {
    const fs = disk()
    const file = create(fs, '/d/a', Buffer.alloc(2048, 'o'))
    await file.sync()
    await fs.syncDirectory('/d')
    file.truncate(512)
    file.write(Buffer.alloc(256, 'n'), 512)
    const left = cornersOf(fs, survivor => textOf(survivor, '/d/a') ?? '')
    for (const text of left) expect(text.slice(0, 512)).toBe('o'.repeat(512))
    expect(left).toContain('o'.repeat(2048))
    expect(left).toContain('o'.repeat(512) + 'n'.repeat(256))
    expect(left.some(text => text.slice(512, 768) === 'n'.repeat(256) && text.slice(1024).startsWith('o'))).toBe(true)
    await file.sync()
    expect(new Set(cornersOf(fs, survivor => textOf(survivor, '/d/a')))).toEqual(new Set(['o'.repeat(512) + 'n'.repeat(256)]))
  })

  test('names made and removed since the sync are kept or lost each by itself', async () => {
    const fs = disk()
    create(fs, '/d/old', '')
    await fs.syncDirectory('/d')
    create(fs, '/d/x', '')
    create(fs, '/d/y', '')
    fs.remove('/d/old')
    const left = new Set(cornersOf(fs, survivor => survivor.list('/d').join()))
    expect(left).toEqual(new Set(['', 'old', 'x', 'y', 'x,y', 'old,x', 'old,y', 'old,x,y']))
  })

  test('a directory that is lost takes its files along, synced or not', async () => {
    const fs = disk()
    fs.makeDirectory('/d/x')
    await create(fs, '/d/x/a', 'content').sync()
    await fs.syncDirectory('/d/x')
    fs.rename('/d/x', '/d/y')
    expect(new Set(cornersOf(fs, survivor => `${textOf(survivor, '/d/x/a')} ${textOf(survivor, '/d/y/a')}`))).toEqual(new Set(['content undefined', 'undefined content']))
  })

  test('the note of a lock may be lost or torn', () => {
    const fs = disk()
    fs.lock('/d').write('n'.repeat(600), { claimBoot: true })
    const notes = cornersOf(fs, survivor => survivor.lock('/d').earlierNote)
    expect(new Set(notes)).toEqual(new Set(['', 'n'.repeat(600)]))
  })
})
