"""librdkafka, by confluent-kafka: the scenarios of README.md. Its groups: eager, cooperative, KIP-848's."""
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, OFFSET_BEGINNING, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType

from scenarios import deadline, group_scenario, read, records, run_group, run_scenarios
from threaded_member import ThreadedMember

TIMEOUT = 20
CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']


def admin_of(place):
    return AdminClient({'bootstrap.servers': place.bootstrap, 'client.id': 'confluent-admin'})


def create_topics(place, partitions):
    client = admin_of(place)  # held: its futures fail when it is collected
    for future in client.create_topics([NewTopic(topic, count, 1) for topic, count in partitions.items()]).values():
        future.result(TIMEOUT)


def only(futures):
    """The result of the one future there is."""
    (future,) = futures.values()
    return future.result(TIMEOUT)


def admin(place):
    client, topic = admin_of(place), place.topic('admin')
    only(client.create_topics([NewTopic(topic, 2, 1, config={'retention.ms': '3600000'})]))

    def partitions():
        return len(client.list_topics(topic, TIMEOUT).topics[topic].partitions)

    def retention():
        return only(client.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))['retention.ms'].value

    def listed():
        return topic in client.list_topics(timeout=TIMEOUT).topics

    result = {'listed': listed(), 'partitions': partitions(), 'retention': retention()}
    change = ConfigEntry('retention.ms', '7200000', incremental_operation=AlterConfigOpType.SET)
    only(client.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])]))
    result['altered'] = retention()
    only(client.create_partitions([NewPartitions(topic, 4)]))
    result['grown'] = partitions()
    produce_all(place, topic, 'deleted', 10, partition=0)
    only(client.delete_records([TopicPartition(topic, 0, 4)]))
    result['range'] = [only(client.list_offsets({TopicPartition(topic, 0): spec})).offset for spec in (OffsetSpec.earliest(), OffsetSpec.latest())]
    try:
        only(client.create_topics([NewTopic(topic, 1, 1)]))
        result['refused'] = 'made twice'
    except KafkaException as refusal:
        result['refused'] = refusal.args[0].name()
    only(client.delete_topics([topic]))
    return {**result, 'gone': not listed()}


def produce_all(place, topic, name, count, partition=-1, **options):
    producer = Producer({'bootstrap.servers': place.bootstrap, 'client.id': 'confluent-producer', 'linger.ms': 5, **options})
    failures = []
    for key, value, headers in records(name, count):
        producer.produce(topic, value, key, partition=partition, headers=headers, on_delivery=lambda error, _: failures.append(error) if error else None)
    left = producer.flush(TIMEOUT)
    if left or failures:
        raise RuntimeError(f'{left} records were not sent, and of others: {failures[:1]}')


def produce(place):
    topic = place.topic('records')
    create_topics(place, {topic: 3})
    for codec in CODECS:
        produce_all(place, topic, f'{codec}-acks1', 100, acks=1, **{'compression.type': codec})
        produce_all(place, topic, f'{codec}-all', 100, acks='all', **{'compression.type': codec})
    produce_all(place, topic, 'none-acks0', 100, acks=0)
    return {'sent': [f'{codec}-{acks}' for codec in CODECS for acks in ('acks1', 'all')] + ['none-acks0']}


def consumer_of(place, group, **options):
    return Consumer({'bootstrap.servers': place.bootstrap, 'client.id': 'confluent-consumer', 'group.id': group, 'auto.offset.reset': 'earliest', 'fetch.wait.max.ms': 200, **options})


def read_all(place, topic, partitions, enough, **options):
    """Reads partitions from the beginning, without a group, until it has `enough`."""
    consumer = consumer_of(place, f'{topic}-reader', **{'enable.auto.commit': False, **options})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)])
    got = []
    check = deadline(lambda: f'records of {topic}: {len(got)} are there')
    while not enough(got):
        check()
        for message in consumer.consume(1000, 0.2):
            if message.error():
                raise KafkaException(message.error())
            got.append(message)
    consumer.close()
    return got


