// kafkajs: the scenarios of README.md. It has no consumer outside a group, no codec but gzip without a plugin, and no
// protocol of groups but the classic, eager one.
import { besideScenario, clientModule, groupScenario, records, runScenarios, soon, until } from './report.mjs'

const { Kafka, CompressionTypes, ConfigResourceTypes, logLevel } = await clientModule('kafkajs')

/** @typedef {import('./report.mjs').Place} Place */

/** It tries a broker that is away again for longer than scenarios wait, if it is let. */
const retry = { initialRetryTime: 50, maxRetryTime: 300, retries: 5 }

/** @param {Place} place @param {string} id */
const client = ({ bootstrap }, id) => new Kafka({ clientId: `kafkajs-${id}`, brokers: bootstrap.split(','), logLevel: logLevel.NOTHING, retry })

/** @template T @param {any} part @param {(part: any) => Promise<T>} use @returns {Promise<T>} */
async function connected(part, use) {
  await part.connect()
  try {
    return await use(part)
  } finally {
    await part.disconnect()
  }
}

/** @param {Place} place @param {Readonly<Record<string, number>>} partitions  of each topic */
async function createTopics(place, partitions) {
  const topics = Object.entries(partitions).map(([topic, numPartitions]) => ({ topic, numPartitions }))
  await connected(client(place, 'topics').admin(), admin => admin.createTopics({ topics, waitForLeaders: true }))
}

/** @param {Place} place */
async function admin(place) {
  const topic = place.topic('admin')
  return await connected(client(place, 'admin').admin(), async admin => {
    await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '3600000' }] }] })
    const count = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
    const retention = async () => (await admin.describeConfigs({ resources: [{ ...resource, configNames: ['retention.ms'] }], includeSynonyms: false })).resources[0].configEntries[0].configValue
    const listed = async () => (await admin.listTopics()).includes(topic)
    const result = { listed: await listed(), partitions: await count(), retention: await retention() }
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '7200000' }] }] })
    const altered = await soon(retention, '7200000')
    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
    const grown = await soon(count, 4)
    await connected(client(place, 'deleted').producer(), producer => producer.send({ topic, messages: records('deleted', 10).map(record => ({ ...record, partition: 0 })) }))
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
    const [{ low, high }] = (await admin.fetchTopicOffsets(topic)).filter((/** @type {any} */ { partition }) => partition === 0)
    const refused = await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }) ? 'made twice' : 'TOPIC_ALREADY_EXISTS'
    await admin.deleteTopics({ topics: [topic] })
    return { ...result, altered, grown, range: [Number(low), Number(high)], refused, gone: !await soon(listed, false) }
  })
}

const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }

/** @param {Place} place */
async function produce(place) {
  const topic = place.topic('records')
  await createTopics(place, { [topic]: 3 })
  await connected(client(place, 'producer').producer(), async producer => {
    for (const [name, compression] of Object.entries(codecs)) {
      await producer.send({ topic, acks: 1, compression, messages: records(`${name}-acks1`, 100) })
      await producer.send({ topic, acks: -1, compression, messages: records(`${name}-all`, 100) })
    }
    await producer.send({ topic, acks: 0, messages: records('none-acks0', 100) })
  })
  return { sent: [...Object.keys(codecs).flatMap(name => [`${name}-acks1`, `${name}-all`]), 'none-acks0'] }
}

/** Reads with a group of its own until it has `enough`. @param {Place} place @param {string} topic @param {(values: string[]) => boolean} enough @param {boolean} [readUncommitted] */
async function readAll(place, topic, enough, readUncommitted = false) {
  /** @type {{ partition: number, key: string, value: string, origin: string | undefined }[]} */
  const got = []
  await connected(client(place, 'reader').consumer({ groupId: `${topic}-reader-${readUncommitted}`, readUncommitted, maxWaitTimeInMs: 200 }), async consumer => {
    await consumer.subscribe({ topic, fromBeginning: true })
    const eachMessage = async (/** @type {any} */ { partition, message }) => {
      got.push({ partition, key: String(message.key), value: String(message.value), origin: message.headers.origin?.toString() })
    }
    await consumer.run({ eachMessage })
    await until(() => enough(got.map(({ value }) => value)), () => `records of ${topic}: ${got.length} are there`)
  })
  return got
}

/** @param {Place} place */
async function consume(place) {
  return { records: await readAll(place, place.topic('records'), values => values.length >= 500) }
}

