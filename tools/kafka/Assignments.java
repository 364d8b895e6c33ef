// Prints test/fixtures/kafka-assignments.json: which partitions Kafka's own assignors give to the members of
// groups. With Kafka's jars in tools/kafka/jars-4.3.1/ the fixture is made again from the project's folder by
//
//   java -cp 'tools/kafka/jars-4.3.1/*' tools/kafka/Assignments.java > test/fixtures/kafka-assignments.json
//
// The groups are drawn with a fixed seed. A member is [id, topics, what it owns]; a list of partitions is text,
// 'orders-0 orders-1'. 'sticky' is the assignment that Kafka's sticky assignors come to in the end, before the
// cooperative one takes it in two steps.

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.internals.AbstractPartitionAssignor;
import org.apache.kafka.clients.consumer.internals.AbstractStickyAssignor;
import org.apache.kafka.common.TopicPartition;

public class Assignments {
    static final List<String> TOPICS = List.of("orders", "bills", "Bills", "order", "orders.eu");
    static final List<String> IDS = List.of("ada", "Ada", "grace", "grace-10", "grace-9", "joan", "\u00e4d\u00e5", "\u6771\u4eac", "\ud83c\udf89", "\uff5e", "b", "a", "m-1", "m-2");
    static final Random random = new Random(20_240_229);

    /** What a member owns is what its subscription says. */
    static class Sticky extends AbstractStickyAssignor {
        @Override protected MemberData memberData(Subscription subscription) {
            return new MemberData(subscription.ownedPartitions(), subscription.generationId(), subscription.rackId());
        }
        @Override public String name() {
            return "sticky";
        }
    }

    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        json.getFactory().enable(JsonGenerator.Feature.ESCAPE_NON_ASCII);
        List<String> groups = new ArrayList<>();
        for (int i = 0; i < 40; i++) groups.add(json.writeValueAsString(group(i % 2 == 0)));
        System.out.println("{ \"madeBy\": \"tools/kafka/Assignments.java, Kafka 4.3.1\", \"groups\": [\n" + String.join(",\n", groups) + "\n] }");
    }

    static Object group(boolean sameTopics) {
        Map<String, Integer> counts = new TreeMap<>();
        for (String topic : some(TOPICS)) counts.put(topic, 1 + random.nextInt(9));
        Map<String, List<String>> topics = new TreeMap<>();
        for (String id : some(IDS)) topics.put(id, sameTopics ? TOPICS : some(TOPICS));
        Map<String, List<TopicPartition>> owned = owners(topics, counts);
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("partitions", counts);
        out.put("members", topics.keySet().stream().map(id -> List.of(id, String.join(" ", topics.get(id)), text(owned.get(id)))).toList());
        for (AbstractPartitionAssignor assignor : List.of(new RangeAssignor(), new RoundRobinAssignor(), new Sticky())) {
            Map<String, Subscription> subscriptions = new LinkedHashMap<>();
            for (String id : topics.keySet()) subscriptions.put(id, new Subscription(topics.get(id), null, owned.get(id), 1, Optional.empty()));
            Map<String, String> lists = new TreeMap<>();
            assignor.assign(new LinkedHashMap<>(counts), subscriptions).forEach((id, list) -> lists.put(id, text(list)));
            out.put(assignor.name(), lists);
        }
        return out;
    }

    /** Most of the partitions, with members that read them, more often with the first. */
    static Map<String, List<TopicPartition>> owners(Map<String, List<String>> topics, Map<String, Integer> counts) {
        Map<String, List<TopicPartition>> owned = new TreeMap<>();
        topics.keySet().forEach(id -> owned.put(id, new ArrayList<>()));
        counts.forEach((topic, count) -> {
            List<String> readers = topics.keySet().stream().filter(id -> topics.get(id).contains(topic)).toList();
            for (int p = 0; p < count; p++) {
                if (readers.isEmpty() || random.nextInt(4) == 0) continue;
                owned.get(readers.get(random.nextInt(1 + random.nextInt(readers.size())))).add(new TopicPartition(topic, p));
            }
        });
        return owned;
    }

    /** At least one, in any order. */
    static List<String> some(List<String> of) {
        List<String> all = new ArrayList<>(of);
        Collections.shuffle(all, random);
        return all.subList(0, 1 + random.nextInt(all.size()));
    }

    static String text(List<TopicPartition> partitions) {
        return partitions.stream().sorted((a, b) -> a.topic().equals(b.topic()) ? a.partition() - b.partition() : a.topic().compareTo(b.topic()))
            .map(TopicPartition::toString).collect(Collectors.joining(" "));
    }
}
