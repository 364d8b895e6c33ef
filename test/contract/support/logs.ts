// The kinds of log that the contract is asked of: `memory:`, mapped and plain files, and the log that tests use. The clock of each
// stands still until the test steps it. A log closes, and its files go, when its test ends.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { open, type EventLog, type LogStats, type OpenOptions } from '../../../src/index.ts'
import { nativePart } from '../../../src/native/load.ts'
import { SteppedClock } from '../../../src/platform/stepped-clock.ts'
import { TestClock, testLog, type TestLog } from '../../../src/testing.ts'

export interface OpenedLog {
  readonly log: EventLog
  readonly clock: TestClock
  /** Names and sizes below the log's directory; empty for `memory:`, which shows nothing. */
  files(): string[]
  /** The same log after its process ended and began anew; undefined where nothing is kept. */
  readonly reopen: (() => Promise<OpenedLog>) | undefined
}

/** What is done when a test, or whoever else opened a log, is over. */
type AtEnd = (cleanUp: () => unknown) => void

export type OpenLog = (options?: Omit<OpenOptions, 'clock'>, atEnd?: AtEnd) => Promise<OpenedLog>

export const LOGS: readonly (readonly [kind: string, open: OpenLog])[] = [
  ['memory:', openMemory],
  ...nativePart === undefined ? [] : [['mapped files', openStored('mapped')] as const],
  ['plain files', openStored('file')],
  ['a test log', openTestLog],
]

/** Those that are there again after a crash. */
export const KEPT_LOGS = LOGS.filter(([kind]) => kind !== 'memory:')

/** One log for all tests of a suite: for calls that change nothing. */
export function sharedLog(openLog: OpenLog, prepare: (opened: OpenedLog) => Promise<unknown>): () => OpenedLog {
  const cleanUps: (() => unknown)[] = []
  let opened: OpenedLog | undefined
  beforeAll(async () => {
    opened = await openLog({}, cleanUp => cleanUps.unshift(cleanUp))
    await prepare(opened)
  })
  afterAll(async () => { for (const cleanUp of cleanUps) await cleanUp() })
  return () => opened!
}

const atEndOfTest: AtEnd = cleanUp => { onTestFinished(async () => { await cleanUp() }) }

export function temporaryDirectory(atEnd = atEndOfTest): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-contract-'))
  atEnd(() => { rmSync(directory, { recursive: true, force: true }) })
  return directory
}

/** Everything that a refused call has to leave as it was. */
export function stateOf(opened: OpenedLog): { stats: LogStats; settings: unknown; files: string[] } {
  return { stats: opened.log.stats(), settings: opened.log.topics().map(topic => topic.settings), files: opened.files() }
}

function openStored(storage: 'mapped' | 'file'): OpenLog {
  return (options, atEnd) => openFiles(temporaryDirectory(atEnd), { storage, ...options }, atEnd)
}

async function openMemory(options?: OpenOptions, atEnd = atEndOfTest): Promise<OpenedLog> {
  const clock = new TestClock(new SteppedClock())
  const log = await open('memory:', { ...options, clock })
  atEnd(() => closed(log))
  return { log, clock, files: () => [], reopen: undefined }
}

export async function openFiles(directory: string, options?: OpenOptions, atEnd = atEndOfTest): Promise<OpenedLog> {
  const clock = new TestClock(new SteppedClock())
  const log = await open(directory, { ...options, clock })
  atEnd(() => closed(log))
  const reopen = async (): Promise<OpenedLog> => {
    await log.close()
    return await openFiles(directory, options, atEnd)
  }
  return { log, clock, files: () => filesBelow(directory), reopen }
}

async function openTestLog(options?: OpenOptions, atEnd = atEndOfTest): Promise<OpenedLog> {
  return openedTestLog(await testLog(options), atEnd)
}

function openedTestLog(log: TestLog, atEnd: AtEnd): OpenedLog {
  atEnd(() => closed(log))
  return { log, clock: log.clock, files: () => [String(log.disk.usedBytes), ...log.disk.list('/log')], reopen: async () => openedTestLog(await log.crash(), atEnd) }
}

/** Whatever close has to say by then, the test has heard. */
async function closed(log: EventLog): Promise<void> {
  await log.close().catch(() => undefined)
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map(name => {
      const stat = statSync(join(directory, name))
      return stat.isDirectory() ? `${name}/` : `${name} ${stat.size}`
    })
}
