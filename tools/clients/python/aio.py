"""aiokafka: the scenarios of README.md. Its groups are eager, and it deletes none."""
import asyncio
import logging

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from scenarios import deadline, group_scenario, read, records, run_scenarios

CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

logging.getLogger('aiokafka').setLevel(logging.CRITICAL)


async def create_topics(place, partitions):
    client = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    await client.start()
    check_topics(await client.create_topics([NewTopic(topic, count, 1) for topic, count in partitions.items()]))
    await client.close()


def check_topics(response):
    """aiokafka hands errors of topics on inside the answer."""
    for _, code, *_ in response.topic_errors:
        if code:
            raise for_code(code)


async def admin(place):
    client, topic = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap), place.topic('admin')
    await client.start()
    check_topics(await client.create_topics([NewTopic(topic, 2, 1, topic_configs={'retention.ms': '3600000'})]))

    async def partitions():
        return len((await client.describe_topics([topic]))[0]['partitions'])

    async def retention():
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={'retention.ms': None})])
        _, _, _, _, entries = answer.resources[0]
        return entries[0][1]

    result = {'listed': topic in await client.list_topics(), 'partitions': await partitions(), 'retention': await retention()}
    await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={'retention.ms': '7200000'})])
    result['altered'] = await retention()
    await client.create_partitions({topic: NewPartitions(4)})
    result['grown'] = await partitions()
    await produce_all(place, topic, 'deleted', 10, partition=0)
    at = TopicPartition(topic, 0)
    await client.delete_records({at: RecordsToDelete(4)})
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=place.bootstrap))
    result['range'] = [(await consumer.beginning_offsets([at]))[at], (await consumer.end_offsets([at]))[at]]
    await consumer.stop()
    try:
        check_topics(await client.create_topics([NewTopic(topic, 1, 1)]))
        result['refused'] = 'made twice'
    except KafkaError as refusal:
        result['refused'] = refusal.message
    await client.delete_topics([topic])
    result['gone'] = topic not in await client.list_topics()
    await client.close()
    return result


async def started(client):
    await client.start()
    return client


async def produce_all(place, topic, name, count, partition=None, **options):
    producer = await started(AIOKafkaProducer(bootstrap_servers=place.bootstrap, client_id='aiokafka-producer', **options))
    for sent in [await producer.send(topic, value, key, headers=headers, partition=partition) for key, value, headers in records(name, count)]:
        await sent
    await producer.stop()


async def produce(place):
    topic = place.topic('records')
    await create_topics(place, {topic: 3})
    for codec in CODECS:
        compression = None if codec == 'none' else codec
        await produce_all(place, topic, f'{codec}-acks1', 100, acks=1, compression_type=compression)
        await produce_all(place, topic, f'{codec}-all', 100, acks='all', compression_type=compression)
    await produce_all(place, topic, 'none-acks0', 100, acks=0)
    return {'sent': [f'{codec}-{acks}' for codec in CODECS for acks in ('acks1', 'all')] + ['none-acks0']}


def consumer_of(place, group, **options):
    return AIOKafkaConsumer(bootstrap_servers=place.bootstrap, client_id='aiokafka-consumer', group_id=group, auto_offset_reset='earliest', fetch_max_wait_ms=200, **options)


async def polled(consumer, timeout_ms):
    return [record for batch in (await consumer.getmany(timeout_ms=timeout_ms)).values() for record in batch]


async def read_all(place, topic, partitions, enough, **options):
    """Reads partitions from the beginning, without a group, until it has `enough`."""
    consumer = await started(consumer_of(place, None, **options))
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    got = []
    check = deadline(lambda: f'records of {topic}: {len(got)} are there')
    while not enough(got):
        check()
        got += await polled(consumer, 200)
    await consumer.stop()
    return got


async def consume(place):
    got = await read_all(place, place.topic('records'), 3, lambda got: len(got) >= 1100)
    return {'records': [read(record.partition, record.key, record.value, record.headers) for record in got]}


class Member:
    """Polls in a task of its own."""

    def __init__(self, consumer):
        self.assigned = []
        self.values = []
        self._consumer = consumer
        self._stopping = False
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        while not self._stopping:
            self.values += [record.value.decode() for record in await polled(self._consumer, 50)]
            self.assigned = [at.partition for at in self._consumer.assignment()]
        await self._consumer.stop()

    async def leave(self):
        self._stopping = True
        await self._task


async def group(place):
    topic = place.topic('group')
    await create_topics(place, {topic: 4})

    async def join():
        consumer = consumer_of(place, topic, heartbeat_interval_ms=200, session_timeout_ms=10_000)
        consumer.subscribe([topic])
        return Member(await started(consumer))

    scenario = group_scenario(4, join, lambda origin, count: produce_all(place, topic, origin, count))
    sent = None
    try:
        while True:
            waited = scenario.send(sent)
            sent = await (asyncio.sleep(0.02) if waited is None else waited)
    except StopIteration as end:
        return end.value


async def groups(place):
    client, group_id = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap), place.topic('group')
    await client.start()
    listed = group_id in [found for found, _ in await client.list_consumer_groups()]
    (described,) = await client.describe_consumer_groups([group_id])
    _, _, state, *_ = described.groups[0]
    positions = await client.list_consumer_group_offsets(group_id)
    await client.close()
    return {'listed': listed, 'state': state.lower(), 'handled': sum(position.offset for position in positions.values())}


def values_of(got):
    return [record.value.decode() for record in got]


async def idempotent(place):
    topic = place.topic('idempotent')
    await create_topics(place, {topic: 1})
    for i in range(3):
        await produce_all(place, topic, f'batch{i}', 100, enable_idempotence=True, max_batch_size=500)
    return {'values': values_of(await read_all(place, topic, 1, lambda got: len(got) >= 300))}


async def transactions(place):
    source, target, group_id = place.topic('in'), place.topic('out'), place.topic('handled')
    await create_topics(place, {source: 1, target: 1})

    async def producer():
        return await started(AIOKafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=place.topic('transactions')))

    async def transaction(client, values, end, position=None):
        await client.begin_transaction()
        for value in values:
            await client.send_and_wait(target, value.encode())
        if position is not None:
            await client.send_offsets_to_transaction({TopicPartition(source, 0): position}, group_id)
        await (client.commit_transaction() if end == 'commit' else client.abort_transaction())

    first = await producer()
    await transaction(first, ['a1', 'a2'], 'commit')
    await transaction(first, ['b1'], 'abort')
    await transaction(first, ['c1'], 'commit', 5)
    await transaction(first, ['d1'], 'abort', 7)
    second = await producer()
    await transaction(second, ['end'], 'commit')
    try:
        await transaction(first, ['late'], 'commit')
        fenced = False
    except KafkaError:
        fenced = True

    async def values(isolation):
        return values_of(await read_all(place, target, 1, lambda got: 'end' in values_of(got), isolation_level=isolation))
    consumer = await started(consumer_of(place, group_id))
    position = await consumer.committed(TopicPartition(source, 0))
    return {'committed': await values('read_committed'), 'uncommitted': await values('read_uncommitted'), 'position': position, 'fenced': fenced}


def run(scenario):
    return lambda place: asyncio.run(scenario(place))


scenarios = {'admin': admin, 'produce': produce, 'consume': consume, 'group': group, 'groups': groups, 'idempotent': idempotent, 'transactions': transactions}
run_scenarios({name: run(scenario) for name, scenario in scenarios.items()})
