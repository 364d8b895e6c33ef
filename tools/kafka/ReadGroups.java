// What Kafka's own admin client is told of consumer groups, as JSON on standard output.
// test/kafka/our-groups.test.ts runs it:  java -cp 'jars/*' ReadGroups.java BOOTSTRAP GROUP...
// {"<group>": {state, assignor, members: [{id, instanceId, clientId, host, partitions}], offsets: {"<topic>-<partition>": {offset, leaderEpoch, metadata}}}}; null: there is none

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

public class ReadGroups {
  static final ObjectMapper json = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    ObjectNode all = json.createObjectNode();
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
      for (String group : List.of(args).subList(1, args.length)) {
        all.set(group, toJson(admin, group));
      }
    }
    System.out.println(json.writeValueAsString(all));
  }

  /** Null for a group that the broker does not know. */
  static JsonNode toJson(Admin admin, String group) throws Exception {
    ObjectNode node = json.createObjectNode();
    try {
      ConsumerGroupDescription description = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
      node.put("state", description.groupState().toString());
      node.put("assignor", description.partitionAssignor());
      ArrayNode members = node.putArray("members");
      description.members().stream().sorted(Comparator.comparing(MemberDescription::consumerId)).forEach(member -> members.add(toJson(member)));
    } catch (ExecutionException failed) {
      if (failed.getCause() instanceof GroupIdNotFoundException) return NullNode.getInstance();
      throw failed;
    }
    ObjectNode offsets = node.putObject("offsets");
    admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((partition, committed) ->
      offsets.putObject(partition.toString()).put("offset", committed.offset()).put("leaderEpoch", committed.leaderEpoch().orElse(-1)).put("metadata", committed.metadata()));
    return node;
  }

  static ObjectNode toJson(MemberDescription member) {
    ObjectNode node = json.createObjectNode();
    node.put("id", member.consumerId());
    node.put("instanceId", member.groupInstanceId().orElse(null));
    node.put("clientId", member.clientId());
    node.put("host", member.host());
    ArrayNode partitions = node.putArray("partitions");
    member.assignment().topicPartitions().stream().map(Object::toString).sorted().forEach(partitions::add);
    return node;
  }
}
