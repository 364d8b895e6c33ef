// Prints test/fixtures/kafka-transactions.json: what Kafka's own classes write and read of transactions: markers, the state of
// producers, aborted transactions, and the records of __transaction_state. With Kafka's jars in tools/kafka/jars-4.3.1/ the
// fixture is made again from the project's folder by
//
//   java -cp 'tools/kafka/jars-4.3.1/*' tools/kafka/TransactionVectors.java > test/fixtures/kafka-transactions.json
//
// Bytes are base64.

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.coordinator.transaction.TransactionLog;
import org.apache.kafka.coordinator.transaction.TransactionState;
import org.apache.kafka.coordinator.transaction.TxnTransitMetadata;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogKey;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogValue.PartitionsSchema;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogValue;
import org.apache.kafka.server.common.TransactionVersion;
import org.apache.kafka.storage.internals.log.AbortedTxn;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.BatchMetadata;
import org.apache.kafka.storage.internals.log.LogOffsetMetadata;
import org.apache.kafka.storage.internals.log.ProducerAppendInfo;
import org.apache.kafka.storage.internals.log.ProducerStateEntry;
import org.apache.kafka.storage.internals.log.ProducerStateManager;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.TransactionIndex;

public class TransactionVectors {
    static final long T = 1_700_000_000_000L;

