// Short lives of a log, each around one thing that must be whole whenever the machine stops. Short, because they are
// cut after every single call to the file system; the log is open when a scenario begins and may be open when it ends.
import type { LedgeredLog } from './ledgered-log.ts'

export type Scenario = (log: LedgeredLog) => Promise<void>

export const scenarios = {
  'the first send': async log => {
    await log.create('orders')
    await log.send('orders')
    await log.send('orders', { count: 2, durability: 'process' })
  },

  'segments roll': async log => {
    await log.create('orders')
    await log.send('orders', { count: 3, durability: 'process' })
    await log.send('orders', { count: 4 })
    await log.send('orders', { count: 5, bytes: 200 })
    await log.send('orders', { count: 2, durability: 'process' })
  },

  'batches larger than a page': async log => {
    await log.create('orders', { segmentBytes: 16 * 1024 })
    await log.send('orders', { count: 3, bytes: 3000, together: true })
    await log.send('orders', { count: 2, bytes: 5000, durability: 'process' })
    await log.send('orders', { count: 2, bytes: 700 })
    await log.send('orders', { count: 3, bytes: 6000 })
  },

  // The second batch begins 8 bytes before a sector ends, the third 16: what the checksum does not cover is torn off.
  'batches that begin at the end of a sector': async log => {
    await log.create('orders', { segmentBytes: 16 * 1024 })
    await log.send('orders', { count: 6, bytes: 434, durability: 'process' })
    await log.send('orders', { bytes: 434 })
    await log.send('orders', { count: 5, bytes: 434, durability: 'process' })
  },

  'the beginning is truncated': async log => {
    await log.create('orders')
    await log.send('orders', { count: 7, durability: 'process' })
    await log.truncate('orders', 0, 3)
    await log.send('orders')
    await log.truncate('orders', 0, 8)
    await log.send('orders', { count: 2 })
  },

  'topics are made': async log => {
    await log.create('orders', { partitions: 2 })
    await log.send('orders', { partition: 1 })
    await log.create('payments')
    await log.send('payments')
  },

  'a topic is deleted and made again': async log => {
    await log.create('orders')
    await log.send('orders', { count: 5 })
    await log.truncate('orders', 0, 2)
    await log.delete('orders')
    await log.create('orders')
    await log.send('orders', { count: 2 })
  },

  'a topic gets partitions and another retention': async log => {
    await log.create('orders')
    await log.send('orders', { durability: 'process' })
    await log.alter('orders', { partitions: 3, retentionMs: 86_400_000 })
    await log.send('orders', { partition: 2 })
    await log.send('orders', { partition: 0 })
  },

  'recovery points are saved': async log => {
    await log.create('orders')
    await log.send('orders', { count: 3, durability: 'process' })
    await log.checkpoint()
    await log.send('orders', { count: 4, durability: 'process' })
    await log.checkpoint(() => log.send('orders', { count: 4, durability: 'process' }))
    await log.send('orders', { durability: 'process' })
  },

  'the log is closed and opened': async log => {
    await log.create('orders', { segmentBytes: 64 * 1024 })
    await log.send('orders', { count: 4, bytes: 2500, durability: 'process' })
    await log.close()
    await log.open()
    await log.send('orders', { bytes: 2500 })
    await log.send('orders', { count: 2, durability: 'process' })
    await log.close()
    await log.open()
    await log.send('orders')
  },
  'a closed log is opened and rolls': async log => {
    await log.create('orders')
    await log.send('orders', { count: 2 })
    await log.close()
    await log.open()
    await log.send('orders', { count: 6, durability: 'process' })
  },
} satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof scenarios
