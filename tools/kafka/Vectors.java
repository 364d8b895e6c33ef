// Prints test/fixtures/kafka-vectors.json: what Kafka's own classes make of known input. With Kafka's jars in
// tools/kafka/jars-4.3.1/ the fixture is made again from the project's folder by
//
//   java -cp 'tools/kafka/jars-4.3.1/*' tools/kafka/Vectors.java > test/fixtures/kafka-vectors.json
//
// (the library's Java classes log to standard error at most). Bytes are base64. A record's value is its `value`
// repeated `times` times, so that large batches stay small here.

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupMetadataKey;
import org.apache.kafka.coordinator.group.generated.GroupMetadataKey;
import org.apache.kafka.coordinator.group.generated.GroupMetadataValue;
import org.apache.kafka.coordinator.group.generated.GroupMetadataValue.MemberMetadata;
import org.apache.kafka.coordinator.group.generated.LegacyOffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.OffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.OffsetCommitValue;
import org.apache.kafka.storage.internals.checkpoint.LeaderEpochCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.OffsetCheckpointFile;
import org.apache.kafka.storage.internals.checkpoint.PartitionMetadata;
import org.apache.kafka.storage.internals.log.EpochEntry;
import org.apache.kafka.storage.internals.log.OffsetIndex;
import org.apache.kafka.storage.internals.log.TimeIndex;

public class Vectors {
    static final long T = 1_700_000_000_000L;

    record Entry(long timestamp, byte[] key, byte[] value, int times, List<Header> headers) {
        byte[] fullValue() {
            if (value == null) return null;
            ByteBuffer all = ByteBuffer.allocate(value.length * times);
            for (int i = 0; i < times; i++) all.put(value);
            return all.array();
        }
    }

