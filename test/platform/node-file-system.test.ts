// What only real files can show; the rest is in test/contract/file-system.test.ts.
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plainFiles } from '../../src/platform/storage-choice.ts'

const fs = plainFiles('as a test wants it')
import { isRunning, processStart } from '../../src/platform/running-process.ts'

let directory: string
beforeEach(() => { directory = mkdtempSync(`${tmpdir()}/millrace-files-`) })
afterEach(() => { rmSync(directory, { recursive: true, force: true }) })

const onPosix = describe.skipIf(process.platform === 'win32')
const onLinux = describe.skipIf(process.platform !== 'linux')

onPosix('on POSIX', () => {
  test('files are for their owner alone, and so are directories', () => {
    fs.makeDirectory(`${directory}/x/y`)
    fs.open(`${directory}/x/y/a`, 'create')
    expect(['x', 'x/y', 'x/y/a'].map(name => (statSync(`${directory}/${name}`).mode & 0o777).toString(8))).toEqual(['700', '700', '600'])
  })

  test('nothing is opened through a symbolic link, but a directory may be one', () => {
    writeFileSync(`${directory}/a`, '')
    symlinkSync(`${directory}/a`, `${directory}/link`)
    for (const mode of ['read', 'write'] as const) expect(() => fs.open(`${directory}/link`, mode)).toThrow(expect.objectContaining({ code: 'SYMBOLIC_LINK' }))
    expect(() => fs.open(`${directory}/link`, 'create')).toThrow(expect.objectContaining({ code: 'FILE_EXISTS' }))
    expect(fs.stat(`${directory}/link`)).toMatchObject({ kind: 'other' })
    symlinkSync(directory, `${directory}/elsewhere`)
    expect(fs.stat(`${directory}/elsewhere`)).toMatchObject({ kind: 'directory' })
    symlinkSync(`${directory}/nowhere`, `${directory}/dangling`)
    expect(fs.stat(`${directory}/dangling`)).toMatchObject({ kind: 'other' })
  })
})

onLinux('on Linux', () => {
  test('a full disk is a LimitError, and a sync that fails is SYNC_FAILED, at once or later', async () => {
    const full = fs.open('/dev/full', 'write')
    expect(() => { full.write(Buffer.from('x'), 0) }).toThrow(expect.objectContaining({ name: 'LimitError', code: 'DISK_FULL', retriable: true }))
    await expect(full.sync()).rejects.toMatchObject({ name: 'StorageError', code: 'SYNC_FAILED', details: { path: '/dev/full', operation: 'sync' } })
    expect(() => { full.syncNow() }).toThrow(expect.objectContaining({ code: 'SYNC_FAILED' }))
    full.close()
  })

  test('a running process is known by its id and its start, whatever its name holds', () => {
    expect(processStart('self')).toMatch(/^\d+$/)
    expect(processStart('self')).toBe(processStart(process.pid))
    expect(isRunning(process.pid, processStart('self'))).toBe(true)
    expect(isRunning(process.pid, '1')).toBe(false)
    expect(isRunning(process.pid, null)).toBe(true)
    expect(isRunning(1, null)).toBe(true) // often not ours to signal
    const oddName = `${directory}/a) 7 (c`
    copyFileSync('/bin/cat', oddName)
    const odd = spawn(oddName)
    expect(Number(processStart(odd.pid ?? 0))).toBeGreaterThanOrEqual(Number(processStart('self')))
    odd.stdin.end()
    const dead = Number(execFileSync('/bin/sh', ['-c', 'echo $$'], { encoding: 'latin1' }))
    expect(isRunning(dead, null)).toBe(false)
    expect(processStart(dead)).toBeNull()
  })

  test('the boot has an id', () => {
    expect(fs.bootId).toMatch(/^[0-9a-f-]{36}$/)
  })
})
