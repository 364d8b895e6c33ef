// Kafka's own client: the scenarios of README.md. Its groups: eager, cooperative, KIP-848's. Compiled once against each
// version of kafka-clients; takes BOOTSTRAP PREFIX SCENARIO..., and prints a line of JSON for each scenario.
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class KafkaClient {
  interface Scenario { Map<String, Object> run() throws Exception; }

  static final List<String> CODECS = List.of("none", "gzip", "snappy", "lz4", "zstd");
  static final Map<String, Object> CLASSIC = Map.of("heartbeat.interval.ms", "200", "session.timeout.ms", "10000");

  static String bootstrap;
  static String prefix;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    prefix = args[1];
    Map<String, Object> cooperative = new LinkedHashMap<>(CLASSIC);
    cooperative.put("partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
    Map<String, Scenario> scenarios = new LinkedHashMap<>(Map.of(
      "admin", KafkaClient::admin,
      "produce", KafkaClient::produce,
      "consume", KafkaClient::consume,
      "groups", KafkaClient::groups,
      "idempotent", KafkaClient::idempotent,
      "transactions", KafkaClient::transactions));
    Map.of("", CLASSIC, "-cooperative", cooperative, "-consumer", Map.<String, Object>of("group.protocol", "consumer")).forEach((suffix, protocol) -> {
      scenarios.put("group" + suffix, () -> group("group" + suffix, protocol));
      scenarios.put("beside" + suffix, () -> GroupScenario.beside(member("beside" + suffix, protocol)));
    });
    for (String name : Arrays.asList(args).subList(2, args.length)) {
      long started = System.nanoTime();
      Map<String, Object> line = new LinkedHashMap<>(Map.of("scenario", name));
      try {
        line.putAll(scenarios.get(name).run());
      } catch (Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        line.put("error", trace.toString());
      }
      line.put("ms", (System.nanoTime() - started) / 1_000_000);
      System.out.println(json(line));
    }
    System.exit(0); // whatever a scenario that failed has left open
  }

  static String topic(String name) { return prefix + "-" + name; }

  static Properties properties(Map<String, Object> options) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.putAll(options);
    return properties;
  }

  static <T> T soon(Future<T> future) throws Exception { return future.get(20, TimeUnit.SECONDS); }

  static Admin adminClient() { return Admin.create(properties(Map.of("client.id", "java-admin"))); }

  static void createTopics(Map<String, Integer> partitions) throws Exception {
    try (Admin client = adminClient()) {
      soon(client.createTopics(partitions.entrySet().stream().map(topic -> new NewTopic(topic.getKey(), topic.getValue(), (short) 1)).toList()).all());
    }
  }

  static Map<String, Object> admin() throws Exception {
    String topic = topic("admin");
    TopicPartition at = new TopicPartition(topic, 0);
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    Map<String, Object> result = new LinkedHashMap<>();
    try (Admin client = adminClient()) {
      soon(client.createTopics(List.of(new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "3600000")))).all());
      result.put("listed", soon(client.listTopics().names()).contains(topic));
      result.put("partitions", partitions(client, topic));
      result.put("retention", soon(client.describeConfigs(List.of(resource)).all()).get(resource).get("retention.ms").value());
      AlterConfigOp change = new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET);
      soon(client.incrementalAlterConfigs(Map.of(resource, List.of(change))).all());
      result.put("altered", soon(client.describeConfigs(List.of(resource)).all()).get(resource).get("retention.ms").value());
      soon(client.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all());
      result.put("grown", partitions(client, topic));
      send(topic, "deleted", 10, 0, Map.of());
      soon(client.deleteRecords(Map.of(at, RecordsToDelete.beforeOffset(4))).all());
      List<Long> range = new ArrayList<>();
      for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest())) range.add(soon(client.listOffsets(Map.of(at, spec)).partitionResult(at)).offset());
      result.put("range", range);
      try {
        soon(client.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all());
        result.put("refused", "made twice");
      } catch (ExecutionException refusal) {
        if (refusal.getCause() instanceof TopicExistsException) result.put("refused", "TOPIC_ALREADY_EXISTS");
      }
      soon(client.deleteTopics(List.of(topic)).all());
      result.put("gone", !soon(client.listTopics().names()).contains(topic));
    }
    return result;
  }

  static int partitions(Admin client, String topic) throws Exception {
    return soon(client.describeTopics(List.of(topic)).allTopicNames()).get(topic).partitions().size();
  }

  /** Records with keys k0 to k9 in turn, and values that begin with the name. */
  static List<ProducerRecord<String, String>> records(String topic, String name, int count, Integer partition) {
    return IntStream.range(0, count)
      .mapToObj(i -> new ProducerRecord<>(topic, partition, "k" + i % 10, name + "-" + i, List.of(new RecordHeader("origin", name.getBytes()))))
      .toList();
  }

  static KafkaProducer<String, String> producer(Map<String, Object> options) {
    return new KafkaProducer<>(properties(options), new StringSerializer(), new StringSerializer());
  }

  static void send(String topic, String name, int count, Integer partition, Map<String, Object> options) throws Exception {
    try (KafkaProducer<String, String> producer = producer(options)) {
      for (Future<?> sent : records(topic, name, count, partition).stream().map(producer::send).toList()) soon(sent);
    }
  }

  static Map<String, Object> produce() throws Exception {
    String topic = topic("records");
    createTopics(Map.of(topic, 3));
    List<String> sent = new ArrayList<>();
    for (String codec : CODECS) {
      for (String acks : List.of("1", "all")) {
        String name = codec + "-acks" + acks;
        send(topic, name, 100, null, Map.of("acks", acks, "compression.type", codec, "enable.idempotence", "false", "linger.ms", "5"));
        sent.add(name);
      }
    }
    send(topic, "none-acks0", 100, null, Map.of("acks", "0", "enable.idempotence", "false"));
    sent.add("none-acks0");
    return Map.of("sent", sent);
  }

  static KafkaConsumer<String, String> consumer(Map<String, Object> options) {
    Properties properties = properties(Map.of("auto.offset.reset", "earliest", "fetch.max.wait.ms", "200"));
    properties.putAll(options);
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  /** Reads partitions from the beginning, without a group, until it has enough. */
  static List<ConsumerRecord<String, String>> readAll(String topic, int partitions, String isolation, Predicate<List<ConsumerRecord<String, String>>> enough) {
    List<ConsumerRecord<String, String>> got = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = consumer(Map.of("isolation.level", isolation))) {
      List<TopicPartition> all = IntStream.range(0, partitions).mapToObj(partition -> new TopicPartition(topic, partition)).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(25);
      while (!enough.test(got)) {
        if (System.nanoTime() > deadline) throw new IllegalStateException("waited for records of " + topic + ": " + got.size() + " are there");
        consumer.poll(Duration.ofMillis(200)).forEach(got::add);
      }
    }
    return got;
  }

  static Map<String, Object> consume() {
    List<Object> records = new ArrayList<>();
    for (var record : readAll(topic("records"), 3, "read_uncommitted", got -> got.size() >= 1100)) {
      String origin = new String(record.headers().lastHeader("origin").value());
      records.add(Map.of("partition", record.partition(), "key", record.key(), "value", record.value(), "origin", origin));
    }
    return Map.of("records", records);
  }

  static Map<String, Object> group(String name, Map<String, Object> protocol) throws Exception {
    String topic = topic(name);
    createTopics(Map.of(topic, 4));
    return GroupScenario.run(4, () -> member(name, protocol), (origin, count) -> send(topic, origin, count, null, Map.of()));
  }

  static GroupScenario.Member member(String name, Map<String, Object> protocol) {
    Map<String, Object> options = new LinkedHashMap<>(protocol);
    options.put("group.id", topic(name));
    options.put("auto.commit.interval.ms", "100");
    return new GroupScenario.Member(consumer(options), topic(name));
  }

  @SuppressWarnings({"deprecation", "removal"}) // what takes its place is not there in 3.9
  static boolean listed(Admin client, String group) throws Exception {
    return soon(client.listConsumerGroups().all()).stream().anyMatch(listing -> listing.groupId().equals(group));
  }

  @SuppressWarnings({"deprecation", "removal"})
  static Map<String, Object> groups() throws Exception {
    String group = topic("group");
    try (Admin client = adminClient()) {
      Map<String, Object> result = new LinkedHashMap<>(Map.of("listed", listed(client, group)));
      result.put("state", soon(client.describeConsumerGroups(List.of(group)).describedGroups().get(group)).state().toString().toLowerCase());
      result.put("handled", soon(client.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).values().stream().mapToLong(OffsetAndMetadata::offset).sum());
      soon(client.deleteConsumerGroups(List.of(group)).all());
      result.put("gone", !listed(client, group));
      return result;
    }
  }

  static List<String> values(List<ConsumerRecord<String, String>> records) { return records.stream().map(ConsumerRecord::value).toList(); }

  static Map<String, Object> idempotent() throws Exception {
    String topic = topic("idempotent");
    createTopics(Map.of(topic, 1));
    for (int i = 0; i < 3; i++) send(topic, "batch" + i, 100, null, Map.of("enable.idempotence", "true", "batch.size", "500"));
    return Map.of("values", values(readAll(topic, 1, "read_uncommitted", got -> got.size() >= 300)));
  }

  static Map<String, Object> transactions() throws Exception {
    String source = topic("in");
    String target = topic("out");
    String group = topic("handled");
    createTopics(Map.of(source, 1, target, 1));
    Map<String, Object> options = Map.of("transactional.id", topic("transactions"));
    boolean fenced = false;
    try (KafkaProducer<String, String> first = producer(options); KafkaProducer<String, String> second = producer(options)) {
      first.initTransactions();
      transaction(first, target, true, null, "a1", "a2");
      transaction(first, target, false, null, "b1");
      transaction(first, target, true, Map.of(new TopicPartition(source, 0), new OffsetAndMetadata(5)), "c1");
      transaction(first, target, false, Map.of(new TopicPartition(source, 0), new OffsetAndMetadata(7)), "d1");
      second.initTransactions();
      transaction(second, target, true, null, "end");
      try {
        transaction(first, target, true, null, "late");
      } catch (KafkaException | ExecutionException refusal) {
        fenced = true;
      }
    }
    Predicate<List<ConsumerRecord<String, String>>> untilEnd = got -> values(got).contains("end");
    long position;
    try (Admin client = adminClient()) {
      position = soon(client.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).get(new TopicPartition(source, 0)).offset();
    }
    return Map.of(
      "committed", values(readAll(target, 1, "read_committed", untilEnd)), "uncommitted", values(readAll(target, 1, "read_uncommitted", untilEnd)),
      "position", position, "fenced", fenced);
  }

  static void transaction(KafkaProducer<String, String> producer, String target, boolean commit, Map<TopicPartition, OffsetAndMetadata> positions, String... values) throws Exception {
    producer.beginTransaction();
    for (String value : values) soon(producer.send(new ProducerRecord<>(target, value)));
    if (positions != null) {
      try (KafkaConsumer<String, String> consumer = consumer(Map.of("group.id", topic("handled")))) {
        producer.sendOffsetsToTransaction(positions, consumer.groupMetadata());
      }
    }
    if (commit) producer.commitTransaction();
    else producer.abortTransaction();
  }

  static String json(Object value) {
    if (value instanceof Map<?, ?> map) return map.entrySet().stream().map(entry -> json(entry.getKey()) + ":" + json(entry.getValue())).collect(Collectors.joining(",", "{", "}"));
    if (value instanceof Collection<?> all) return all.stream().map(KafkaClient::json).collect(Collectors.joining(",", "[", "]"));
    if (value instanceof String text) return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\t", "\\t") + "\"";
    return String.valueOf(value);
  }
}