/** @param {Place} place @param {string} topic  and the group's name @returns {Promise<import('./report.mjs').Member>} */
async function join(place, topic) {
  const consumer = client(place, 'member').consumer({ groupId: topic, heartbeatInterval: 200, sessionTimeout: 10_000, maxWaitTimeInMs: 200, retry })
  const member = { assigned: /** @type {number[]} */ ([]), values: /** @type {string[]} */ ([]), leave: () => consumer.disconnect() }
  consumer.on(consumer.events.GROUP_JOIN, (/** @type {any} */ { payload }) => { member.assigned = payload.memberAssignment[topic] ?? [] })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async (/** @type {any} */ { message }) => { member.values.push(String(message.value)) } })
  return member
}

/** @param {Place} place */
async function group(place) {
  const topic = place.topic('group')
  await createTopics(place, { [topic]: 4 })
  return await connected(client(place, 'sender').producer(), async producer => {
    const send = (/** @type {string} */ name, /** @type {number} */ count) => producer.send({ topic, messages: records(name, count) })
    return await groupScenario({ partitions: 4, join: () => join(place, topic), send })
  })
}

/** @param {Place} place */
async function groups(place) {
  const groupId = place.topic('group')
  return await connected(client(place, 'groups').admin(), async admin => {
    const listed = async () => (await admin.listGroups()).groups.some((/** @type {any} */ group) => group.groupId === groupId)
    const result = { listed: await listed(), state: (await admin.describeGroups([groupId])).groups[0].state.toLowerCase() }
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [groupId] })
    await admin.deleteGroups([groupId])
    // -1 stands for a partition that has no position.
    return { ...result, handled: partitions.reduce((/** @type {number} */ sum, /** @type {any} */ { offset }) => sum + Math.max(0, Number(offset)), 0), gone: !await listed() }
  })
}

/** @param {Place} place */
async function beside(place) {
  return await besideScenario(() => join(place, place.topic('beside')))
}

/** @param {Place} place */
async function idempotent(place) {
  const topic = place.topic('idempotent')
  await createTopics(place, { [topic]: 1 })
  await connected(client(place, 'idempotent').producer({ idempotent: true, maxInFlightRequests: 1 }), async producer => {
    for (let i = 0; i < 3; i++) await producer.send({ topic, messages: records(`batch${i}`, 100) })
  })
  return { values: (await readAll(place, topic, values => values.length >= 300)).map(({ value }) => value) }
}

/** @param {Place} place */
async function transactions(place) {
  const [input, output] = [place.topic('in'), place.topic('out')]
  const groupId = place.topic('handled')
  await createTopics(place, { [input]: 1, [output]: 1 })
  const options = { transactionalId: place.topic('transactions'), idempotent: true, maxInFlightRequests: 1, transactionTimeout: 30_000 }
  /** @param {any} producer @param {readonly string[]} values @param {'commit' | 'abort'} end @param {number} [position] */
  async function transaction(producer, values, end, position) {
    const open = await producer.transaction()
    for (const value of values) await open.send({ topic: output, messages: [{ value }] })
    if (position !== undefined) await open.sendOffsets({ consumerGroupId: groupId, topics: [{ topic: input, partitions: [{ partition: 0, offset: String(position) }] }] })
    await open[end]()
  }
  let fenced = false
  await connected(client(place, 'first').producer(options), async first => {
    await transaction(first, ['a1', 'a2'], 'commit')
    await transaction(first, ['b1'], 'abort')
    await transaction(first, ['c1'], 'commit', 5)
    await transaction(first, ['d1'], 'abort', 7)
    await connected(client(place, 'second').producer(options), async second => {
      await transaction(second, ['end'], 'commit')
      fenced = await transaction(first, ['late'], 'commit').then(() => false, () => true)
    })
  })
  const committed = await readAll(place, output, values => values.includes('end'))
  const uncommitted = await readAll(place, output, values => values.includes('end'), true)
  const [position] = await connected(client(place, 'positions').admin(), admin => admin.fetchOffsets({ groupId, topics: [input] }))
  return { committed: committed.map(({ value }) => value), uncommitted: uncommitted.map(({ value }) => value), position: Number(position.partitions[0].offset), fenced }
}

await runScenarios({ admin, produce, consume, group, groups, beside, idempotent, transactions })
