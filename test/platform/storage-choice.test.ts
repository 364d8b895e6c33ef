// Mapped files or plain ones: what the host and the place of a directory decide, and how it is told.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { remoteFileSystem } from '../../src/platform/storage-choice.ts'
import { systemError } from '../../src/platform/system-error.ts'
import { buildHostHandler, compiler } from '../native/support/host-handler.ts'
import { nativeFile } from '../native/support/native-file.ts'
import { nodeBinaries } from '../support/node-binaries.ts'
import { bundleLibrary, type Library } from '../surface/support/children.ts'
import { CHILD_ENV, bundleForNode } from './support/bundle.ts'

const TURNED_OFF = process.platform === 'linux' ? 'the native part is turned off (MILLRACE_NATIVE=off)' : 'mapped files are for Linux so far'
const FOREIGN_HANDLER = 'this process has a SIGBUS handler of its own'
const ASKED_FOR = { storage: 'mapped', reason: "storage: 'mapped' was asked for" }

interface Host {
  readonly before?: string
  readonly native?: string
  readonly node?: string
  readonly flags?: readonly string[]
}

let library: Library
let directory: string
beforeAll(() => {
  library = bundleLibrary()
  directory = library.directory
  bundleForNode(['src/platform/storage-choice.ts'], join(directory, 'storage-choice.cjs'))
})
afterAll(() => { library.remove() })

/** What an asynchronous program reports, in a process where `before` ran; or its error. */
function reportOf(program: string, { before = '', native = nativeFile ?? 'off', node = process.execPath, flags = [] }: Host): unknown {
  const file = join(directory, 'program.cjs')
  writeFileSync(file, `
    ${before}
    const told = result => { require('node:fs').writeSync(1, JSON.stringify(result)) }
    const work = async () => { ${program} }
    work().then(told, ({ name, code, message, hint, details }) => { told({ name, code, message, hint, details }) })
  `)
  const { stdout, stderr, status } = spawnSync(node, [...flags, file], { encoding: 'utf8', env: { ...CHILD_ENV, MILLRACE_NATIVE: native } })
  if (status !== 0 || stdout === '') throw new Error(`the program ended by ${status}: ${stderr}`)
  return JSON.parse(stdout)
}

function choiceOf(wish: 'auto' | 'mapped' | 'file', host: Host = {}): unknown {
  return reportOf(`
    const { kind: storage, reason } = require('./storage-choice.cjs').chooseStorage('${wish}', ${JSON.stringify(directory)})
    return { storage, reason }
  `, host)
}

function refusal(reason: string): object {
  return { name: 'UsageError', code: 'STORAGE_UNAVAILABLE', message: `open: storage 'mapped' is not possible here: ${reason}`, hint: "leave it out, or say 'file': what is stored is the same", details: { reason } }
}

test("without the native part 'auto' steps aside, and 'mapped' is refused", () => {
  expect(choiceOf('auto', { native: 'off' })).toEqual({ storage: 'file', reason: TURNED_OFF })
  expect(choiceOf('mapped', { native: 'off' })).toEqual(refusal(TURNED_OFF))
})

const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'

test("under Node's permission model a log is written to plain files, synced, closed and opened again", () => {
  const program = `
    const { open } = require('./library.cjs')
    const found = []
    for (let i = 0; i < 2; i++) {
      const log = await open(${JSON.stringify(join(directory, 'permitted/new/log'))}, { durability: 'power' })
      const topic = await log.topic('a')
      await topic.send({ value: i })
      found.push(log.stats().storage)
      for await (const record of topic.read()) found.push(record.value)
      await log.close()
    }
    return found
  `
  expect(reportOf(program, { flags: [PERMISSION, '--allow-fs-read=*', '--allow-fs-write=*'] })).toEqual(['file', 0, 'file', 0, 1])
})

test('plain files are had by asking for them', () => {
  expect(choiceOf('file')).toEqual({ storage: 'file', reason: "storage: 'file' was asked for" })
})

describe('a directory on another machine', () => {
  // linux/magic.h, and statfs(2) for what is not in the kernel; the last four are at home on this machine.
  test.each([
    ['NFS', 0x6969], ['CIFS', 0xff534d42], ['CIFS', 0xff534d42 | 0], ['SMB2', 0xfe534d42], ['SMB', 0x517b], ['9p', 0x01021997], ['FUSE', 0x65735546], ['Ceph', 0x00c36400],
    ['AFS', 0x5346414f], ['AFS', 0x6b414653], ['Lustre', 0x0bd00bd0], ['GPFS', 0x47504653], ['OCFS2', 0x7461636f], ['VirtualBox', 0x786f4256], ['VMware', 0xbacbacbc],
    [undefined, 0xef53], [undefined, 0x58465342], [undefined, 0x9123683e], [undefined, 0x01021994],
  ])('is known by its file system: %s is %i', (name, type) => {
    expect(remoteFileSystem('/data', () => type)).toBe(name)
  })

  test('that is yet to be made is judged by the one above it', () => {
    const asked: string[] = []
    const typeOf = (path: string): number => {
      asked.push(path)
      if (path !== '/mnt') throw systemError('ENOENT', 'statfs', path)
      return 0x6969
    }
    expect(remoteFileSystem('/mnt/a/b', typeOf)).toBe('NFS')
    expect(asked).toEqual(['/mnt/a/b', '/mnt/a', '/mnt'])
    expect(remoteFileSystem(join(directory, 'not/made/yet'))).toBe(remoteFileSystem(directory))
  })

  test('whose file system is not told is a typed error', () => {
    expect(() => remoteFileSystem('/data', path => { throw systemError('EACCES', 'statfs', path) })).toThrow(expect.objectContaining({ code: 'PERMISSION_DENIED' }))
  })
})