    public static void main(String[] args) throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("madeBy", "tools/kafka/TransactionVectors.java, Kafka 4.3.1");
        out.put("markers", Markers.markers());
        out.put("newerMarkers", Markers.newerMarkers());
        out.put("otherControlRecords", Markers.others());
        out.put("emptiedMarker", Markers.emptied());
        out.put("producerSnapshots", Producers.snapshots());
        out.put("abortedTransactions", Producers.abortedTransactions());
        out.put("transactions", Transactions.transactions());
        System.out.println(new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsString(out));
    }

    /** Control records, and the batches of those that end a transaction. */
    static class Markers {
        static List<Object> markers() {
            return List.of(
                marker("commit", ControlRecordType.COMMIT, 5, 99, T, 3, 4711, (short) 2),
                marker("abort", ControlRecordType.ABORT, 0, 0, T, 0, 0, (short) 0),
                marker("far commit", ControlRecordType.COMMIT, Integer.MAX_VALUE, (1L << 53) - 1, (1L << 53) - 1, Integer.MAX_VALUE, (1L << 53) - 1, Short.MAX_VALUE),
                marker("abort by nobody", ControlRecordType.ABORT, -1, 1L << 40, 0, 7, 1L << 33, (short) 300));
        }

        static Object marker(String name, ControlRecordType type, int coordinatorEpoch, long offset, long timestamp, int leaderEpoch, long producerId, short producerEpoch) {
            EndTransactionMarker marker = new EndTransactionMarker(type, coordinatorEpoch);
            ByteBuffer batch = MemoryRecords.withEndTransactionMarker(offset, timestamp, leaderEpoch, producerId, producerEpoch, marker).buffer();
            return map("name", name, "key", base64(type.recordKey()), "value", base64(marker.serializeValue()), "batch", base64(batch), "offset", offset, "leaderEpoch", leaderEpoch,
                "fields", map("type", type.name().toLowerCase(), "coordinatorEpoch", coordinatorEpoch, "producerId", producerId, "producerEpoch", producerEpoch, "timestamp", timestamp));
        }

        /** Keys and values of versions that are not there yet, and what Kafka makes of them. */
        static List<Object> newerMarkers() {
            return List.of(newer(1, 0, 0), newer(1, 1, 4), newer(0, 32_767, 1), newer(2, 3, 2));
        }

        static Object newer(int keyVersion, int valueVersion, int more) {
            byte[] key = ByteBuffer.allocate(4 + (keyVersion > 0 ? more : 0)).putShort((short) keyVersion).putShort((short) 1).array();
            byte[] value = ByteBuffer.allocate(6 + (valueVersion > 0 ? more : 0)).putShort((short) valueVersion).putInt(9).array();
            EndTransactionMarker read = EndTransactionMarker.deserialize(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(T, key, value)).records().iterator().next());
            return map("key", base64(key), "value", base64(value), "fields", map("type", read.controlType().name().toLowerCase(), "coordinatorEpoch", read.coordinatorEpoch()));
        }

        static List<Object> others() {
            List<Object> others = new ArrayList<>();
            for (ControlRecordType type : ControlRecordType.values()) {
                if (type.type() > 1) others.add(map("name", type.name(), "key", base64(type.recordKey()), "kind", type.type()));
            }
            return others;
        }

        /** What compaction leaves of a marker that is its producer's newest batch. */
        static String emptied() {
            ByteBuffer empty = ByteBuffer.allocate(DefaultRecordBatch.RECORD_BATCH_OVERHEAD);
            DefaultRecordBatch.writeEmptyHeader(empty, RecordBatch.MAGIC_VALUE_V2, 4711, (short) 2, -1, 99, 99, 3, TimestampType.CREATE_TIME, T, true, true);
            return base64(empty.flip());
        }
    }

    /** What a partition keeps beside its segments. */
    static class Producers {
        static final TopicPartition PARTITION = new TopicPartition("orders", 0);

        static List<Object> snapshots() throws IOException {
            return List.of(snapshot("of nobody", 0, new long[0]), snapshot("of one", 0, new long[] {4711}), snapshot("of many", 1L << 40, new long[] {0, 1, 7, 1L << 40, (1L << 53) - 1}));
        }

        /** By Kafka's own bookkeeping: of the producers the first writes, the second aborts, the third has a transaction open, the fourth has a marker alone, and so on. */
        static Object snapshot(String name, long start, long[] producers) throws IOException {
            Path folder = Files.createTempDirectory("vectors");
            ProducerStateManager manager = new ProducerStateManager(PARTITION, folder.toFile(), 900_000, new ProducerStateManagerConfig(86_400_000, false), Time.SYSTEM);
            long offset = start;
            for (int i = 0; i < producers.length; i++) {
                ProducerAppendInfo info = manager.prepareUpdate(producers[i], AppendOrigin.REPLICATION);
                boolean transactional = i % 4 == 1 || i % 4 == 2;
                if (i % 4 != 3) {
                    info.appendDataBatch((short) i, 0, 9, T + i, new LogOffsetMetadata(offset), offset + 9, transactional);
                    info.appendDataBatch((short) i, 10, 10 + i, T + 2 * i, new LogOffsetMetadata(offset + 10), offset + 10 + i, transactional);
                    offset += 11 + i;
                }
                if (i % 2 == 1) info.appendEndTxnMarker(new EndTransactionMarker(ControlRecordType.ABORT, 40 + i), (short) i, offset++, T + 1000, TransactionVersion.TV_1.featureLevel());
                manager.update(info);
            }
            manager.updateMapEndOffset(offset + 1);
            File file = manager.takeSnapshot(false).orElseThrow();
            List<Object> entries = new ArrayList<>();
            for (ProducerStateEntry entry : ProducerStateManager.readSnapshot(file)) entries.add(described(entry));
            return map("name", name, "bytes", base64(Files.readAllBytes(file.toPath())), "entries", entries);
        }

        static Map<String, Object> described(ProducerStateEntry entry) {
            BatchMetadata last = entry.batchMetadata().isEmpty() ? null : entry.batchMetadata().iterator().next();
            Map<String, Object> fields = map("producerId", entry.producerId(), "producerEpoch", entry.producerEpoch(), "lastSequence", last == null ? -1 : last.lastSeq(), "lastOffset", entry.lastDataOffset(),
                "offsetDelta", last == null ? 0 : last.offsetDelta(), "timestamp", entry.lastTimestamp(), "coordinatorEpoch", entry.coordinatorEpoch());
            entry.currentTxnFirstOffset().ifPresent(offset -> fields.put("currentTransactionFirstOffset", offset));
            return fields;
        }

        static Object abortedTransactions() throws IOException {
            File file = Files.createTempDirectory("vectors").resolve("00000000000000000100.txnindex").toFile();
            List<Object> entries = new ArrayList<>();
            try (TransactionIndex index = new TransactionIndex(100, file)) {
                index.append(new AbortedTxn(4711, 0, 100, 2));
                index.append(new AbortedTxn(0, 101, 107, 108));
                index.append(new AbortedTxn((1L << 53) - 1, 103, (1L << 53) - 2, (1L << 53) - 1));
                index.flush();
                for (AbortedTxn txn : index.allAbortedTxns()) {
                    entries.add(map("producerId", txn.producerId(), "firstOffset", txn.firstOffset(), "lastOffset", txn.lastOffset(), "lastStableOffset", txn.lastStableOffset()));
                }
            }
            return map("bytes", base64(Files.readAllBytes(file.toPath())), "entries", entries);
        }
    }

    /** Of __transaction_state: keys and values, and what Kafka itself reads from the values' bytes. */
    static class Transactions {
        static List<Object> transactions() {
            List<Object> records = new ArrayList<>();
            records.add(byCoordinator("a new id", -1, -1, TransactionState.EMPTY, -1, TransactionVersion.TV_2));
            records.add(byCoordinator("at work", 4710, -1, TransactionState.ONGOING, T, TransactionVersion.TV_2, new TopicPartition("orders", 0), new TopicPartition("orders", 12), new TopicPartition("東京", 3)));
            records.add(byCoordinator("committed, of an older client", 4711, -1, TransactionState.PREPARE_COMMIT, T, TransactionVersion.TV_0, new TopicPartition("orders", 0)));
            records.add(byCoordinator("its epochs used up", 4710, 5000, TransactionState.PREPARE_ABORT, T, TransactionVersion.TV_2, new TopicPartition("orders", 0)));
            for (TransactionState state : TransactionState.ALL_STATES.stream().sorted().toList()) {
                if (state == TransactionState.EMPTY) continue;
                for (short version = 0; version <= 1; version++) records.add(transaction(state + ", version " + version, "billing", version, value(state).setTransactionPartitions(List.of())));
            }
            records.add(transaction("Empty, version 0", "", (short) 0, value(TransactionState.EMPTY)));
            for (short version = 0; version <= 1; version++) {
                records.add(transaction("far, long names, version " + version, "t".repeat(300), version, new TransactionLogValue().setProducerId((1L << 53) - 1).setProducerEpoch(Short.MAX_VALUE).setTransactionTimeoutMs(Integer.MAX_VALUE)
                    .setTransactionStatus(TransactionState.ONGOING.id()).setTransactionPartitions(List.of(topic("t".repeat(249), 0, Integer.MAX_VALUE), topic("Grüße", 1, 2, 3), topic("none")))
                    .setTransactionLastUpdateTimestampMs((1L << 53) - 1).setTransactionStartTimestampMs((1L << 53) - 1)));
            }
            TransactionLogValue tagged = value(TransactionState.ONGOING).setTransactionPartitions(List.of(topic("orders", 0))).setPreviousProducerId(1).setNextProducerEpoch((short) 3).setClientTransactionVersion((short) 2);
            tagged.unknownTaggedFields().add(new RawTaggedField(5, utf8("five")));
            tagged.transactionPartitions().get(0).unknownTaggedFields().add(new RawTaggedField(300, utf8("x".repeat(200))));
            records.add(transaction("with tags that nobody keeps", "Київ", (short) 1, tagged));
            return records;
        }

        /** What Kafka's coordinator appends. */
        static Object byCoordinator(String name, long previousProducerId, long nextProducerId, TransactionState state, long start, TransactionVersion clientVersion, TopicPartition... partitions) {
            TxnTransitMetadata metadata = new TxnTransitMetadata(4711, previousProducerId, nextProducerId, (short) 2, (short) 1, 60_000, state, new HashSet<>(List.of(partitions)), start, T + 5, clientVersion);
            return described(name, "billing", TransactionLog.keyToBytes("billing"), TransactionLog.valueToBytes(metadata, TransactionVersion.TV_2), true);
        }

        static Object transaction(String name, String transactionalId, short version, TransactionLogValue value) {
            boolean kept = version == 1 && value.nextProducerEpoch() == -1 && value.unknownTaggedFields().isEmpty();
            return described(name, transactionalId, MessageUtil.toCoordinatorTypePrefixedBytes(new TransactionLogKey().setTransactionalId(transactionalId)), MessageUtil.toVersionPrefixedBytes(version, value), kept);
        }

        /** `written`: of the version that we write, with nothing in it that we don't keep. */
        static Object described(String name, String transactionalId, byte[] key, byte[] value, boolean written) {
            TransactionLogValue read = new TransactionLogValue(new ByteBufferAccessor(ByteBuffer.wrap(value, 2, value.length - 2)), ByteBuffer.wrap(value).getShort());
            List<Object> topics = new ArrayList<>();
            if (read.transactionPartitions() != null) for (PartitionsSchema topic : read.transactionPartitions()) topics.add(map("topic", topic.topic(), "partitions", topic.partitionIds()));
            Map<String, Object> fields = map("producerId", read.producerId(), "producerEpoch", read.producerEpoch(), "timeoutMs", read.transactionTimeoutMs(), "status", TransactionState.fromId(read.transactionStatus()).stateName(),
                "partitions", topics, "lastUpdateTimestamp", read.transactionLastUpdateTimestampMs(), "startTimestamp", read.transactionStartTimestampMs());
            if (read.previousProducerId() != -1) fields.put("previousProducerId", read.previousProducerId());
            if (read.nextProducerId() != -1) fields.put("nextProducerId", read.nextProducerId());
            if (read.clientTransactionVersion() != 0) fields.put("clientTransactionVersion", read.clientTransactionVersion());
            return map("name", name, "key", base64(key), "transactionalId", transactionalId, "value", base64(value), "fields", fields, "written", written);
        }

        static TransactionLogValue value(TransactionState state) {
            return new TransactionLogValue().setProducerId(4711).setProducerEpoch((short) 2).setTransactionTimeoutMs(60_000).setTransactionStatus(state.id()).setTransactionPartitions(null)
                .setTransactionLastUpdateTimestampMs(T + 5).setTransactionStartTimestampMs(T);
        }

        static PartitionsSchema topic(String name, Integer... partitions) {
            return new PartitionsSchema().setTopic(name).setPartitionIds(List.of(partitions));
        }
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    static String base64(ByteBuffer buffer) {
        if (buffer == null) return null;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return base64(bytes);
    }

    static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
        return map;
    }
}
