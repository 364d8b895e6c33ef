// A snapshot beside a log whose disk is full: it takes nothing of the room that commits, deletions and housekeeping have kept.
import { expect, test } from 'vitest'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'
import { SteppedClock } from '../../src/platform/stepped-clock.ts'
import { failureOf } from '../contract/support/failures.ts'
import { openOn } from '../support/disk-log.ts'

const KIB = 1024

/** A log that has filled its disk, and gone on to commit until the reserve was used. */
async function short() {
  const fs = new SimulatedFileSystem({ capacityBytes: 256 * KIB })
  const clock = new SteppedClock()
  const opened = await openOn(fs, '/log', { clock, housekeeping: false })
  const { log } = opened
  const orders = await log.topic('orders', { segmentBytes: 16 * KIB })
  await log.group('billing').reset(orders, 'earliest')
  for (const value of ['x'.repeat(1000), '']) while (await orders.send({ value }).then(() => true, () => false));
  while (fs.stat('/log/.reserve') !== undefined) await log.group('billing').reset(orders, 'latest')
  return { fs, clock, ...opened, orders }
}

test('is refused while there is no reserve, and leaves nothing', async () => {
  const { fs, clock, local, log, orders } = await short()
  const used = fs.usedBytes
  expect(await failureOf(() => local.snapshot('/copy'))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL', retriable: true, details: { directory: '/copy' } })
  expect([fs.stat('/copy'), fs.usedBytes]).toEqual([undefined, used])
  await log.group('billing').reset(orders, 'earliest')
  await orders.partitions[0]!.truncateBefore(orders.partitions[0]!.endOffset)
  await clock.advance(2000)
  await local.snapshot('/copy')
  await log.close()
})

test('is made on another file system', async () => {
  const { log, local } = await short()
  const other = new SimulatedFileSystem()
  await local.snapshot('/copy', other)
  expect(other.list('/copy')).toContain('log.json')
  await log.close()
})

test('that is under way when the reserve is used ends, and gives back what it has taken', async () => {
  const fs = new SimulatedFileSystem({ capacityBytes: 256 * KIB })
  const { local, log } = await openOn(fs, '/log', { housekeeping: false })
  const orders = await log.topic('orders', { partitions: 8 })
  for (let partition = 0; partition < 8; partition++) await orders.send({ value: 'x'.repeat(1000), partition })
  fs.link = () => false
  const makeDirectory = fs.makeDirectory.bind(fs)
  let copied = 0
  fs.makeDirectory = (path, options) => {
    makeDirectory(path, options)
    if (++copied !== 4) return
    const file = fs.open('/other', 'create')
    file.write(Buffer.alloc(fs.capacityBytes! - fs.usedBytes), 0)
    local.topics.get('orders')!.writable(0).roll() // finds no room: the reserve makes way
  }
  expect(await failureOf(() => local.snapshot('/copy'))).toMatchObject({ name: 'LimitError', code: 'DISK_FULL' })
  expect(fs.list('/').sort()).toEqual(['log', 'other'])
  await log.close()
})
