// What a group scenario and a beside scenario are: see README.md. Each member polls in a thread of its own.
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

final class GroupScenario {
  interface Sender { void send(String name, int count) throws Exception; }

  static final class Member {
    volatile List<Integer> assigned = List.of();
    final List<String> values = new CopyOnWriteArrayList<>();
    private volatile boolean stopping;
    private final Thread thread;

    Member(KafkaConsumer<String, String> consumer, String topic) {
      thread = new Thread(() -> {
        try (consumer) {
          consumer.subscribe(List.of(topic));
          while (!stopping) {
            consumer.poll(Duration.ofMillis(50)).forEach(record -> values.add(record.value()));
            assigned = consumer.assignment().stream().map(TopicPartition::partition).sorted().toList();
          }
        }
      });
      thread.setDaemon(true);
      thread.start();
    }

    void leave() throws InterruptedException {
      stopping = true;
      thread.join();
    }
  }

  static Map<String, Object> run(int partitions, Callable<Member> join, Sender sender) throws Exception {
    sender.send("first", 100);
    Member one = join.call();
    until(() -> one.assigned.size() == partitions && one.values.size() >= 100, () -> "the first member to read 100 records, it has " + one.values.size() + " of " + one.assigned);
    List<Integer> alone = one.assigned;

    Member two = join.call();
    until(() -> !one.assigned.isEmpty() && !two.assigned.isEmpty() && one.assigned.size() + two.assigned.size() == partitions, () -> "two members to share: " + one.assigned + two.assigned);
    List<List<Integer>> shared = List.of(one.assigned, two.assigned);
    sender.send("second", 100);
    until(() -> seconds(one, two) == 100, () -> "two members to read 100 more records, they have " + seconds(one, two));

    two.leave();
    until(() -> one.assigned.size() == partitions, () -> "the first member to have all again: " + one.assigned);
    List<Integer> after = one.assigned;
    one.leave();

    sender.send("third", 10);
    Member three = join.call();
    until(() -> three.values.size() >= 10, () -> "the third member to read what came later, it has " + three.values);
    three.leave();
    List<String> values = new ArrayList<>(one.values);
    values.addAll(two.values);
    return Map.of("alone", alone, "shared", shared, "after", after, "values", values, "resumed", three.values);
  }

  /** A member among others that are not ours, which may leave when it reads 'stop'. */
  static Map<String, Object> beside(Member member) throws InterruptedException {
    until(() -> member.values.contains("stop"), () -> "'stop'; there are " + member.values.size() + " records of " + member.assigned);
    List<Integer> assigned = member.assigned;
    member.leave();
    return Map.of("assigned", assigned, "values", member.values);
  }

  private static long seconds(Member one, Member two) {
    return Stream.concat(one.values.stream(), two.values.stream()).filter(value -> value.startsWith("second")).distinct().count();
  }

  private static void until(BooleanSupplier condition, Supplier<String> what) throws InterruptedException {
    long deadline = System.nanoTime() + 25_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) throw new IllegalStateException("waited 25 s for " + what.get());
      Thread.sleep(20);
    }
  }
}
