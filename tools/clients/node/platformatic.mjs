// @platformatic/kafka: the scenarios of README.md. It has no consumer outside a group. Its groups are classic, with
// protocols of its own, or KIP-848's. Offsets enter a transaction by a message that was consumed. Seen of version 2.12,
// against Kafka too: a stream that begins while its consumer joins may give records twice, it gives what was aborted
// under read_committed as well; a second producer of a transactional id is refused instead of fencing the first, since
// it asks to go on as producer 0; and where a broker has no leader yet for one partition of a new topic, it sends again
// what the others have already.
import { besideScenario, clientModule, groupScenario, records, runScenarios, soon, until } from './report.mjs'

const kafka = await clientModule('@platformatic/kafka')
const { Admin, Consumer, Producer, ConfigResourceTypes, IncrementalAlterConfigOperationTypes, ListOffsetTimestamps, stringDeserializers, stringSerializers } = kafka

/** @typedef {import('./report.mjs').Place} Place */

/** @param {Place} place @param {string} id */
const common = ({ bootstrap }, id) => ({ clientId: `platformatic-${id}`, bootstrapBrokers: bootstrap.split(',') })

/** @template T @param {any} part @param {(part: any) => Promise<T>} use @returns {Promise<T>} */
async function closing(part, use) {
  try {
    return await use(part)
  } finally {
    await (part instanceof Consumer ? part.close(true) : part.close()) // true: with the streams that are open
  }
}

/** @param {Place} place @param {object} [options] */
const producerOf = (place, options) => new Producer({ ...common(place, 'producer'), serializers: stringSerializers, ...options })

/** @param {string} topic @param {string} name @param {number} count */
const messages = (topic, name, count) => records(name, count).map(record => ({ topic, ...record }))

/** @param {Place} place @param {string} topic @param {number} partitions */
async function createTopic(place, topic, partitions) {
  await closing(new Admin(common(place, 'topics')), async admin => {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
    // Answered once every partition has a leader.
    const ends = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: ListOffsetTimestamps.LATEST }))
    await admin.listOffsets({ topics: [{ name: topic, partitions: ends }] })
  })
}

/** @param {Place} place */
async function admin(place) {
  const topic = place.topic('admin')
  return await closing(new Admin(common(place, 'admin')), async admin => {
    await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1, configs: [{ name: 'retention.ms', value: '3600000' }] })
    const count = async () => (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitionsCount
    const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }
    const retention = async () => (await admin.describeConfigs({ resources: [{ ...resource, configurationKeys: ['retention.ms'] }] }))[0].configs[0].value
    const listed = async () => (await admin.listTopics()).includes(topic)
    const result = { listed: await listed(), partitions: await count(), retention: await retention() }
    const change = { name: 'retention.ms', configOperation: IncrementalAlterConfigOperationTypes.SET, value: '7200000' }
    await admin.incrementalAlterConfigs({ resources: [{ ...resource, configs: [change] }] })
    const altered = await soon(retention, '7200000')
    await admin.createPartitions({ topics: [{ name: topic, count: 4, assignments: null }] })
    const grown = await soon(count, 4)
    await closing(producerOf(place), producer => producer.send({ messages: messages(topic, 'deleted', 10).map(message => ({ ...message, partition: 0 })) }))
    await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 4n }] }] })
    const offset = async (/** @type {bigint} */ timestamp) => Number((await admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] }))[0].partitions[0].offset)
    const range = [await offset(ListOffsetTimestamps.EARLIEST), await offset(ListOffsetTimestamps.LATEST)]
    const refused = await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 }).then(() => 'made twice', errorName)
    await admin.deleteTopics({ topics: [topic] })
    return { ...result, altered, grown, range, refused, gone: !await soon(listed, false) }
  })
}

/** Kafka's name of the innermost error. @param {any} error @returns {string} */
function errorName(error) {
  return error.apiId ?? error.errors?.map(errorName).find((/** @type {string} */ name) => name !== undefined) ?? error.cause?.apiId
}

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** @param {Place} place */
async function produce(place) {
  const topic = place.topic('records')
  await createTopic(place, topic, 3)
  await closing(producerOf(place), async producer => {
    for (const compression of codecs) {
      await producer.send({ acks: 1, compression, messages: messages(topic, `${compression}-acks1`, 100) })
      await producer.send({ acks: -1, compression, messages: messages(topic, `${compression}-all`, 100) })
    }
    await producer.send({ acks: 0, messages: messages(topic, 'none-acks0', 100) })
  })
  return { sent: [...codecs.flatMap(name => [`${name}-acks1`, `${name}-all`]), 'none-acks0'] }
}

/** @param {Place} place @param {object} options */
const consumerOf = (place, options) => new Consumer({ ...common(place, 'consumer'), deserializers: stringDeserializers, maxWaitTime: 200, ...options })

/** Reads with a group of its own until it has `enough`. @param {Place} place @param {string} topic @param {(values: string[]) => boolean} enough @param {number} [isolationLevel] */
async function readAll(place, topic, enough, isolationLevel = 1) {
  /** By partition and offset, each once. @type {Map<string, any>} */
  const got = new Map()
  await closing(consumerOf(place, { groupId: `${topic}-reader-${isolationLevel}`, isolationLevel }), async consumer => {
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
    stream.on('data', (/** @type {any} */ message) => { got.set(`${message.partition} ${message.offset}`, message) })
    await until(() => enough([...got.values()].map(({ value }) => value)), () => `records of ${topic}: ${got.size} are there`)
  })
  return [...got.values()]
}

