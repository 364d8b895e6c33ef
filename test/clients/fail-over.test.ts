// A real client's fail-over: a door pretends to be three brokers, each of which goes away and comes back while the client
// reads in a group. It finds what was led by a broker, partitions and the group's coordinator among it, at the others.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { open } from '../../src/index.ts'
import { listen } from '../../src/kafka.ts'
import { clients } from '../../tools/clients/clients.mjs'
import { install } from '../../tools/clients/installations.mjs'
import { newPrefix, playScenarios } from '../../tools/clients/run-client.mjs'

const PARTITIONS = 4
const COUNT = 50
const PATIENCE = { timeout: 20_000 }

const opened: { close(): Promise<void> }[] = []
afterEach(async () => { for (const log of opened.splice(0)) await log.close() })

const client = clients.find(({ runtime }) => runtime === 'java-4.3')!
const installed = await install(client.runtime)

describe.skipIf('missing' in installed)(`${client.name}${'missing' in installed ? ` (${installed.missing})` : ''}`, () => {
  test('reads on while one broker after the other is away', async () => {
    const log = await open('memory:')
    opened.push(log)
    const door = await listen(log, { brokers: 3 })
    const prefix = newPrefix()
    const topic = await log.topic(`${prefix}-beside`, { partitions: PARTITIONS, key: 'string', value: 'string' })
    const group = log.group(topic.name)
    const sent: string[] = []
    const send = async (name: string): Promise<void> => {
      const records = Array.from({ length: COUNT }, (_, i) => ({ key: `k${i}`, value: `${name}-${i}` }))
      await topic.send(records)
      sent.push(...records.map(({ value }) => value))
    }
    const handled = async (): Promise<number> => [...(await group.committed(topic)).values()].reduce((sum, offset) => sum + offset, 0)

    const played = playScenarios(client, 'folder' in installed ? installed.folder : '', { bootstrap: door.bootstrap, prefix, scenarios: ['beside'] })
    await send('first')
    await vi.waitFor(async () => { expect(await handled()).toBe(sent.length) }, PATIENCE)
    for (const broker of door.brokers) {
      await broker.stop()
      await send(`without-${broker.nodeId}`)
      await vi.waitFor(async () => { expect(await handled(), `without broker ${broker.nodeId}`).toBe(sent.length) }, PATIENCE)
      await broker.start()
    }
    for (let partition = 0; partition < PARTITIONS; partition++) await topic.send({ value: 'stop', partition })
    const { results: [result], told } = await played
    expect(result?.['error'], told).toBeUndefined()
    expect(new Set(result!['values'] as string[])).toEqual(new Set([...sent, 'stop']))
  })
})
