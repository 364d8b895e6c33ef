// What a log makes of positions that are damaged, gone, or not positions: it tells, its records can be read and written.
import { cpSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { open, type EventLog, type LogEvents } from '../../src/index.ts'
import { failureOf } from '../contract/support/failures.ts'

const FOLDER = '__consumer_offsets-0'

/** A closed log with a group that has handled all there is. */
async function closedLog(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-positions-'))
  onTestFinished(() => { rmSync(directory, { recursive: true, force: true }) })
  const log = await open(directory)
  const orders = await log.topic<number>('orders')
  await orders.send([{ value: 1 }, { value: 2 }])
  await log.group('billing').run(orders, () => undefined, { from: 'earliest' })
  await log.idle()
  await log.close()
  return directory
}

async function opened(directory: string) {
  const log = await open(directory)
  onTestFinished(() => log.close())
  const errors: LogEvents['error'][] = []
  const warnings: LogEvents['warning'][] = []
  log.on('error', event => errors.push(event))
  log.on('warning', event => warnings.push(event))
  await new Promise(resolve => { setImmediate(resolve) })
  return { log, errors, warnings }
}

async function expectRecordsUsable(log: EventLog): Promise<void> {
  const orders = await log.topic<number>('orders')
  await orders.send({ value: 3 })
  expect((await orders.partitions[0]!.get(0))?.value).toBe(1)
}

function segment(directory: string): string {
  return join(directory, FOLDER, readdirSync(join(directory, FOLDER)).find(name => name.endsWith('.log'))!)
}

test('where they are cut, groups say so and nothing else stops', async () => {
  const directory = await closedLog()
  truncateSync(segment(directory), 100)
  const { log, errors } = await opened(directory)
  expect(errors.at(-1)).toMatchObject({ error: { name: 'CorruptionError', code: 'POSITIONS_UNREADABLE' }, topic: '__consumer_offsets' })
  expect(await failureOf(() => log.group('billing').join('orders', { from: 'earliest' }))).toMatchObject({ name: 'CorruptionError', code: 'POSITIONS_UNREADABLE', hint: expect.stringContaining('remove that directory') as string })
  expect(await failureOf(() => log.group('billing').committed('orders'))).toMatchObject({ code: 'POSITIONS_UNREADABLE' })
  await expectRecordsUsable(log)
})

test('where their directory is gone, that is told, once', async () => {
  const directory = await closedLog()
  rmSync(join(directory, FOLDER), { recursive: true })
  const { log, errors } = await opened(directory)
  expect(errors).toMatchObject([{ error: { name: 'CorruptionError', code: 'INTERNAL_PARTITION_MISSING' } }])
  expect(log.groups()).toEqual([])
  await expectRecordsUsable(log)
  await log.close()
  expect((await opened(directory)).errors).toEqual([])
})

test("where another topic's records stand in their place, that is told", async () => {
  const directory = await closedLog()
  const own = segment(directory)
  rmSync(own)
  cpSync(join(directory, 'orders-0', readdirSync(join(directory, 'orders-0')).find(name => name.endsWith('.log'))!), own)
  const { log, errors, warnings } = await opened(directory)
  expect([...errors.map(({ error }) => error.code), ...warnings.map(({ code }) => code)]).not.toEqual([])
  await expectRecordsUsable(log)
})