describe.skipIf(nativeFile === undefined)('where the native part loads', () => {
  test("'auto' maps, where nothing speaks against it", () => {
    expect(choiceOf('auto')).toEqual({ storage: 'mapped', reason: 'the native part is loaded, and nothing speaks against mapping' })
  })

  test("under Electron 'auto' steps aside, and 'mapped' insists", () => {
    const before = "Object.defineProperty(process, 'versions', { value: { ...process.versions, electron: '30.0.0' } })"
    expect(choiceOf('auto', { before })).toEqual({ storage: 'file', reason: 'Electron reports crashes by signal handlers of its own' })
    expect(choiceOf('mapped', { before })).toEqual(ASKED_FOR)
  })

  test("beside a listener for SIGBUS 'auto' steps aside, and 'mapped' insists", () => {
    const before = "process.on('SIGBUS', () => {})"
    expect(choiceOf('auto', { before })).toEqual({ storage: 'file', reason: FOREIGN_HANDLER })
    expect(choiceOf('mapped', { before })).toEqual(ASKED_FOR)
  })

  // Every Node 22 and 24 has the permission model; which of them is not the point.
  const node = nodeBinaries().find(({ version }) => version === '24')
  test.skipIf(node?.path === undefined)(`where addons are forbidden 'auto' steps aside, and 'mapped' is refused${node?.path === undefined ? ` (Node 24: ${node?.reason})` : ''}`, () => {
    const forbidden = { node: node!.path!, flags: ['--permission', '--allow-fs-read=*', '--allow-fs-write=*'] }
    const reason = 'this process may not load native code (--permission without --allow-addons, or --no-addons)'
    expect(choiceOf('auto', forbidden)).toEqual({ storage: 'file', reason })
    expect(choiceOf('mapped', forbidden)).toEqual(refusal(reason))
    expect(choiceOf('auto', { ...forbidden, flags: [...forbidden.flags, '--allow-addons'] })).toMatchObject({ storage: 'mapped' })
  })

  describe.skipIf(compiler === undefined)('beside a native handler of SIGBUS', () => {
    let host: string
    beforeAll(() => { host = `const host = require(${JSON.stringify(buildHostHandler(directory))})` })

    test("that was there before, 'auto' steps aside, and 'mapped' insists", () => {
      expect(choiceOf('auto', { before: `${host}; host.install()` })).toEqual({ storage: 'file', reason: FOREIGN_HANDLER })
      expect(choiceOf('mapped', { before: `${host}; host.install()` })).toEqual(ASKED_FOR)
    })

    test('that comes later, files that are open step aside when they next grow, and the log goes on', () => {
      const facts = reportOf(`
        const { open } = require('./library.cjs')
        const native = require(process.env.MILLRACE_NATIVE)
        const log = await open(${JSON.stringify(join(directory, 'log'))}, { topicDefaults: { value: 'bytes' } })
        const topic = await log.topic('a')
        const values = Array.from({ length: 100 }, (_, i) => Buffer.alloc(5_000, i))
        const producer = topic.producer()
        producer.sendSync({ value: values[0] })
        const mapped = native.openWindows()
        const guards = [native.guardState()]
        host.install()
        guards.push(native.guardState())
        for (const value of values.slice(1)) producer.sendSync({ value })
        const given = mapped - native.openWindows()
        let same = 0
        for await (const { offset, value } of topic.read({ from: 'earliest' })) if (values[offset].equals(value)) same++
        const { storage, storageReason } = log.stats()
        await log.close()
        return { storage, storageReason, guards, given, same, faults: [host.fault(), host.fault()] }
      `, { before: host })
      expect(facts).toEqual({ storage: 'file', storageReason: 'a handler for SIGBUS was installed after the log was opened', guards: [1, 2], given: 1, same: 100, faults: [1, 2] })
    })
  })
})

test('what a log has chosen stands in its stats', () => {
  const stats = reportOf(`
    const log = await require('./library.cjs').open(${JSON.stringify(join(directory, 'told'))})
    const { storage, storageReason: reason } = log.stats()
    await log.close()
    return { storage, reason }
  `, { native: 'off' })
  expect(stats).toEqual({ storage: 'file', reason: TURNED_OFF })
})
