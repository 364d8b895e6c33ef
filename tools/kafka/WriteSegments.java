// What Kafka's own Java client writes for the fixtures of test/fixtures/kafka-segments: one method for each topic.
// make-segments.mjs runs it:  java -cp 'jars/*' WriteSegments.java BOOTSTRAP topics | clean | unclean | recovered
// Everything is drawn from fixed numbers; what differs between runs is the broker's own (LogAppendTime, topic ids).
// Segments are small because their indexes are: a segment rolls when an index is full. A broker allows that to be
// soon, while it allows no segment.bytes below 1 MiB.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class WriteSegments {
  static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
  static final byte[] EMPTY = {};
  static String bootstrap;
  static Admin admin;
  static long timestamp = 1_700_000_000_000L;
  static final Random random = new Random(7);

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    switch (args[1]) {
      case "topics" -> {
        createTopic("codecs-librdkafka", Map.of());
        createTopic("codecs-kafkajs", Map.of());
        createTopic("transactions-librdkafka", Map.of());
      }
      case "clean" -> {
        codecs();
        logAppendTime();
        timestamps();
        transactions();
        compacted();
        deletedRecords();
        groups();
        openTransaction();
      }
      case "unclean" -> unclean();
      case "recovered" -> recovered();
      default -> throw new IllegalArgumentException(args[1]);
    }
    // Not an exit: that would close the producer of openTransaction, and a producer that closes aborts.
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  // ---------------------------------------------------------------- topics

  static void codecs() throws Exception {
    createTopic("codecs-java", Map.of());
    for (String codec : CODECS) {
      try (Producer producer = new Producer(Map.of("compression.type", codec))) {
        for (ProducerRecord<byte[], byte[]> record : shapes("codecs-java", codec)) producer.send(record);
        producer.flush();
        if (!codec.equals("none")) producer.sendBatch("codecs-java", record("codecs-java", "large", prose(2000).repeat(50)));
        producer.sendBatch("codecs-java", record("codecs-java", codec, "alone"));
      }
    }
  }

  /** Records of one batch carry one timestamp, the batch's; compressed ones keep the client's inside. */
  static void logAppendTime() throws Exception {
    String topic = "log-append-time";
    createTopic(topic, Map.of("message.timestamp.type", "LogAppendTime"));
    try (Producer plain = new Producer(Map.of("enable.idempotence", "false")); Producer packed = new Producer(Map.of("compression.type", "lz4"))) {
      for (int batch = 0; batch < 24; batch++) {
        for (int i = 0; i <= batch % 4; i++) (batch % 2 == 0 ? plain : packed).send(record(topic, "k" + i, prose(20 + 30 * i)));
        (batch % 2 == 0 ? plain : packed).flush();
        Thread.sleep(2); // so that the batches' timestamps differ
      }
    }
  }

  /** Timestamps that rise, fall, repeat, lie years apart, and are 0: within a batch, between batches, between segments. */
  static void timestamps() throws Exception {
    String topic = "timestamps";
    createTopic(topic, Map.of());
    long[] jumps = {0, 1, -1, 1000, -5000, 86_400_000L, -86_400_000L, 40_000, 0, 7};
    try (Producer producer = new Producer(Map.of())) {
      for (int batch = 0; batch < 40; batch++) {
        for (int i = 0; i < 1 + batch % 3; i++) {
          long at = batch == 17 ? i : timestamp + batch * 1000L + jumps[random.nextInt(jumps.length)];
          producer.send(new ProducerRecord<>(topic, 0, at, bytes("k" + i), bytes("batch " + batch)));
        }
        producer.flush();
      }
    }
  }

  /** Two transactional producers and a plain one in each other's way; each aborts every third transaction. */
  static void transactions() throws Exception {
    String topic = "transactions";
    createTopic(topic, Map.of());
    try (Producer a = transactional("java-a", "none"); Producer b = transactional("java-b", "zstd"); Producer plain = new Producer(Map.of())) {
      for (int round = 0; round < 12; round++) {
        a.client.beginTransaction();
        b.client.beginTransaction();
        a.sendBatch(topic, record(topic, "a", "a " + round), record(topic, "a", "a again " + round));
        b.sendBatch(topic, record(topic, "b", prose(200)));
        plain.sendBatch(topic, record(topic, "plain", "between " + round));
        if (round % 4 == 1) b.sendBatch(topic, record(topic, "b", "b again " + round));
        end(a, round % 3 == 0);
        end(b, round % 3 == 1);
      }
    }
  }

  /** A transaction that nobody ends: the stable offset stays at its first record, whatever comes after it. */
  static void openTransaction() throws Exception {
    String topic = "open-transaction";
    createTopic(topic, Map.of());
    Producer open = transactional("java-open", "none");
    try (Producer other = transactional("java-other", "none"); Producer plain = new Producer(Map.of())) {
      other.client.beginTransaction();
      other.sendBatch(topic, record(topic, "other", "committed before"));
      end(other, false);
      open.client.beginTransaction();
      open.sendBatch(topic, record(topic, "open", "never ended"));
      plain.sendBatch(topic, record(topic, "plain", "after the stable offset"));
      other.client.beginTransaction();
      other.sendBatch(topic, record(topic, "other", "aborted after the stable offset"));
      end(other, true);
    }
  }

  /** Gaps, tombstones, a batch that lost all its records, transactions, codecs: what the cleaner leaves of them. */
  static void compacted() throws Exception {
    String topic = "compacted";
    // Segments roll by size here: the cleaner fails where it merges segments into one whose time index is full.
    createTopic(topic, Map.of("cleanup.policy", "compact", "internal.segment.bytes", "1500", "segment.index.bytes", "1200",
        "min.cleanable.dirty.ratio", "0.01", "delete.retention.ms", "86400000000", "file.delete.delay.ms", "0"));
    try (Producer first = new Producer(Map.of()); Producer emptied = new Producer(Map.of()); Producer packed = new Producer(Map.of("compression.type", "zstd"));
        Producer transactional = transactional("java-compacted", "none")) {
      emptied.sendBatch(topic, record(topic, "k0", "lost"), record(topic, "k1", "lost"));
      for (int batch = 0; batch < 16; batch++) {
        for (int i = 0; i < 4; i++) first.send(record(topic, "k" + random.nextInt(16), "first " + batch + " " + i));
        first.flush();
      }
      first.sendBatch(topic, record(topic, "k3", null), record(topic, "k7", null), record(topic, "k2", "kept beside tombstones"));
      for (int batch = 0; batch < 6; batch++) {
        for (int i = 0; i < 5; i++) packed.send(record(topic, "p" + (batch / 2 * 3 + i), prose(120)));
        packed.flush();
      }
      for (int round = 0; round < 4; round++) {
        transactional.client.beginTransaction();
        transactional.sendBatch(topic, record(topic, "t" + round % 2, "transaction " + round));
        end(transactional, round % 2 == 1);
      }
      packed.sendBatch(topic, record(topic, "p3", null), record(topic, "k0", "last"), record(topic, "k1", "last"));
      // The active segment is never cleaned: this moves everything above into sealed ones.
      for (int batch = 0; batch < 14; batch++) first.sendBatch(topic, record(topic, "filler", "filler " + batch));
    }
  }

  /** The log starts in the middle of a batch in the middle of a segment; the segments before it await deletion. */
  static void deletedRecords() throws Exception {
    String topic = "deleted-records";
    createTopic(topic, Map.of("file.delete.delay.ms", "3600000"));
    try (Producer producer = new Producer(Map.of())) {
      for (int batch = 0; batch < 40; batch++) producer.sendBatch(topic, record(topic, "k", "a " + batch), record(topic, "k", "b " + batch), record(topic, "k", "c " + batch));
    }
    admin.deleteRecords(Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(70))).all().get();
  }

  /** Committed offsets in every way that leaves its own records in __consumer_offsets. */
  static void groups() throws Exception {
    TopicPartition source = new TopicPartition("timestamps", 0);
    for (String protocol : List.of("classic", "consumer")) {
      Map<String, Object> options = Map.of("bootstrap.servers", bootstrap, "group.id", "group-" + protocol, "group.protocol", protocol, "auto.offset.reset", "earliest", "enable.auto.commit", "false");
      try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(options, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
        consumer.subscribe(Set.of(source.topic()));
        while (consumer.poll(Duration.ofMillis(100)).isEmpty()) continue;
        consumer.commitSync(Map.of(source, new OffsetAndMetadata(3)));
        consumer.commitSync(Map.of(source, new OffsetAndMetadata(5, "five, with metadata")));
      }
    }
    admin.alterConsumerGroupOffsets("group-of-admin", Map.of(source, new OffsetAndMetadata(9), new TopicPartition("transactions", 0), new OffsetAndMetadata(2))).all().get();
    admin.deleteConsumerGroupOffsets("group-of-admin", Set.of(new TopicPartition("transactions", 0))).all().get();
    try (Producer producer = transactional("java-offsets", "none"); KafkaConsumer<byte[], byte[]> member = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap, "group.id", "group-in-transaction"), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      for (int round = 0; round < 2; round++) {
        producer.client.beginTransaction();
        producer.client.sendOffsetsToTransaction(Map.of(source, new OffsetAndMetadata(11 + round)), member.groupMetadata());
        end(producer, round == 1);
      }
    }
  }

  /** The broker is killed after this: what it leaves are indexes as long as it made them, zeros after the last entry. */
  static void unclean() throws Exception {
    createTopic("unclean", Map.of());
    createTopic("unclean-one-batch", Map.of());
    try (Producer producer = new Producer(Map.of())) {
      for (int batch = 0; batch < 26; batch++) producer.sendBatch("unclean", record("unclean", "k" + batch, "a"), record("unclean", null, "b " + batch));
      // Its indexes hold nothing but zeros.
      producer.sendBatch("unclean-one-batch", record("unclean-one-batch", "k", "a"), record("unclean-one-batch", "k", "b"));
    }
  }

  /** After the kill and a new start: batches of the next leader epoch behind those that were recovered. */
  static void recovered() {
    try (Producer producer = new Producer(Map.of())) {
      for (int batch = 0; batch < 3; batch++) producer.sendBatch("unclean", record("unclean", "after", "c " + batch));
    }
  }

  // ---------------------------------------------------------------- steps

  static void createTopic(String name, Map<String, String> settings) throws Exception {
    Map<String, String> all = new HashMap<>(Map.of("retention.ms", "-1", "segment.index.bytes", "120", "index.interval.bytes", "64"));
    all.putAll(settings);
    admin.createTopics(List.of(new NewTopic(name, 1, (short) 1).configs(all))).all().get();
  }

  static Producer transactional(String id, String codec) {
    // Long enough that the coordinator ends nothing by itself before the broker is stopped.
    Producer producer = new Producer(Map.of("transactional.id", id, "compression.type", codec, "transaction.timeout.ms", "600000"));
    producer.client.initTransactions();
    return producer;
  }

  static void end(Producer producer, boolean abort) {
    if (abort) producer.client.abortTransaction();
    else producer.client.commitTransaction();
  }

  /** Keys, values and headers that are text, binary, empty and null; header names that repeat; null header values. */
  static List<ProducerRecord<byte[], byte[]>> shapes(String topic, String codec) {
    byte[] binary = {0, 1, 2, (byte) 0xff, '\n', (byte) 0x80};
    Headers headers = new RecordHeaders();
    headers.add("a", bytes("1")).add("a", bytes("2")).add("none", null).add("empty", EMPTY).add("ключ", binary).add("", bytes("no name"));
    List<ProducerRecord<byte[], byte[]>> all = new ArrayList<>();
    all.add(record(topic, codec, "value of " + codec));
    all.add(raw(topic, null, bytes("no key")));
    all.add(raw(topic, bytes("no value"), null));
    all.add(raw(topic, null, null));
    all.add(raw(topic, EMPTY, EMPTY));
    all.add(raw(topic, binary, binary));
    all.add(new ProducerRecord<>(topic, 0, timestamp++, bytes("headers"), bytes("some"), headers));
    all.add(record(topic, "prose", prose(500)));
    return all;
  }

  static ProducerRecord<byte[], byte[]> record(String topic, String key, String value) {
    return raw(topic, bytes(key), bytes(value));
  }

  static ProducerRecord<byte[], byte[]> raw(String topic, byte[] key, byte[] value) {
    return new ProducerRecord<>(topic, 0, timestamp++, key, value, null);
  }

  static byte[] bytes(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  /** Text that compresses, though not to nothing. */
  static String prose(int length) {
    String[] words = {"mill", "race", "water", "wheel", "grain", "stone", "sluice", "flour", "weir", "leat"};
    StringBuilder text = new StringBuilder();
    while (text.length() < length) text.append(words[random.nextInt(words.length)]).append(' ');
    return text.substring(0, length);
  }

  /** Batches are exactly what was sent between two flushes: nothing leaves by time or size. */
  static final class Producer implements AutoCloseable {
    final KafkaProducer<byte[], byte[]> client;

    Producer(Map<String, Object> options) {
      Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "linger.ms", "30000", "delivery.timeout.ms", "90000", "batch.size", "500000"));
      all.putAll(options);
      client = new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    void send(ProducerRecord<byte[], byte[]> record) {
      client.send(record, (metadata, error) -> { if (error != null) fail(error); });
    }

    @SafeVarargs
    final void sendBatch(String topic, ProducerRecord<byte[], byte[]>... records) {
      for (ProducerRecord<byte[], byte[]> record : records) send(record);
      flush();
    }

    void flush() {
      client.flush();
    }

    @Override
    public void close() {
      client.close();
    }

    static void fail(Exception error) {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }
}
