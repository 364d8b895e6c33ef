// Kafka's own command line tools at a door. They print what they print at a real broker that is asked the same at the
// same time: only what must differ (ids, times, rates) is left out of the comparison.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../../tools/kafka/broker.mjs'
import { startDoorBesideBroker, type DoorBesideBroker } from './support/door-beside-broker.ts'
import { describeWithKafka } from './support/kafka-here.ts'

describeWithKafka("Kafka's tools at a door and at a broker", () => {
  let beside: DoorBesideBroker
  const scratch = mkdtempSync(join(tmpdir(), 'door-tools-'))
  beforeAll(async () => { beside = await startDoorBesideBroker() })
  afterAll(async () => {
    await beside?.close()
    rmSync(scratch, { recursive: true })
  })

  const same: DoorBesideBroker['printsTheSame'] = (tool, args, input) => beside.printsTheSame(tool, args, input)
  const refused: DoorBesideBroker['refusesTheSame'] = (tool, args) => beside.refusesTheSame(tool, args)
  const topics = (...args: string[]): Promise<string> => same('topics', args)
  const groups = (...args: string[]): Promise<string> => same('consumer-groups', args)
  const makeTopic = (name: string, partitions = 1): Promise<string> => topics('--create', '--topic', name, '--partitions', `${partitions}`)
  const produce = (topic: string, lines: string): Promise<string> =>
    same('console-producer', ['--topic', topic, '--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:'], lines)
  const jsonFile = (name: string, content: object): string => {
    const file = join(scratch, name)
    writeFileSync(file, JSON.stringify(content))
    return file
  }

  test('topics are created, told apart, grown, described and deleted', async () => {
    expect(await topics('--create', '--topic', 'made', '--partitions', '3', '--config', 'cleanup.policy=compact')).toContain('Created topic made.')
    expect(await refused('topics', ['--create', '--topic', 'made'])).toEqual(['TopicExistsException', 'status 1'])
    await topics('--create', '--topic', 'made', '--if-not-exists')
    await refused('topics', ['--create', '--topic', 'not/allowed'])
    await refused('topics', ['--create', '--topic', 'with-mistake', '--config', 'cleanup.policy=shred'])
    await refused('topics', ['--create', '--topic', 'with-mistake', '--partitions', '0'])
    await refused('topics', ['--create', '--topic', 'with-mistake', '--replication-factor', '2'])
    await topics('--alter', '--topic', 'made', '--partitions', '5')
    expect(await refused('topics', ['--alter', '--topic', 'made', '--partitions', '2'])).toEqual(['InvalidPartitionsException', 'status 1'])
    expect(await topics('--describe', '--topic', 'made')).toContain('PartitionCount: 5 ReplicationFactor: 1 Configs: cleanup.policy=compact')
    await refused('topics', ['--describe', '--topic', 'never-made'])
    expect(await topics('--list', '--topic', 'made.*')).toBe('made\nstatus 0')
    await topics('--delete', '--topic', 'made')
    expect(await topics('--list', '--topic', 'made.*')).toBe('\nstatus 0')
  })

  test('what the console producer sends, the console consumer prints', async () => {
    await makeTopic('typed', 2)
    const parsed = ['key', 'headers'].flatMap(part => ['--reader-property', `parse.${part}=true`])
    await same('console-producer', ['--topic', 'typed', ...parsed, '--reader-property', 'null.marker=-', '--compression-codec', 'zstd'], 'h1:v1,h2:v2\ta\t1\nh3:\tb\t-\nh4:x\tc\tПривіт\n')
    const printed = ['partition', 'offset', 'key', 'headers', 'timestamp'].flatMap(part => ['--formatter-property', `print.${part}=true`])
    const consumed = await same('console-consumer', ['--topic', 'typed', '--partition', '0', '--offset', 'earliest', '--timeout-ms', '2000', ...printed])
    expect(consumed).toContain('\th'.replace('\t', ' '))
    await same('console-consumer', ['--topic', 'typed', '--from-beginning', '--max-messages', '3', '--group', 'readers', '--isolation-level', 'read_committed', '--timeout-ms', '10000'])
  })

  for (const protocol of ['classic', 'consumer']) {
    test(`a group of the ${protocol} protocol is described while it works, reset when it rests, and deleted`, async () => {
      const topic = `orders-${protocol}`
      const group = `billing-${protocol}`
      await makeTopic(topic, 3)
      await produce(topic, 'a:1\nb:2\nc:3\nd:4\n')
      const following = ['--topic', topic, '--group', group, '--from-beginning', '--command-property', 'client.id=follower', '--command-property', `group.protocol=${protocol}`]
      const consumers = beside.sides.map(side => side.start('console-consumer', following))
      await Promise.all(beside.sides.map(side => waitUntil(async () => hasRead(await side.print('consumer-groups', ['--describe', '--group', group]), 3), 20_000, 'the consumer to have read everything')))
      await groups('--describe', '--group', group)
      await groups('--describe', '--group', group, '--members', '--verbose')
      await groups('--describe', '--group', group, '--state')
      await onBoth('consumer-groups', ['--list', '--state'], new RegExp(`^${group} Stable`, 'm'))
      expect(await groups('--reset-offsets', '--group', group, '--topic', topic, '--to-earliest', '--execute')).toContain('can only be reset if the group')
      expect(await refused('consumer-groups', ['--delete', '--group', group])).toContain('GroupNotEmptyException')
      expect(await refused('consumer-groups', ['--delete-offsets', '--group', group, '--topic', topic])).toContain('GroupSubscribedToTopicException')
      const consumed = await Promise.all(consumers.map(async consumer => (await consumer.stop()).stdout.split('\n').sort()))
      expect(consumed[0]).toEqual(['', '1', '2', '3', '4'])
      expect(consumed[0]).toEqual(consumed[1])

      await groups('--describe', '--group', group)
      await onBoth('consumer-groups', ['--describe', '--group', group, '--state'], / Empty 0\n/)
      for (const to of [['--to-earliest'], ['--to-latest'], ['--to-offset', '1'], ['--shift-by', '-1'], ['--to-datetime', '2020-01-01T00:00:00.000'], ['--by-duration', 'PT0S'], ['--to-current']]) {
        await groups('--reset-offsets', '--group', group, '--topic', topic, ...to, '--dry-run')
        await groups('--reset-offsets', '--group', group, '--topic', `${topic}:0,1`, ...to, '--execute')
      }
      await groups('--describe', '--group', group, '--offsets')
      await groups('--delete-offsets', '--group', group, '--topic', `${topic}:0`)
      await groups('--describe', '--group', group, '--offsets')
      expect(await groups('--delete', '--group', group)).toContain('was successful')
      await refused('consumer-groups', ['--delete', '--group', group])
      await refused('consumer-groups', ['--describe', '--group', group])
    })
  }

  test('settings of a topic are set, described, refused and given back', async () => {
    await makeTopic('settings')
    const configs = (...args: string[]): Promise<string> => same('configs', ['--entity-type', 'topics', '--entity-name', 'settings', ...args])
    await configs('--alter', '--add-config', 'delete.retention.ms=1000,cleanup.policy=[compact,delete],max.message.bytes=2000')
    expect(await configs('--describe')).toContain('delete.retention.ms=1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:delete.retention.ms=1000, ')
    const alter = ['--entity-type', 'topics', '--entity-name', 'settings', '--alter']
    expect(await refused('configs', [...alter, '--add-config', 'retention.ms=soon'])).toContain('InvalidConfigurationException')
    await refused('configs', [...alter, '--add-config', 'retention.days=1'])
    await configs('--alter', '--delete-config', 'delete.retention.ms,cleanup.policy')
    await configs('--describe')
    await refused('configs', ['--entity-type', 'topics', '--entity-name', 'never-made', '--describe'])
  })

  test('offsets are looked up by name and time, and records deleted below one', async () => {
    await makeTopic('looked-up', 2)
    const offsets = (time: string): Promise<string> => same('get-offsets', ['--topic', 'looked-up', '--time', time])
    await produce('looked-up', 'a:1\n')
    await offsets('max-timestamp')
    await produce('looked-up', 'b:2\nc:3\nd:4\ne:5\n')
    for (const time of ['latest', 'earliest', '0', '4102444800000', 'earliest-local', 'latest-tiered']) await offsets(time)
    await same('org.apache.kafka.tools.LogDirsCommand', ['--describe', '--topic-list', 'looked-up'])
    const deleteTo = (partition: number, offset: number): Promise<string> =>
      same('delete-records', ['--offset-json-file', jsonFile(`delete-${partition}-to-${offset}.json`, { version: 1, partitions: [{ topic: 'looked-up', partition, offset }] })])
    expect(await deleteTo(0, 1)).toContain('low_watermark: 1')
    await deleteTo(1, -1)
    await offsets('earliest')
    await deleteTo(0, 1000)
    await offsets('earliest')
  })

  test('the perf tests run through, and a group is left behind', async () => {
    await makeTopic('fast')
    await onBoth('producer-perf-test', ['--topic', 'fast', '--num-records', '5000', '--record-size', '100', '--throughput', '-1', '--command-property', 'compression.type=lz4'], /^5000 records sent/)
    await onBoth('consumer-perf-test', ['--topic', 'fast', '--num-records', '5000', '--group', 'fast-readers', '--timeout', '20000'], /, 5000, /)
    await onBoth('e2e-latency', ['--topic', 'fast', '--num-records', '50', '--producer-acks', '1', '--record-size', '100', '--record-key-size', '8', '--num-headers', '2'], /Percentiles: 50th/)
    await groups('--describe', '--group', 'fast-readers')
  })

  test('transactions are listed and described, and so are the producers of a partition', async () => {
    await makeTopic('transacted')
    await onBoth('producer-perf-test', ['--topic', 'transacted', '--num-records', '100', '--record-size', '10', '--throughput', '-1', '--transactional-id', 'perf', '--transaction-duration-ms', '60000'], /^100 records sent/)
    const transactions = async (...args: string[]): Promise<string[]> => await Promise.all(beside.sides.map(async side => (await side.print('transactions', args)).replaceAll(/\bTIME \d+\b/g, 'TIME')))
    for (const side of beside.sides) await waitUntil(async () => (await side.print('transactions', ['list'])).includes('CompleteCommit'), 10_000, 'the transaction to be complete')
    const [listed, described, hanging] = await Promise.all([transactions('list'), transactions('describe', '--transactional-id', 'perf'), transactions('find-hanging', '--broker-id', '0')])
    for (const [ours, kafkas] of [listed, described, hanging]) expect(ours).toBe(kafkas)
    expect(listed[0]).toContain('perf 0')
    const producers = (await transactions('describe-producers', '--topic', 'transacted', '--partition', '0'))
    expect(producers[0]).toBe(producers[1])
    expect(await same('transactions', ['describe', '--transactional-id', 'never-used'])).toContain('the ID could not be found')
  })

  test('what the verifiable producer has acknowledged, the verifiable consumer is given', async () => {
    await makeTopic('verified')
    for (const acknowledged of await Promise.all(beside.sides.map(side => side.printAlone('verifiable-producer', ['--topic', 'verified', '--max-messages', '200', '--acks', '-1', '--value-prefix', '7'])))) {
      expect(acknowledged).toContain('"name":"tool_data","sent":200,"acked":200')
      expect(acknowledged.match(/"name":"producer_send_success"/g)?.length).toBe(200)
    }
    for (const protocol of ['classic', 'consumer']) {
      const consumed = await onBoth('verifiable-consumer', ['--topic', 'verified', '--max-messages', '200', '--group-id', `verifiers-${protocol}`, '--group-protocol', protocol, '--reset-policy', 'earliest', '--verbose'], /"name":"shutdown_complete"/)
      expect(consumed.match(/"name":"record_data"/g)?.length).toBe(200)
    }
  })

  test('a door offers the APIs it has in the versions that a broker offers', async () => {
    const [ours = [], kafkas = []] = await Promise.all(beside.sides.map(async side => (await side.print('broker-api-versions', [])).match(/^ \w+\(\d+\): \d[^[]*/gm) ?? []))
    expect(ours.length).toBeGreaterThanOrEqual(37)
    expect(kafkas).toEqual(expect.arrayContaining(ours))
  })

  /** For tools that print what they measure. Returns what was printed at the door. */
  async function onBoth(tool: string, args: readonly string[], expected: RegExp): Promise<string> {
    const [ours = '', kafkas] = await Promise.all(beside.sides.map(async side => await side.print(tool, args)))
    expect(kafkas, `${tool} at the broker`).toMatch(expected)
    expect(ours, `${tool} at the door`).toMatch(expected)
    return ours
  }
})

/** Whether there is a row for each partition, and no lag in any. */
function hasRead(described: string, partitions: number): boolean {
  const rows = [...described.matchAll(/^\S+ \S+ \d+ (\S+) (\d+) (\S+) /gm)]
  return rows.length === partitions && rows.every(([, , , lag]) => lag === '0')
}
