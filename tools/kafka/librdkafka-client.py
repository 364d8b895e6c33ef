"""What librdkafka writes for the fixtures of test/fixtures/kafka-segments, by its Python binding.

make-segments.mjs runs it in a virtual environment that has confluent-kafka:  librdkafka-client.py BOOTSTRAP
librdkafka differs from the Java client where it shows on disk: snappy is one raw block and no xerial stream, and a
batch that compression would not shrink is stored as it is.
"""
import sys
from confluent_kafka import Producer

BOOTSTRAP = sys.argv[1]
CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
BINARY = bytes([0, 1, 2, 255, 10, 128])
HEADERS = [('a', b'1'), ('a', b'2'), ('none', None), ('empty', b''), ('ключ', BINARY)]
WORDS = ['mill', 'race', 'water', 'wheel', 'grain', 'stone', 'sluice', 'flour', 'weir', 'leat']


class Clock:
    """Timestamps, one millisecond after the other."""

    def __init__(self):
        self.now = 1_710_000_000_000

    def next(self):
        self.now += 1
        return self.now


def prose(length):
    """Text that compresses, though not to nothing."""
    state, text = 7, ''
    while len(text) < length:
        state = (state * 1103515245 + 12345) % 2**31
        text += WORDS[(state >> 16) % len(WORDS)] + ' '
    return text[:length].encode()


def failed(error, _message):
    if error is not None:
        sys.exit(f'librdkafka: {error}')


def producer(**options):
    """Batches are what was produced between two flushes: nothing leaves by time."""
    return Producer({'bootstrap.servers': BOOTSTRAP, 'linger.ms': 30000, 'on_delivery': failed, **options})


def codecs(clock):
    topic = 'codecs-librdkafka'
    for codec in CODECS:
        client = producer(**{'compression.type': codec, 'enable.idempotence': codec == 'lz4'})
        shapes = [(codec.encode(), b'value of ' + codec.encode()), (None, b'no key'), (b'no value', None), (None, None), (b'', b''), (BINARY, BINARY), (b'prose', prose(500))]
        for key, value in shapes:
            client.produce(topic, key=key, value=value, timestamp=clock.next())
        client.produce(topic, key=b'headers', value=b'some', headers=HEADERS, timestamp=clock.next())
        client.flush()
        if codec != 'none':
            client.produce(topic, key=b'large', value=prose(2000) * 50, timestamp=clock.next())
            client.flush()
        client.produce(topic, key=codec.encode(), value=b'alone', timestamp=clock.next())
        client.flush()


def transactions(clock):
    topic = 'transactions-librdkafka'
    client = producer(**{'transactional.id': 'librdkafka', 'compression.type': 'lz4'})
    client.init_transactions()
    for attempt in range(6):
        client.begin_transaction()
        for i in range(1 + attempt % 3):
            client.produce(topic, key=b't%d' % attempt, value=prose(50 + i), timestamp=clock.next())
        client.flush()
        if attempt % 2 == 0:
            client.commit_transaction()
        else:
            client.abort_transaction()


clock = Clock()
codecs(clock)
transactions(clock)
