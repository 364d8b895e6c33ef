// How long a record takes from a producer to a consumer, one after another, as Kafka's EndToEndLatency measures it, which
// tells percentiles in whole milliseconds. tools/kafka/door-speed.mjs runs it:
//   java -cp 'jars/*' EndToEnd.java BOOTSTRAP TOPIC RECORDS ACKS     a topic of one partition
// As many records again come first, uncounted. Prints JSON: {"p50": in milliseconds, "p99", "mean"}

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class EndToEnd {
  static final int RECORD_BYTES = 100;
  static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

  public static void main(String[] args) throws Exception {
    int count = Integer.parseInt(args[2]);
    long[] nanos = new long[count];
    try (
      KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", args[0], "fetch.max.wait.ms", 500), new ByteArrayDeserializer(), new ByteArrayDeserializer());
      KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(Map.of("bootstrap.servers", args[0], "linger.ms", 0, "acks", args[3]), new ByteArraySerializer(), new ByteArraySerializer())
    ) {
      TopicPartition partition = new TopicPartition(args[1], 0);
      consumer.assign(List.of(partition));
      consumer.seekToEnd(List.of(partition));
      consumer.position(partition);
      for (int i = -count; i < count; i++) {
        long taken = deliver(producer, consumer, args[1]);
        if (i >= 0) nanos[i] = taken;
      }
    }
    Arrays.sort(nanos);
    System.out.printf("{\"p50\": %.3f, \"p99\": %.3f, \"mean\": %.3f}%n", nanos[count / 2] / 1e6, nanos[count * 99 / 100] / 1e6, Arrays.stream(nanos).average().orElseThrow() / 1e6);
  }

  static long deliver(KafkaProducer<byte[], byte[]> producer, KafkaConsumer<byte[], byte[]> consumer, String topic) throws Exception {
    byte[] sent = new byte[RECORD_BYTES];
    ThreadLocalRandom.current().nextBytes(sent);
    long begin = System.nanoTime();
    producer.send(new ProducerRecord<>(topic, sent)).get();
    ConsumerRecords<byte[], byte[]> got = consumer.poll(LONGEST_WAIT);
    long taken = System.nanoTime() - begin;
    if (got.count() != 1 || !Arrays.equals(got.iterator().next().value(), sent)) throw new IllegalStateException("not the record that was sent, but " + got.count());
    return taken;
  }
}