    public static void main(String[] args) throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("madeBy", "tools/kafka/Vectors.java, Kafka 4.3.1");
        out.put("murmur2", hashes());
        out.put("batches", batches());
        out.put("files", files());
        out.put("committedOffsets", GroupRecords.committedOffsets());
        out.put("groups", GroupRecords.groups());
        out.put("keyOfAnotherKind", base64(MessageUtil.toCoordinatorTypePrefixedBytes(new ConsumerGroupMetadataKey().setGroupId("modern"))));
        out.put("subscriptions", Protocol.subscriptions());
        out.put("assignments", Protocol.assignments());
        System.out.println(new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(out));
    }

    static List<Object> hashes() {
        List<byte[]> keys = new ArrayList<>();
        byte[] rising = new byte[21];
        byte[] high = new byte[21];
        for (int i = 0; i < 21; i++) {
            rising[i] = (byte) (i + 1);
            high[i] = (byte) (255 - 7 * i);
        }
        for (int length = 0; length <= 20; length++) {
            keys.add(Arrays.copyOf(rising, length));
            if (length > 0) keys.add(Arrays.copyOf(high, length));
        }
        for (String text : List.of("a", "ab", "abc", "abcd", "21", "foobar", "a-little-bit-long-string", "a-little-bit-longer-string",
            "ada", "grace", "order-1", "order-12345", "Grüße", "Київ", "東京", "🎉", "e\u0301", "0", "key with spaces", "x".repeat(255))) keys.add(utf8(text));
        List<Object> hashes = new ArrayList<>();
        for (byte[] key : keys) hashes.add(map("key", base64(key), "hash", Utils.murmur2(key), "of7", Utils.toPositive(Utils.murmur2(key)) % 7));
        return hashes;
    }

    static List<Object> batches() {
        List<Entry> small = List.of(
            new Entry(T, utf8("ada"), utf8("{\"item\":\"mill\"}"), 1, List.of()),
            new Entry(T + 1, null, utf8("no key"), 1, List.of()),
            new Entry(T + 2, utf8("gone"), null, 1, List.of()),
            new Entry(T + 3, new byte[0], new byte[0], 1, List.of()),
            new Entry(T + 4, null, null, 1, List.of(new RecordHeader("only", utf8("header")))),
            new Entry(T - 500, utf8("late"), utf8("earlier than the first"), 1, List.of()),
            new Entry(T + 3_000_000_000L, utf8("Grüße"), utf8("東京 🎉"), 1, List.of(
                new RecordHeader("twice", utf8("1")), new RecordHeader("twice", utf8("2")), new RecordHeader("null", null),
                new RecordHeader("empty", new byte[0]), new RecordHeader("", utf8("no name")), new RecordHeader("größe", new byte[] {0, -1, 127}))),
            new Entry(T + 7, utf8("k".repeat(64)), utf8("v"), 300, List.of()));
        List<Entry> large = List.of(
            new Entry(T, utf8("large-1"), utf8("0123456789abcdef the quick brown fox jumps over the lazy dog; "), 3000, List.of()),
            new Entry(T + 1, utf8("large-2"), utf8("x"), 70_000, List.of()),
            new Entry(T + 2, null, utf8("the end"), 1, List.of()));
        List<Entry> far = List.of(
            new Entry(0, utf8("epoch"), utf8("0"), 1, List.of()),
            new Entry((1L << 53) - 1, utf8("far"), utf8("the last safe integer"), 1, List.of()));

        Map<String, Compression> codecs = new LinkedHashMap<>();
        codecs.put("none", Compression.NONE);
        codecs.put("gzip", Compression.gzip().build());
        codecs.put("snappy", Compression.snappy().build());
        codecs.put("lz4", Compression.lz4().build());
        codecs.put("zstd", Compression.zstd().build());

        List<Object> batches = new ArrayList<>();
        codecs.forEach((name, codec) -> batches.add(described("small " + name, small, built(small, codec, TimestampType.CREATE_TIME, 0, false))));
        codecs.forEach((name, codec) -> {
            if (!name.equals("none")) batches.add(described("large " + name, large, built(large, codec, TimestampType.CREATE_TIME, 1L << 40, false)));
        });
        batches.add(described("append time", small, built(small, Compression.NONE, TimestampType.LOG_APPEND_TIME, 42, false)));
        batches.add(described("transactional", small, built(small, Compression.NONE, TimestampType.CREATE_TIME, 7, true)));
        batches.add(described("far times", far, built(far, Compression.NONE, TimestampType.CREATE_TIME, 0, false)));
        batches.add(described("commit marker", null, MemoryRecords.withEndTransactionMarker(99, T, 3, 4711, (short) 2,
            new EndTransactionMarker(ControlRecordType.COMMIT, 5)).buffer()));
        ByteBuffer empty = ByteBuffer.allocate(DefaultRecordBatch.RECORD_BATCH_OVERHEAD);
        DefaultRecordBatch.writeEmptyHeader(empty, RecordBatch.MAGIC_VALUE_V2, 4711, (short) 2, 10, 100, 109, 3, TimestampType.CREATE_TIME, T, false, false);
        empty.flip();
        batches.add(described("emptied by compaction", List.of(), empty));
        return batches;
    }

    static ByteBuffer built(List<Entry> entries, Compression codec, TimestampType type, long baseOffset, boolean transactional) {
        long producerId = transactional ? 4711 : RecordBatch.NO_PRODUCER_ID;
        short producerEpoch = transactional ? 2 : RecordBatch.NO_PRODUCER_EPOCH;
        int sequence = transactional ? 17 : RecordBatch.NO_SEQUENCE;
        try (MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), RecordBatch.MAGIC_VALUE_V2, codec, type, baseOffset,
            T + 1_000_000, producerId, producerEpoch, sequence, transactional, 3)) {
            for (Entry entry : entries) builder.append(entry.timestamp, entry.key, entry.fullValue(), entry.headers.toArray(new Header[0]));
            return builder.build().buffer();
        }
    }

    /** The batch, and what Kafka itself reads from its header. */
    static Object described(String name, List<Entry> entries, ByteBuffer buffer) {
        RecordBatch batch = MemoryRecords.readableRecords(buffer.duplicate()).batches().iterator().next();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        Map<String, Object> header = map("baseOffset", batch.baseOffset(), "lastOffset", batch.lastOffset(), "sizeInBytes", batch.sizeInBytes(),
            "leaderEpoch", batch.partitionLeaderEpoch(), "magic", batch.magic(), "checksum", batch.checksum(), "codec", batch.compressionType().name,
            "logAppendTime", batch.timestampType() == TimestampType.LOG_APPEND_TIME, "transactional", batch.isTransactional(), "control", batch.isControlBatch(),
            "baseTimestamp", ((DefaultRecordBatch) batch).baseTimestamp(), "maxTimestamp", batch.maxTimestamp(), "producerId", batch.producerId(),
            "producerEpoch", batch.producerEpoch(), "baseSequence", batch.baseSequence(), "count", batch.countOrNull());
        List<Object> records = new ArrayList<>();
        if (entries != null) for (Entry entry : entries) {
            List<Object> headers = new ArrayList<>();
            for (Header h : entry.headers) headers.add(Arrays.asList(h.key(), base64(h.value())));
            records.add(map("timestamp", entry.timestamp, "key", base64(entry.key), "value", base64(entry.value), "times", entry.times, "headers", headers));
        }
        return map("name", name, "bytes", base64(bytes), "header", header, "records", entries == null ? null : records);
    }

    static Object files() throws IOException {
        Path folder = Files.createTempDirectory("vectors");
        File offsets = folder.resolve("recovery-point-offset-checkpoint").toFile();
        Map<TopicPartition, Long> positions = new LinkedHashMap<>();
        positions.put(new TopicPartition("orders", 0), 0L);
        positions.put(new TopicPartition("a.b_c-1", 12), (1L << 53) - 1);
        new OffsetCheckpointFile(offsets, null).write(positions);
        File epochs = folder.resolve("leader-epoch-checkpoint").toFile();
        new LeaderEpochCheckpointFile(epochs, null).write(List.of(new EpochEntry(0, 0), new EpochEntry(3, 120), new EpochEntry(4, 1L << 40)));

        File index = folder.resolve("00000000000000000100.index").toFile();
        OffsetIndex offsetIndex = new OffsetIndex(index, 100, 48);
        offsetIndex.append(141, 4200);
        offsetIndex.append(190, 8400);
        offsetIndex.append(100L + Integer.MAX_VALUE, 1 << 30);
        offsetIndex.flush();
        File timeindex = folder.resolve("00000000000000000100.timeindex").toFile();
        TimeIndex timeIndex = new TimeIndex(timeindex, 100, 60);
        timeIndex.maybeAppend(T, 141);
        timeIndex.maybeAppend(T + (1L << 40), 190);
        timeIndex.flush();

        return map(
            "offsets", Files.readString(offsets.toPath()),
            "epochs", Files.readString(epochs.toPath()),
            "partitionMetadata", new PartitionMetadata(0, Uuid.fromString("ZGVtby10b3BpYy1pZC0wMQ")).encode(),
            "index", base64(Files.readAllBytes(index.toPath())),
            "timeindex", base64(Files.readAllBytes(timeindex.toPath())));
    }

    /** Of __consumer_offsets: keys and values, and what Kafka itself reads from the values' bytes. */
    static class GroupRecords {
        static List<Object> committedOffsets() {
            List<Object> records = new ArrayList<>();
            ApiMessage key = new OffsetCommitKey().setGroup("billing").setTopic("orders").setPartition(7);
            for (short version = 0; version <= 4; version++) {
                records.add(offset("offset, version " + version, key, version, new OffsetCommitValue().setOffset(12_345).setLeaderEpoch(3).setMetadata("").setCommitTimestamp(T).setExpireTimestamp(version == 1 ? T + 1000 : -1)));
            }
            records.add(offset("offset with a topic's id and tags that nobody knows", key, (short) 4, tagged(new OffsetCommitValue().setOffset(1).setMetadata("m").setCommitTimestamp(T).setTopicId(Uuid.fromString("ZGVtby10b3BpYy1pZC0wMQ")))));
            records.add(offset("far offset, long names", new OffsetCommitKey().setGroup("g".repeat(300)).setTopic("t".repeat(249)).setPartition(Integer.MAX_VALUE), (short) 3,
                new OffsetCommitValue().setOffset((1L << 53) - 1).setLeaderEpoch(Integer.MAX_VALUE).setMetadata("m".repeat(4096)).setCommitTimestamp((1L << 53) - 1)));
            records.add(offset("no offset", new OffsetCommitKey().setGroup("").setTopic("").setPartition(-1), (short) 3, new OffsetCommitValue().setOffset(-1).setLeaderEpoch(-1).setMetadata("Grüße, 東京 🎉").setCommitTimestamp(-1)));
            records.add(offset("legacy key", new LegacyOffsetCommitKey().setGroup("Київ").setTopic("orders").setPartition(0), (short) 0, new OffsetCommitValue().setOffset(5).setMetadata("old").setCommitTimestamp(T)));
            return records;
        }

        static List<Object> groups() {
            List<Object> records = new ArrayList<>();
            for (short version = 0; version <= 4; version++) {
                records.add(group("group, version " + version, version, new GroupMetadataValue().setProtocolType("consumer").setGeneration(5).setProtocol("range").setLeader("member-1").setCurrentStateTimestamp(T).setMembers(List.of(
                    member("member-1", "static-1", "Grüße", utf8("what it reads"), utf8("what it gets")), member("member-2", null, "", new byte[0], new byte[] {0, -1, 127})))));
            }
            records.add(group("empty group", (short) 3, new GroupMetadataValue().setProtocolType("").setGeneration(0).setProtocol(null).setLeader(null).setCurrentStateTimestamp(T).setMembers(List.of())));
            records.add(group("empty group, version 4", (short) 4, new GroupMetadataValue().setProtocolType("").setGeneration(0).setProtocol(null).setLeader(null).setCurrentStateTimestamp(T).setMembers(List.of())));
            return records;
        }

        static Object offset(String name, ApiMessage key, short version, OffsetCommitValue value) {
            byte[] bytes = MessageUtil.toVersionPrefixedBytes(version, value);
            OffsetCommitValue read = new OffsetCommitValue(readable(bytes), version);
            Object keyFields = key instanceof OffsetCommitKey k ? offsetKey(k.group(), k.topic(), k.partition())
                : key instanceof LegacyOffsetCommitKey k ? offsetKey(k.group(), k.topic(), k.partition()) : null;
            return map("name", name, "key", base64(MessageUtil.toCoordinatorTypePrefixedBytes(key)), "keyFields", keyFields, "version", version, "value", base64(bytes),
                "fields", map("offset", read.offset(), "leaderEpoch", read.leaderEpoch(), "metadata", read.metadata(), "timestamp", read.commitTimestamp()));
        }

        static Object offsetKey(String group, String topic, int partition) {
            return map("kind", "offset", "group", group, "topic", topic, "partition", partition);
        }

        static Object group(String name, short version, GroupMetadataValue value) {
            byte[] bytes = MessageUtil.toVersionPrefixedBytes(version, value);
            GroupMetadataValue read = new GroupMetadataValue(readable(bytes), version);
            List<Object> members = new ArrayList<>();
            for (MemberMetadata m : read.members()) members.add(map("id", m.memberId(), "instanceId", m.groupInstanceId(), "clientId", m.clientId(), "clientHost", m.clientHost(),
                "rebalanceTimeoutMs", m.rebalanceTimeout(), "sessionTimeoutMs", m.sessionTimeout(), "subscription", base64(m.subscription()), "assignment", base64(m.assignment())));
            return map("name", name, "key", base64(MessageUtil.toCoordinatorTypePrefixedBytes(new GroupMetadataKey().setGroup("billing"))), "keyFields", map("kind", "group", "group", "billing"),
                "version", version, "value", base64(bytes), "fields", map("protocolType", read.protocolType(), "generation", read.generation(), "protocol", read.protocol(), "leader", read.leader(),
                    "timestamp", read.currentStateTimestamp(), "members", members));
        }

        static MemberMetadata member(String id, String instanceId, String clientId, byte[] subscription, byte[] assignment) {
            return new MemberMetadata().setMemberId(id).setGroupInstanceId(instanceId).setClientId(clientId).setClientHost("/127.0.0.1").setRebalanceTimeout(300_000)
                .setSessionTimeout(45_000).setSubscription(subscription).setAssignment(assignment);
        }

        static OffsetCommitValue tagged(OffsetCommitValue value) {
            value.unknownTaggedFields().add(new RawTaggedField(5, utf8("five")));
            value.unknownTaggedFields().add(new RawTaggedField(300, utf8("x".repeat(200))));
            return value;
        }

        /** Behind the version. */
        static ByteBufferAccessor readable(byte[] bytes) {
            return new ByteBufferAccessor(ByteBuffer.wrap(bytes, 2, bytes.length - 2));
        }
    }

    /** What consumers tell each other, and what Kafka's own consumer reads from those bytes. */
    static class Protocol {
        static final ByteBuffer USER_DATA = ByteBuffer.wrap(new byte[] {0, -1, 127});

        static List<Object> subscriptions() {
            List<TopicPartition> owned = List.of(new TopicPartition("orders", 0), new TopicPartition("orders", 3), new TopicPartition("東京", 1));
            List<Object> subscriptions = new ArrayList<>();
            for (short version = 0; version <= 3; version++) {
                subscriptions.add(subscription("version " + version, version, new Subscription(List.of("orders", "東京"), USER_DATA, owned, 7, Optional.empty())));
            }
            subscriptions.add(subscription("of a new member", (short) 3, new Subscription(List.of("orders"))));
            subscriptions.add(subscription("of nothing", (short) 3, new Subscription(List.of(), ByteBuffer.allocate(0))));
            subscriptions.add(subscription("with a rack", (short) 3, new Subscription(List.of("orders"), null, List.of(), 2, Optional.of("rack-1"))));
            return subscriptions;
        }

        static Object subscription(String name, short version, Subscription subscription) {
            ByteBuffer bytes = ConsumerProtocol.serializeSubscription(subscription, version);
            Subscription read = ConsumerProtocol.deserializeSubscription(bytes.duplicate());
            return map("name", name, "version", version, "bytes", base64(bytes.array()),
                "fields", map("topics", read.topics(), "userData", base64(read.userData()), "owned", described(read.ownedPartitions()), "generation", read.generationId().orElse(-1)));
        }

        static List<Object> assignments() {
            List<TopicPartition> partitions = List.of(new TopicPartition("orders", 2), new TopicPartition("orders", 0), new TopicPartition("a.b_c-1", 64));
            List<Object> assignments = new ArrayList<>();
            for (short version = 0; version <= 3; version++) assignments.add(assignment("version " + version, version, new Assignment(partitions, USER_DATA)));
            assignments.add(assignment("of nothing", (short) 3, new Assignment(List.of())));
            return assignments;
        }

        static Object assignment(String name, short version, Assignment assignment) {
            ByteBuffer bytes = ConsumerProtocol.serializeAssignment(assignment, version);
            Assignment read = ConsumerProtocol.deserializeAssignment(bytes.duplicate());
            return map("name", name, "version", version, "bytes", base64(bytes.array()), "fields", map("partitions", described(read.partitions()), "userData", base64(read.userData())));
        }

        static List<Object> described(List<TopicPartition> partitions) {
            List<Object> described = new ArrayList<>();
            for (TopicPartition p : partitions) described.add(map("topic", p.topic(), "partition", p.partition()));
            return described;
        }

        static String base64(ByteBuffer buffer) {
            if (buffer == null) return null;
            byte[] bytes = new byte[buffer.remaining()];
            buffer.duplicate().get(bytes);
            return Vectors.base64(bytes);
        }

        static String base64(byte[] bytes) {
            return Vectors.base64(bytes);
        }
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
        return map;
    }
}