/** @param {Place} place */
async function consume(place) {
  const got = await readAll(place, place.topic('records'), values => values.length >= 1100)
  return { records: got.map(({ partition, key, value, headers }) => ({ partition, key, value, origin: headers.get('origin') })) }
}

/** @param {Place} place @param {string} topic  and the group's name @param {object} options @returns {Promise<import('./report.mjs').Member>} */
async function join(place, topic, options) {
  const consumer = consumerOf(place, { groupId: topic, autocommit: true, ...options })
  /** @type {string[]} */
  const values = []
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  stream.on('data', (/** @type {any} */ message) => { values.push(message.value) })
  const assigned = () => (consumer.assignments ?? []).flatMap((/** @type {{ partitions: number[] }} */ { partitions }) => partitions)
  async function leave() {
    await until(() => stream.offsetsToCommit.size === 0, () => 'commits to be sent: one that waits for another is dropped by close()')
    await consumer.close(true)
  }
  return { get assigned() { return assigned() }, values, leave }
}

/** @param {string} name @param {object} options */
const group = (name, options) => async (/** @type {Place} */ place) => {
  const topic = place.topic(name)
  await createTopic(place, topic, 4)
  return await closing(producerOf(place), async producer => {
    const send = (/** @type {string} */ origin, /** @type {number} */ count) => producer.send({ messages: messages(topic, origin, count) })
    return await groupScenario({ partitions: 4, join: () => join(place, topic, options), send })
  })
}

/** @param {Place} place */
async function groups(place) {
  const groupId = place.topic('group')
  return await closing(new Admin(common(place, 'groups')), async admin => {
    const listed = async () => (await admin.listGroups()).has(groupId)
    const result = { listed: await listed(), state: (await admin.describeGroups({ groups: [groupId] })).get(groupId).state.toLowerCase() }
    const [{ topics: [{ partitions }] }] = await admin.listConsumerGroupOffsets({ groups: [groupId] })
    await admin.deleteGroups({ groups: [groupId] })
    return { ...result, handled: partitions.reduce((/** @type {number} */ sum, /** @type {any} */ { committedOffset }) => sum + Number(committedOffset), 0), gone: !await listed() }
  })
}

/** @param {string} name @param {object} options */
const beside = (name, options) => (/** @type {Place} */ place) => besideScenario(() => join(place, place.topic(name), options))

/** @param {Place} place */
async function idempotent(place) {
  const topic = place.topic('idempotent')
  await createTopic(place, topic, 1)
  await closing(producerOf(place, { idempotent: true }), async producer => {
    for (let i = 0; i < 3; i++) await producer.send({ messages: messages(topic, `batch${i}`, 100) })
  })
  return { values: (await readAll(place, topic, values => values.length >= 300)).map(({ value }) => value) }
}

/** @param {Place} place */
async function transactions(place) {
  const [input, output] = [place.topic('in'), place.topic('out')]
  const groupId = place.topic('handled')
  await createTopic(place, input, 1)
  await createTopic(place, output, 1)
  await closing(producerOf(place), producer => producer.send({ messages: messages(input, 'input', 10) }))

  return await closing(consumerOf(place, { groupId, autocommit: false }), async consumer => {
    /** @type {any[]} */
    const handled = []
    const stream = await consumer.consume({ topics: [input], mode: 'earliest' })
    stream.on('data', (/** @type {any} */ message) => { handled.push(message) })
    await until(() => handled.length === 10, () => `the input, of which ${handled.length} records are there`)

    /** @param {any} producer @param {readonly string[]} values @param {'commit' | 'abort'} end @param {number} [position] */
    async function transaction(producer, values, end, position) {
      const open = await producer.beginTransaction()
      for (const value of values) await open.send({ messages: [{ topic: output, value }] })
      if (position !== undefined) {
        await open.addConsumer(consumer)
        await open.addOffset(handled[position - 1])
      }
      await open[end]()
    }
    await closing(producerOf(place, { transactionalId: place.topic('transactions'), idempotent: true, retries: 20, retryDelay: 50 }), async producer => {
      await transaction(producer, ['a1', 'a2'], 'commit')
      await transaction(producer, ['b1'], 'abort')
      await transaction(producer, ['c1'], 'commit', 5)
      await transaction(producer, ['d1'], 'abort', 7)
      await transaction(producer, ['end'], 'commit')
    })
    const uncommitted = (await readAll(place, output, values => values.includes('end'), 0)).map(({ value }) => value)
    const positions = await consumer.listCommittedOffsets({ topics: [{ topic: input, partitions: [0] }] })
    return { uncommitted, position: Number(positions.get(input)[0]) }
  })
}

const classic = { groupProtocol: 'classic', heartbeatInterval: 200, sessionTimeout: 10_000 }
const kip848 = { groupProtocol: 'consumer' }

await runScenarios({
  admin,
  produce,
  consume,
  group: group('group', classic),
  'group-consumer': group('group-consumer', kip848),
  groups,
  beside: beside('beside', classic),
  'beside-consumer': beside('beside-consumer', kip848),
  idempotent,
  transactions,
})
