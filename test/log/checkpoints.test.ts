import { expect, test } from 'vitest'
import { LocalLog } from '../../src/log/local-log.ts'
import { readOpenOptions } from '../../src/log/open-options.ts'
import { SimulatedFileSystem } from '../../src/platform/simulated-file-system.ts'

test('what a crash in the first write of a checkpoint has left is removed by the next opening', async () => {
  const fs = new SimulatedFileSystem()
  const log = await LocalLog.open(fs, '/log', 'memory:', readOpenOptions({}))
  await log.topic('orders', {})
  await log.close(1000)
  fs.open('/log/log-start-offset-checkpoint.tmp', 'create').close()
  const next = await LocalLog.open(fs, '/log', 'memory:', readOpenOptions({}))
  expect(fs.list('/log').filter(name => name.endsWith('.tmp'))).toEqual([])
  await next.close(1000)
})
