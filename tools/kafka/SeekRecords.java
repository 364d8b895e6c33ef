// Where Kafka's Java consumer finds itself in partitions whose offsets have gaps: which record comes first from an
// offset on, and which offset it is told for a timestamp. As JSON on standard output:
//   java -cp 'jars/*' SeekRecords.java BOOTSTRAP QUESTIONS        QUESTIONS: {"<topic>-0": {"offsets": […], "timestamps": […]}}
// The answers have the questions' form, an offset in the place of each; null: there is none. An offset asked for must
// have a record at it or behind it.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class SeekRecords {
  public static void main(String[] args) throws Exception {
    ObjectMapper json = new ObjectMapper();
    ObjectNode answers = json.createObjectNode();
    Map<String, Object> options = Map.of("bootstrap.servers", args[0], "max.poll.records", 1, "fetch.max.wait.ms", "10");
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(options, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      for (Map.Entry<String, JsonNode> question : json.readTree(args[1]).properties()) {
        TopicPartition partition = new TopicPartition(question.getKey().replaceFirst("-0$", ""), 0);
        consumer.assign(Set.of(partition));
        ObjectNode answer = answers.putObject(question.getKey());
        ArrayNode offsets = answer.putArray("offsets");
        for (JsonNode offset : question.getValue().get("offsets")) offsets.add(firstFrom(consumer, partition, offset.asLong()));
        ArrayNode timestamps = answer.putArray("timestamps");
        for (JsonNode timestamp : question.getValue().get("timestamps")) {
          OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, timestamp.asLong())).get(partition);
          timestamps.add(found == null ? null : found.offset());
        }
      }
    }
    System.out.println(json.writeValueAsString(answers));
  }

  static long firstFrom(KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, long offset) {
    consumer.seek(partition, offset);
    ConsumerRecords<byte[], byte[]> records;
    do records = consumer.poll(Duration.ofMillis(200)); while (records.isEmpty());
    return records.iterator().next().offset();
  }
}
