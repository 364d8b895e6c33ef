// examples/read-only.mjs
// One process writes a directory; any number of others may read it meanwhile. A read-only open takes no lock and
// changes nothing; it looks for news every 10 to 50 ms. Here the reader is this same program, started again.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from 'millrace'

if (process.argv[2] === 'reader') await reader()
else await writer()

async function writer() {
  const log = await open('./data')
  const readings = await log.topic('readings')
  const child = fork(fileURLToPath(import.meta.url), ['reader'])
  const exit = new Promise(resolve => child.on('exit', resolve))
  await new Promise(resolve => child.on('message', resolve)) // the reader stands at the end
  for (const value of [20.5, 21, 21.5]) await readings.send({ value })
  await exit
  await log.close()
}

async function reader() {
  const log = await open('./data', { readOnly: true })
  const readings = await log.topic('readings')
  await readings.send({ value: 0 }).catch(error => console.log(error.code)) // only the writer may
  const from = { offset: readings.partitions[0]?.endOffset ?? 0 }
  process.send?.('ready')
  for await (const record of readings.read({ from, follow: true })) {
    console.log(record.value)
    if (record.value === 21.5) break
  }
  await log.close()
  process.disconnect?.()
}
