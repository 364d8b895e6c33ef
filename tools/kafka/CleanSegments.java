// Kafka's own cleaner over the partitions of a directory, at a time that the caller says: what Kafka leaves of records.
//   java -cp 'jars/*' CleanSegments.java DIRECTORY NOW-MS CONFIGS     CONFIGS: {"<topic>-0": {"delete.retention.ms": "1000", …}}
// For each partition named: loaded as a starting broker loads it after a clean shutdown, its active segment rolled, and
// then what a broker's cleaner thread does, until there is nothing dirty left. Only the thread and the waiting are not
// here, so that the clock can stand still. Where partitions begin, and up to where they were cleaned, stands in DIRECTORY's
// checkpoints as in a broker's.

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.log.Cleaner;
import org.apache.kafka.storage.internals.log.LogCleanerManager;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.LogToClean;
import org.apache.kafka.storage.internals.log.PreCleanStats;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.SkimpyOffsetMap;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.internals.utils.Throttler;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

public class CleanSegments {
  static final Map<String, String> COMPACTED = Map.of("cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0", "file.delete.delay.ms", "0");
  static final int BUFFER_BYTES = 1 << 20;

  public static void main(String[] args) throws Exception {
    File directory = new File(args[0]);
    Time time = new StandingTime(Long.parseLong(args[1]));
    Map<String, Map<String, String>> configs = new ObjectMapper().readValue(args[2], new TypeReference<>() { });

    LogDirFailureChannel failures = new LogDirFailureChannel(1);
    KafkaScheduler scheduler = new KafkaScheduler(1);
    scheduler.startup();
    ConcurrentMap<TopicPartition, UnifiedLog> logs = new ConcurrentHashMap<>();
    Map<TopicPartition, Long> starts = new OffsetCheckpointFile(new File(directory, "log-start-offset-checkpoint"), failures).read();
    for (String folder : configs.keySet()) {
      File partition = new File(directory, folder);
      long start = starts.getOrDefault(UnifiedLog.parseTopicPartitionName(partition), 0L);
      UnifiedLog log = load(partition, configs.get(folder), start, time, scheduler, failures);
      log.roll();
      // Nobody else has to have a record before it is cleaned.
      log.updateHighWatermark(log.logEndOffset());
      logs.put(log.topicPartition(), log);
    }

    LogCleanerManager manager = new LogCleanerManager(List.of(directory), logs, failures);
    Throttler unthrottled = new Throttler(Double.MAX_VALUE, 300, "cleaner-io", "bytes", time);
    Cleaner cleaner = new Cleaner(0, new SkimpyOffsetMap(BUFFER_BYTES), BUFFER_BYTES, BUFFER_BYTES, 0.9, unthrottled, time, manager::checkCleaningAborted);
    Optional<LogToClean> next;
    while ((next = manager.grabFilthiestCompactedLog(time, new PreCleanStats())).isPresent()) {
      long cleanedTo = cleaner.clean(next.get()).getKey();
      manager.doneCleaning(next.get().topicPartition(), directory, cleanedTo);
    }
    for (UnifiedLog log : logs.values()) log.close();
    scheduler.shutdown();
  }

  static UnifiedLog load(File partition, Map<String, String> configs, long start, Time time, KafkaScheduler scheduler, LogDirFailureChannel failures) throws Exception {
    Map<String, String> properties = new ConcurrentHashMap<>(COMPACTED);
    properties.putAll(configs);
    boolean wasShutDownCleanly = true;
    return UnifiedLog.create(partition, new LogConfig(properties), start, start, scheduler, new BrokerTopicStats(), time, 60_000,
        new ProducerStateManagerConfig(86_400_000, false), 600_000, failures, wasShutDownCleanly, Optional.empty());
  }

  record StandingTime(long milliseconds) implements Time {
    @Override
    public long nanoseconds() {
      return System.nanoTime();
    }

    @Override
    public void sleep(long ms) { }

    @Override
    public void waitObject(Object object, Supplier<Boolean> condition, long deadlineMs) {
      throw new UnsupportedOperationException();
    }
  }
}
