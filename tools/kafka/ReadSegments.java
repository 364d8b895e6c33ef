// What Kafka's own Java consumer reads of partitions, as JSON on standard output: the expectations of the fixtures.
// make-segments.mjs runs it:  java -cp 'jars/*' ReadSegments.java BOOTSTRAP TOPIC...   (partition 0 of each)
// {"<topic>-0": {startOffset, stableOffset, endOffset, records: [all, read_uncommitted], committedOffsets: [read_committed]}}

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class ReadSegments {
  static final ObjectMapper json = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    ObjectNode all = json.createObjectNode();
    for (int i = 1; i < args.length; i++) {
      TopicPartition partition = new TopicPartition(args[i], 0);
      ObjectNode node = all.putObject(partition.toString());
      ArrayNode records = json.createArrayNode();
      ArrayNode committedOffsets = json.createArrayNode();
      try (KafkaConsumer<byte[], byte[]> consumer = consumer(args[0], "read_uncommitted")) {
        long end = read(consumer, partition, record -> records.add(toJson(record)));
        node.put("startOffset", consumer.beginningOffsets(Set.of(partition)).get(partition));
        try (KafkaConsumer<byte[], byte[]> committed = consumer(args[0], "read_committed")) {
          node.put("stableOffset", read(committed, partition, record -> committedOffsets.add(record.offset())));
        }
        node.put("endOffset", end);
      }
      node.set("committedOffsets", committedOffsets);
      node.set("records", records);
    }
    System.out.println(json.writeValueAsString(all));
  }

  static KafkaConsumer<byte[], byte[]> consumer(String bootstrap, String isolation) {
    Map<String, Object> options = Map.of("bootstrap.servers", bootstrap, "isolation.level", isolation, "exclude.internal.topics", "false", "check.crcs", "true", "fetch.max.wait.ms", "10");
    return new KafkaConsumer<>(options, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** Reads to the end that this isolation level has, which it returns. */
  static long read(KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, Consumer<ConsumerRecord<byte[], byte[]>> each) {
    consumer.assign(Set.of(partition));
    long end = consumer.endOffsets(Set.of(partition)).get(partition);
    consumer.seekToBeginning(Set.of(partition));
    while (consumer.position(partition) < end) consumer.poll(Duration.ofMillis(200)).forEach(each);
    return end;
  }

  static ObjectNode toJson(ConsumerRecord<byte[], byte[]> record) {
    ObjectNode node = json.createObjectNode();
    node.put("offset", record.offset());
    node.put("timestamp", record.timestamp());
    node.put("timestampType", record.timestampType().toString());
    node.put("leaderEpoch", record.leaderEpoch().orElse(-1));
    node.put("key", record.key());
    node.put("value", record.value());
    ArrayNode headers = node.putArray("headers");
    for (Header header : record.headers()) headers.addArray().add(header.key()).add(header.value());
    return node;
  }
}
