// The batches of partitions as Kafka's own reader finds them in the .log files, with all that the dump tool leaves out or
// prints as text: the bytes of keys, values and headers. As JSON on standard output:
//   java -cp 'jars/*' DumpBatches.java FOLDER...
// {"<folder>": [{"segment": …, "baseOffset": …, "lastOffset": …, …, "records": [{"offset": …, "timestamp": …, "key": …, "value": …, "headers": […]}]}]}

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.Utils;

public class DumpBatches {
  static final ObjectMapper json = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    ObjectNode all = json.createObjectNode();
    for (String folder : args) {
      File[] logs = new File(folder).listFiles((directory, name) -> name.endsWith(".log"));
      Arrays.sort(logs);
      ArrayNode batches = all.putArray(folder);
      for (File log : logs) {
        try (FileRecords records = FileRecords.open(log, false)) {
          for (RecordBatch batch : records.batches()) batches.add(toJson(log, batch));
        }
      }
    }
    System.out.println(json.writeValueAsString(all));
  }

  static ObjectNode toJson(File log, RecordBatch batch) {
    batch.ensureValid();
    ObjectNode node = json.createObjectNode();
    node.put("segment", Long.parseLong(log.getName().replace(".log", "")));
    node.put("baseOffset", batch.baseOffset());
    node.put("lastOffset", batch.lastOffset());
    node.put("deleteHorizonMs", batch.deleteHorizonMs().isPresent() ? batch.deleteHorizonMs().getAsLong() : null);
    node.put("maxTimestamp", batch.maxTimestamp());
    node.put("timestampType", batch.timestampType().toString());
    node.put("leaderEpoch", batch.partitionLeaderEpoch());
    node.put("codec", batch.compressionType().name);
    node.put("bytes", batch.sizeInBytes());
    ArrayNode records = node.putArray("records");
    for (Record record : batch) records.add(toJson(record));
    return node;
  }

  static ObjectNode toJson(Record record) {
    ObjectNode node = json.createObjectNode();
    node.put("offset", record.offset());
    node.put("timestamp", record.timestamp());
    node.put("key", bytes(record.key()));
    node.put("value", bytes(record.value()));
    ArrayNode headers = node.putArray("headers");
    for (Header header : record.headers()) headers.addArray().add(header.key()).add(header.value());
    return node;
  }

  static byte[] bytes(ByteBuffer buffer) {
    return buffer == null ? null : Utils.toArray(buffer);
  }
}