def consume(place):
    got = read_all(place, place.topic('records'), 3, lambda got: len(got) >= 1100)
    return {'records': [read(message.partition(), message.key(), message.value(), message.headers()) for message in got]}


def group(name, **options):
    def scenario(place):
        topic = place.topic(name)
        create_topics(place, {topic: 4})

        def join():
            consumer = consumer_of(place, topic, **options)

            def poll(member):
                member.values += [message.value().decode() for message in consumer.consume(100, 0.05) if not message.error()]
                member.assigned = [at.partition for at in consumer.assignment()]
            consumer.subscribe([topic])
            return ThreadedMember(poll, consumer.close).start()
        return run_group(group_scenario(4, join, lambda origin, count: produce_all(place, topic, origin, count)))
    return scenario


def groups(place):
    client, group_id = admin_of(place), place.topic('group')

    def listed():
        return group_id in [found.group_id for found in client.list_consumer_groups(request_timeout=TIMEOUT).result(TIMEOUT).valid]

    result = {'listed': listed(), 'state': only(client.describe_consumer_groups([group_id])).state.name.lower()}
    positions = only(client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group_id)])).topic_partitions
    only(client.delete_consumer_groups([group_id]))
    return {**result, 'handled': sum(at.offset for at in positions), 'gone': not listed()}


def values_of(messages):
    return [message.value().decode() for message in messages]


def idempotent(place):
    topic = place.topic('idempotent')
    create_topics(place, {topic: 1})
    producer = Producer({'bootstrap.servers': place.bootstrap, 'enable.idempotence': True, 'batch.num.messages': 10})
    for i in range(3):
        for key, value, headers in records(f'batch{i}', 100):
            producer.produce(topic, value, key, headers=headers)
    if producer.flush(TIMEOUT):
        raise RuntimeError('not all was sent')
    return {'values': values_of(read_all(place, topic, 1, lambda got: len(got) >= 300))}


def transactions(place):
    source, target, group_id = place.topic('in'), place.topic('out'), place.topic('handled')
    create_topics(place, {source: 1, target: 1})
    metadata = consumer_of(place, group_id).consumer_group_metadata()

    def producer():
        client = Producer({'bootstrap.servers': place.bootstrap, 'transactional.id': place.topic('transactions')})
        client.init_transactions(TIMEOUT)
        return client

    def transaction(client, values, end, position=None):
        client.begin_transaction()
        for value in values:
            client.produce(target, value.encode())
        client.flush(TIMEOUT)
        if position is not None:
            client.send_offsets_to_transaction([TopicPartition(source, 0, position)], metadata, TIMEOUT)
        client.commit_transaction(TIMEOUT) if end == 'commit' else client.abort_transaction(TIMEOUT)

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
    except KafkaException as refusal:
        fenced = refusal.args[0].name() in ('_FENCED', 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH')

    def values(isolation):
        return values_of(read_all(place, target, 1, lambda got: b'end' in [message.value() for message in got], **{'isolation.level': isolation}))
    (committed,) = consumer_of(place, group_id).committed([TopicPartition(source, 0)], TIMEOUT)
    return {'committed': values('read_committed'), 'uncommitted': values('read_uncommitted'), 'position': committed.offset, 'fenced': fenced}


classic = {'heartbeat.interval.ms': 200, 'session.timeout.ms': 10_000}

run_scenarios({
    'admin': admin,
    'produce': produce,
    'consume': consume,
    'group': group('group', **classic),
    'groups': groups,
    'group-cooperative': group('group-cooperative', **classic, **{'partition.assignment.strategy': 'cooperative-sticky'}),
    'group-consumer': group('group-consumer', **{'group.protocol': 'consumer'}),
    'idempotent': idempotent,
    'transactions': transactions,
})
