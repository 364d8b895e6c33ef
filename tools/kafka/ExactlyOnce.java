// Copies `in` to `out`, exactly once: each transaction sends what was read and moves the group's position. Goes on whatever
// becomes of the broker, until all of `in` is copied. tools/torture/door.mjs runs it:
//   java -cp 'jars/*' ExactlyOnce.java BOOTSTRAP classic|consumer
// Standard output has 'committed' for each transaction, 'aborted' for one that could not be, 'begins anew' where its producer
// was of no use any more, and in the end 'drained'.

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class ExactlyOnce {
  static final Duration POLL = Duration.ofMillis(200);

  public static void main(String[] args) {
    while (!copied(args[0], args[1])) say("begins anew");
    say("drained");
    System.exit(0);
  }

  /** False: producer and consumer can't go on. */
  static boolean copied(String bootstrap, String protocol) {
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(producerSettings(bootstrap));
         KafkaConsumer<String, String> consumer = new KafkaConsumer<>(consumerSettings(bootstrap, protocol))) {
      producer.initTransactions();
      consumer.subscribe(List.of("in"));
      for (;;) {
        ConsumerRecords<String, String> records = consumer.poll(POLL);
        if (records.isEmpty() && isAtEnd(consumer)) return true;
        if (!records.isEmpty() && !copy(records, producer, consumer)) return false;
      }
    } catch (KafkaException error) {
      say("failed: " + error);
      return false;
    }
  }

  /** False: the producer is of no use any more. */
  static boolean copy(ConsumerRecords<String, String> records, KafkaProducer<String, String> producer, KafkaConsumer<String, String> consumer) {
    try {
      producer.beginTransaction();
      Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
      for (ConsumerRecord<String, String> record : records) {
        producer.send(new ProducerRecord<>("out", record.partition(), record.key(), record.value()));
        positions.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
      }
      producer.sendOffsetsToTransaction(positions, consumer.groupMetadata());
      producer.commitTransaction();
      say("committed");
      return true;
    } catch (KafkaException error) {
      say("aborted: " + error);
      return aborted(producer, consumer);
    }
  }

  static boolean aborted(KafkaProducer<String, String> producer, KafkaConsumer<String, String> consumer) {
    try {
      producer.abortTransaction();
    } catch (KafkaException error) {
      say("failed: " + error);
      return false;
    }
    Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
    for (TopicPartition partition : consumer.assignment()) consumer.seek(partition, committed.get(partition) == null ? 0 : committed.get(partition).offset());
    return true;
  }

  static boolean isAtEnd(KafkaConsumer<String, String> consumer) {
    Map<TopicPartition, Long> ends = consumer.endOffsets(List.of(new TopicPartition("in", 0), new TopicPartition("in", 1)));
    if (consumer.assignment().size() < ends.size()) return false;
    for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) if (consumer.position(end.getKey()) < end.getValue()) return false;
    return true;
  }

  static Properties producerSettings(String bootstrap) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("transactional.id", "exactly-once");
    settings.put("key.serializer", StringSerializer.class.getName());
    settings.put("value.serializer", StringSerializer.class.getName());
    settings.put("reconnect.backoff.max.ms", "100");
    settings.put("transaction.timeout.ms", "60000");
    return settings;
  }

  static Properties consumerSettings(String bootstrap, String protocol) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("group.id", "copiers");
    settings.put("group.protocol", protocol);
    settings.put("key.deserializer", StringDeserializer.class.getName());
    settings.put("value.deserializer", StringDeserializer.class.getName());
    settings.put("isolation.level", "read_committed");
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", "false");
    settings.put("max.poll.records", "20");
    settings.put("reconnect.backoff.max.ms", "100");
    return settings;
  }

  static void say(String what) {
    System.out.println(what);
    System.out.flush();
  }
}
