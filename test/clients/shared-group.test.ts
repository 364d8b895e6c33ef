// A member of this process and one of a real client in one group, whatever protocol the client speaks: each has a part
// of the partitions, no record is missed, and when the client leaves, this process has them all again.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { open } from '../../src/index.ts'
import { listen } from '../../src/kafka.ts'
import { clients } from '../../tools/clients/clients.mjs'
import { install } from '../../tools/clients/installations.mjs'
import { newPrefix, playScenarios } from '../../tools/clients/run-client.mjs'

const PARTITIONS = 4
const PATIENCE = { timeout: 20_000 }

const opened: { close(): Promise<void> }[] = []
afterEach(async () => { for (const log of opened.splice(0)) await log.close() })

const values = (name: string): string[] => Array.from({ length: 100 }, (_, i) => `${name}-${i}`)

const cases = [
  ['kafkajs', ['beside']],
  ['@platformatic/kafka', ['beside', 'beside-consumer']],
  ['kafka-clients 4', ['beside', 'beside-cooperative', 'beside-consumer']],
] as const

for (const [name, scenarios] of cases) {
  const client = clients.find(client => client.name.startsWith(name))!
  const installed = await install(client.runtime)
  describe.skipIf('missing' in installed)(`a member of this process and one of ${client.name}${'missing' in installed ? ` (${installed.missing})` : ''}`, () => {
    test.each(scenarios)('share a group, %s', async scenario => {
      const log = await open('memory:')
      opened.push(log)
      const { bootstrap } = await listen(log)
      const prefix = newPrefix()
      const topic = await log.topic(`${prefix}-${scenario}`, { partitions: PARTITIONS, key: 'string', value: 'string', partitioner: 'murmur2' })
      const mine: string[] = []
      const runner = await log.group(topic.name).run(topic, record => { mine.push(String(record.value)) }, { from: 'earliest' })
      const send = async (name: string): Promise<void> => { await topic.send(values(name).map((value, i) => ({ key: `k${i}`, value }))) }
      await send('first')

      const played = playScenarios(client, 'folder' in installed ? installed.folder : '', { bootstrap, prefix, scenarios: [scenario] })
      await vi.waitFor(() => { expect([1, 2, 3]).toContain(runner.health().assigned) }, PATIENCE)
      await send('second')
      for (let partition = 0; partition < PARTITIONS; partition++) await topic.send({ value: 'stop', partition })
      const { results: [result], told } = await played
      expect(result?.['error'], told).toBeUndefined()
      await vi.waitFor(() => { expect(runner.health().assigned).toBe(PARTITIONS) }, PATIENCE)
      await log.idle()

      expect(result!['assigned'].length).toBeGreaterThan(0)
      expect(new Set([...mine, ...result!['values'] as string[]])).toEqual(new Set([...values('first'), ...values('second'), 'stop']))
      expect(result!['values'].filter((value: string) => value.startsWith('second')).length).toBeGreaterThan(0)
    })
  })
}
