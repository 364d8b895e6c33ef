"""kafka-python: the scenarios of README.md. Its groups: eager, and cooperative.

Seen of version 3.0, against Kafka too: a consumer that is polled for 50 ms at a time now and then never joins its group.
"""
import logging

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic, OffsetSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from scenarios import deadline, group_scenario, read, records, run_group, run_scenarios
from threaded_member import ThreadedMember

TIMEOUT = 20
CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

logging.getLogger('kafka').setLevel(logging.CRITICAL)


def admin_of(place):
    return KafkaAdminClient(bootstrap_servers=place.bootstrap, client_id='kafka-python-admin')


def create_topics(place, partitions):
    client = admin_of(place)
    client.create_topics([NewTopic(topic, count, 1) for topic, count in partitions.items()], wait_for_metadata=True)
    client.close()


def admin(place):
    client, topic = admin_of(place), place.topic('admin')
    client.create_topics([NewTopic(topic, 2, 1, topic_configs={'retention.ms': '3600000'})], wait_for_metadata=True)

    def partitions():
        return len(client.describe_topics([topic])[0]['partitions'])

    def retention():
        return client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])['topic'][topic]['retention.ms']['value']

    result = {'listed': topic in client.list_topics(), 'partitions': partitions(), 'retention': retention()}
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {'retention.ms': '7200000'})])
    result['altered'] = retention()
    client.create_partitions({topic: 4})
    result['grown'] = partitions()
    produce_all(place, topic, 'deleted', 10, partition=0)
    at = TopicPartition(topic, 0)
    client.delete_records({at: 4})
    result['range'] = [client.list_partition_offsets({at: spec})[at].offset for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)]
    try:
        client.create_topics([NewTopic(topic, 1, 1)])
        result['refused'] = 'made twice'
    except TopicAlreadyExistsError as refusal:
        result['refused'] = refusal.message
    client.delete_topics([topic])
    result['gone'] = topic not in client.list_topics()
    client.close()
    return result


def produce_all(place, topic, name, count, partition=None, **options):
    producer = KafkaProducer(bootstrap_servers=place.bootstrap, client_id='kafka-python-producer', **{'enable_idempotence': False, **options})
    futures = [producer.send(topic, value, key, headers=headers, partition=partition) for key, value, headers in records(name, count)]
    producer.flush(TIMEOUT)
    for future in futures:
        future.get(TIMEOUT)
    producer.close()


def produce(place):
    topic = place.topic('records')
    create_topics(place, {topic: 3})
    for codec in CODECS:
        compression = None if codec == 'none' else codec
        produce_all(place, topic, f'{codec}-acks1', 100, acks=1, compression_type=compression)
        produce_all(place, topic, f'{codec}-all', 100, acks='all', compression_type=compression)
    produce_all(place, topic, 'none-acks0', 100, acks=0)
    return {'sent': [f'{codec}-{acks}' for codec in CODECS for acks in ('acks1', 'all')] + ['none-acks0']}


def consumer_of(place, group, **options):
    return KafkaConsumer(bootstrap_servers=place.bootstrap, client_id='kafka-python-consumer', group_id=group, auto_offset_reset='earliest', fetch_max_wait_ms=200, **options)


def polled(consumer, timeout_ms):
    return [record for batch in consumer.poll(timeout_ms).values() for record in batch]


def read_all(place, topic, partitions, enough, **options):
    """Reads partitions from the beginning, without a group, until it has `enough`."""
    consumer = consumer_of(place, None, **options)
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    got = []
    check = deadline(lambda: f'records of {topic}: {len(got)} are there')
    while not enough(got):
        check()
        got += polled(consumer, 200)
    consumer.close()
    return got


def consume(place):
    got = read_all(place, place.topic('records'), 3, lambda got: len(got) >= 1100)
    return {'records': [read(record.partition, record.key, record.value, record.headers) for record in got]}


def group(name, assignor):
    def scenario(place):
        topic = place.topic(name)
        create_topics(place, {topic: 4})

        def join():
            consumer = consumer_of(place, topic, heartbeat_interval_ms=200, session_timeout_ms=10_000, partition_assignment_strategy=[assignor])

            def poll(member):
                member.values += [record.value.decode() for record in polled(consumer, 500)]
                member.assigned = [at.partition for at in consumer.assignment()]
            consumer.subscribe([topic])
            return ThreadedMember(poll, consumer.close).start()
        return run_group(group_scenario(4, join, lambda origin, count: produce_all(place, topic, origin, count)))
    return scenario


def groups(place):
    client, group_id = admin_of(place), place.topic('group')

    def listed():
        return group_id in [found['group_id'] for found in client.list_groups()]

    result = {'listed': listed(), 'state': client.describe_groups([group_id])[group_id]['group_state'].lower()}
    positions = client.list_group_offsets(group_id)[group_id]
    client.delete_groups([group_id])
    result.update(handled=sum(position.offset for position in positions.values()), gone=not listed())
    client.close()
    return result


def values_of(got):
    return [record.value.decode() for record in got]


def idempotent(place):
    topic = place.topic('idempotent')
    create_topics(place, {topic: 1})
    producer = KafkaProducer(bootstrap_servers=place.bootstrap, enable_idempotence=True, batch_size=500)
    futures = [producer.send(topic, value, key, headers=headers) for i in range(3) for key, value, headers in records(f'batch{i}', 100)]
    producer.flush(TIMEOUT)
    for future in futures:
        future.get(TIMEOUT)
    producer.close()
    return {'values': values_of(read_all(place, topic, 1, lambda got: len(got) >= 300))}


def transactions(place):
    source, target, group_id = place.topic('in'), place.topic('out'), place.topic('handled')
    create_topics(place, {source: 1, target: 1})

    def producer():
        client = KafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=place.topic('transactions'))
        client.init_transactions()
        return client

    def transaction(client, values, end, position=None):
        client.begin_transaction()
        for value in values:
            client.send(target, value.encode()).get(TIMEOUT)
        if position is not None:
            client.send_offsets_to_transaction({TopicPartition(source, 0): OffsetAndMetadata(position, '', -1)}, group_id)
        client.commit_transaction() if end == 'commit' else client.abort_transaction()

    first = producer()
    transaction(first, ['a1', 'a2'], 'commit')
    transaction(first, ['b1'], 'abort')
    transaction(first, ['c1'], 'commit', 5)
    transaction(first, ['d1'], 'abort', 7)
    second = producer()
    transaction(second, ['end'], 'commit')
    try:
        transaction(first, ['late'], 'commit')
        fenced = False
    except KafkaError:
        fenced = True

    def values(isolation):
        return values_of(read_all(place, target, 1, lambda got: 'end' in values_of(got), isolation_level=isolation))
    consumer = consumer_of(place, group_id)
    position = consumer.committed(TopicPartition(source, 0))
    return {'committed': values('read_committed'), 'uncommitted': values('read_uncommitted'), 'position': position, 'fenced': fenced}


run_scenarios({
    'admin': admin,
    'produce': produce,
    'consume': consume,
    'group': group('group', RangePartitionAssignor),
    'groups': groups,
    'group-cooperative': group('group-cooperative', CooperativeStickyAssignor),
    'idempotent': idempotent,
    'transactions': transactions,
})
