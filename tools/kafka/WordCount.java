// Kafka Streams counts words, exactly once: each record of `counts` is a word and how often it has come in `lines`.
// test/kafka/streams-word-count.test.ts runs it:  java -cp 'jars/*' WordCount.java BOOTSTRAP STATE_DIRECTORY INSTANCE
// Nothing is cached, so that every word read gives one record: of a word that came n times they are 1, 2 … n.
// Standard output says 'running' whenever it is. A thread that fails is replaced, so that it works on whatever happens.
// A killed instance's transaction is aborted after 4 s: its successor has other producers, and waits for that.

import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

public class WordCount {
  public static void main(String[] args) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream("lines", Consumed.with(Serdes.ByteArray(), Serdes.String()))
      .flatMapValues(line -> Arrays.asList(line.split(" ")))
      .groupBy((key, word) -> word, Grouped.with("by-word", Serdes.String(), Serdes.String()))
      .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("counted")).withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
      .toStream()
      .mapValues(count -> count.toString())
      .to("counts", Produced.with(Serdes.String(), Serdes.String()));

    KafkaStreams streams = new KafkaStreams(builder.build(), settings(args[0], args[1], args[2]));
    streams.setStateListener((now, before) -> {
      if (now == KafkaStreams.State.RUNNING) System.out.println("running");
    });
    streams.setUncaughtExceptionHandler(error -> StreamThreadExceptionResponse.REPLACE_THREAD);
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  static Properties settings(String bootstrap, String stateDirectory, String instance) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "word-count");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDirectory);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    settings.put(StreamsConfig.consumerPrefix("group.instance.id"), instance); // taken up at once by whoever is started again
    settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 10_000);
    settings.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 1_000);
    settings.put(StreamsConfig.producerPrefix("linger.ms"), 5); // so that a transaction has something written long before it ends
    settings.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 4_000);
    return settings;
  }
}
