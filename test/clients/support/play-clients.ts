// Real Kafka clients in tests: each plays the scenarios of tools/clients/README.md at a door of this process. Where a
// client or its runtime can't be had its tests are skipped, by name and with the reason; CI=true says that Node and
// Java are to be had, so that it is a failure there.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open } from '../../../src/index.ts'
import { listen } from '../../../src/kafka.ts'
import { clients, type Client } from '../../../tools/clients/clients.mjs'
import { install, type Runtime } from '../../../tools/clients/installations.mjs'
import { runClient } from '../../../tools/clients/run-client.mjs'

const alwaysThere: readonly Runtime[] = ['node', 'java-4.3', 'java-3.9']

/** What each scenario shows, in a sentence. */
const promises: Readonly<Record<string, string>> = {
  admin: 'makes, describes, alters, grows, cuts and deletes a topic',
  produce: 'sends with every codec and every acks it has',
  consume: 'reads each record once, with its key and header, those of a key in order',
  group: 'shares partitions with a member that comes, has them back when it goes, and goes on where it was',
  'group-cooperative': 'does so in a cooperative group',
  'group-consumer': 'does so in a group of KIP-848',
  groups: 'lists, describes and deletes the group that it has left',
  idempotent: 'sends as an idempotent producer, each record once and in order',
  transactions: 'commits and aborts records and positions, and is fenced by its successor',
}

/** Tests of all clients of a runtime. Installs them first, which on a machine's first run takes a while. */
export async function playClients(runtime: Runtime, storage: 'directory' | 'memory'): Promise<void> {
  const installed = await install(runtime)
  for (const client of clients.filter(client => client.runtime === runtime)) {
    const name = `${client.name} at a door of a log in ${storage === 'memory' ? 'memory' : 'a directory'}`
    if ('folder' in installed) describe(name, () => { playClient(client, installed.folder, storage) })
    else if (process.env['CI'] === 'true' && alwaysThere.includes(runtime)) throw new Error(`${name}: ${installed.missing}`)
    else describe.skip(`${name} (${installed.missing})`, () => { playClient(client, '', storage) })
  }
}

function playClient(client: Client, folder: string, storage: 'directory' | 'memory'): void {
  let outcomes: Awaited<ReturnType<typeof runClient>>
  const told: unknown[] = []
  const directory = mkdtempSync(join(tmpdir(), 'clients-'))
  afterAll(() => { rmSync(directory, { recursive: true, force: true }) })

  beforeAll(async () => {
    await using log = await open(storage === 'memory' ? 'memory:' : join(directory, 'log'))
    log.on('error', event => { told.push(event) })
    log.on('warning', event => { told.push(event) })
    const door = await listen(log)
    outcomes = await runClient(client, folder, door.bootstrap)
  })

  test.each(client.scenarios.map(scenario => [promises[scenario], scenario] as const))('%s', (_promise, scenario) => {
    expect(outcomes.get(scenario)!.faults).toEqual([])
  })

  test('and the log has nothing to tell of it, neither errors nor warnings', () => {
    expect(told).toEqual([])
  })
}
