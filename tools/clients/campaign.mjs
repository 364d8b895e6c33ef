// Every client against a door, or against a real broker; none may be missing: `npm run clients`.
//
//   npm run clients                                    all clients, at a door of a log in a directory
//   npm run clients -- --memory                        … of a log in memory
//   npm run clients -- --brokers 3                     … of several pretended brokers
//   npm run clients -- --real                          … at a broker of Kafka's, which needs Java and Maven
//   npm run clients -- --bootstrap 127.0.0.1:9092      … at whatever listens there
//   npm run clients -- kafkajs franz                   those whose names begin so
//
// The last line is `N passed, N failed`, counted in scenarios; a client that is not installed fails in all of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startBroker } from '../kafka/kafka.mjs'
import { clients } from './clients.mjs'
import { install } from './installations.mjs'
import { runClient } from './run-client.mjs'

/** So that KIP-848's members, whose heartbeats the broker sets, learn of each other soon. */
const brokerProperties = { 'group.consumer.heartbeat.interval.ms': '500', 'group.consumer.min.heartbeat.interval.ms': '100' }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { memory: { type: 'boolean' }, brokers: { type: 'string', default: '1' }, real: { type: 'boolean' }, bootstrap: { type: 'string' } },
})
const unknown = positionals.filter(beginning => !clients.some(({ name }) => name.startsWith(beginning)))
if (unknown.length > 0) throw new Error(`no client's name begins with ${unknown.join(', ')}; there are ${clients.map(({ name }) => name).join(', ')}`)
const chosen = clients.filter(({ name }) => positionals.length === 0 || positionals.some(beginning => name.startsWith(beginning)))
const count = { passed: 0, failed: 0 }
const scratch = mkdtempSync(join(tmpdir(), 'kafka-clients-'))
const broker = await startChosen()
try {
  for (const client of chosen) await play(client, broker.bootstrap)
} finally {
  await broker.stop()
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`${count.passed} passed, ${count.failed} failed`)
process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1

/** @returns {Promise<{ bootstrap: string, stop: () => Promise<void> }>} */
async function startChosen() {
  if (values.bootstrap !== undefined) return { bootstrap: values.bootstrap, stop: async () => {} }
  if (values.real === true) return await startBroker({ directory: scratch, properties: brokerProperties })
  const { open } = await import('millrace')
  const { listen } = await import('millrace/kafka')
  const log = await open(values.memory === true ? 'memory:' : join(scratch, 'log'))
  const { bootstrap } = await listen(log, { brokers: Number(values.brokers) })
  return { bootstrap, stop: () => log.close() }
}

/** @param {import('./clients.mjs').Client} client @param {string} bootstrap */
async function play(client, bootstrap) {
  console.log(`\n${client.name}`)
  const installed = await install(client.runtime)
  if ('missing' in installed) {
    console.log(`  FAILED: ${installed.missing}`)
    count.failed += client.scenarios.length
    return
  }
  for (const [scenario, { ms, faults }] of await runClient(client, installed.folder, bootstrap)) {
    count[faults.length === 0 ? 'passed' : 'failed']++
    console.log(`  ${scenario.padEnd(20)} ${faults.length === 0 ? `${ms} ms` : `FAILED: ${faults.join('\n    ')}`}`)
  }
}
