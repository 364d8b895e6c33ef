// Prints what test/fixtures/kafka-protocol.json.gz holds: requests and answers of each API that we speak, in each version, as
// Kafka's own classes write them, with the values that those classes read back. With Kafka's jars in tools/kafka/jars-4.3.1/
// the fixture is made again from the project's folder by
//
//   java -cp 'tools/kafka/jars-4.3.1/*' tools/kafka/ProtocolVectors.java | gzip -9n > test/fixtures/kafka-protocol.json.gz
//
// The messages are made up from the definitions inside kafka-clients, so no field is forgotten. Frames are base64, without
// their length; so are bytes and records among the values. A value is there for each field of each version.

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiVersionsResponseData.ApiVersion;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.Readable;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.record.internal.MemoryRecords;

public class ProtocolVectors {
    static final List<ApiKeys> APIS = List.of(
        ApiKeys.PRODUCE, ApiKeys.FETCH, ApiKeys.LIST_OFFSETS, ApiKeys.METADATA, ApiKeys.OFFSET_COMMIT, ApiKeys.OFFSET_FETCH, ApiKeys.FIND_COORDINATOR,
        ApiKeys.JOIN_GROUP, ApiKeys.HEARTBEAT, ApiKeys.LEAVE_GROUP, ApiKeys.SYNC_GROUP, ApiKeys.DESCRIBE_GROUPS, ApiKeys.LIST_GROUPS, ApiKeys.API_VERSIONS,
        ApiKeys.CREATE_TOPICS, ApiKeys.DELETE_TOPICS, ApiKeys.DELETE_RECORDS, ApiKeys.INIT_PRODUCER_ID, ApiKeys.OFFSET_FOR_LEADER_EPOCH,
        ApiKeys.ADD_PARTITIONS_TO_TXN, ApiKeys.ADD_OFFSETS_TO_TXN, ApiKeys.END_TXN, ApiKeys.TXN_OFFSET_COMMIT, ApiKeys.DESCRIBE_CONFIGS, ApiKeys.ALTER_CONFIGS,
        ApiKeys.DESCRIBE_LOG_DIRS, ApiKeys.CREATE_PARTITIONS, ApiKeys.DELETE_GROUPS, ApiKeys.INCREMENTAL_ALTER_CONFIGS, ApiKeys.OFFSET_DELETE,
        ApiKeys.DESCRIBE_CLUSTER, ApiKeys.DESCRIBE_PRODUCERS, ApiKeys.DESCRIBE_TRANSACTIONS, ApiKeys.LIST_TRANSACTIONS, ApiKeys.CONSUMER_GROUP_HEARTBEAT,
        ApiKeys.CONSUMER_GROUP_DESCRIBE, ApiKeys.DESCRIBE_TOPIC_PARTITIONS);

    static final ObjectMapper JSON = new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);
    static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    public static void main(String[] args) throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("madeBy", "tools/kafka/ProtocolVectors.java, Kafka 4.3.1");
        List<Object> apis = new ArrayList<>();
        for (ApiKeys api : APIS) apis.add(vectorsOf(api));
        out.put("apis", apis);
        System.out.println(JSON.writeValueAsString(out));
    }

    static Object vectorsOf(ApiKeys api) throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        ApiVersion advertised = api.toApiVersionForApiResponse(false, org.apache.kafka.common.message.ApiMessageType.ListenerType.BROKER).orElseThrow();
        out.put("key", api.id);
        out.put("name", api.name);
        out.put("versions", List.of(api.oldestVersion(), api.latestVersion(false)));
        out.put("advertised", List.of(advertised.minVersion(), advertised.maxVersion()));
        List<Object> messages = new ArrayList<>();
        for (String kind : List.of("Request", "Response")) {
            Definition definition = new Definition(api.name + kind);
            for (short version = api.oldestVersion(); version <= api.latestVersion(false); version++) {
                for (Filling filling : Filling.values()) messages.add(vector(api, kind, definition, version, filling));
            }
        }
        out.put("messages", messages);
        return out;
    }

    static Object vector(ApiKeys api, String kind, Definition definition, short version, Filling filling) throws Exception {
        Message message = filling == Filling.INITIAL ? definition.initial() : definition.fromJson(definition.filled(version, filling), version);
        boolean flexible = api.requestHeaderVersion(version) >= 2;
        if (filling == Filling.UNKNOWN_TAGS && flexible) addUnknownTags(message);
        byte[] header = kind.equals("Request") ? requestHeader(api, version) : bytesOf(new ResponseHeaderData().setCorrelationId(4711), api.responseHeaderVersion(version));
        byte[] body = bytesOf(message, version);
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("kind", kind.toLowerCase());
        out.put("version", version);
        out.put("filling", filling.name().toLowerCase().replace('_', ' '));
        out.put("frame", base64(ByteBuffer.allocate(header.length + body.length).put(header).put(body).flip()));
        Map<String, Object> values = valuesOf(definition.read(new ByteBufferAccessor(ByteBuffer.wrap(body)), version));
        values.keySet().removeAll(definition.namesFrom(api.latestVersion(false) + 1));
        out.put("values", values);
        return out;
    }

    static byte[] requestHeader(ApiKeys api, short version) {
        RequestHeaderData header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(version).setCorrelationId(4711).setClientId("vectors");
        return bytesOf(header, api.requestHeaderVersion(version));
    }

    static byte[] bytesOf(Message message, short version) {
        ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    static String base64(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    /** How a message is made up. */
    enum Filling {
        /** As a new object of Kafka's class is. */
        INITIAL,
        /** Everything set, to something else than its default. */
        FULL,
        /** Null where it may be, else empty or zero. */
        EMPTY,
        /** The least and the greatest numbers, long and foreign strings, many elements. */
        EXTREME,
        /** FULL, and in flexible versions tagged fields that nobody knows in every structure. */
        UNKNOWN_TAGS,
    }

    /** A message as kafka-clients defines it, and the classes made from that. */
    static class Definition {
        final JsonNode spec;
        final Map<String, JsonNode> common = new LinkedHashMap<>();
        final Class<?> data;
        final Class<?> converter;
        int count;

        Definition(String name) throws Exception {
            try (InputStream stream = ProtocolVectors.class.getResourceAsStream("/common/message/" + name + ".json")) {
                spec = JSON.readTree(stream);
            }
            for (JsonNode struct : spec.path("commonStructs")) common.put(struct.get("name").asText(), struct.get("fields"));
            data = Class.forName("org.apache.kafka.common.message." + name + "Data");
            converter = Class.forName("org.apache.kafka.common.message." + name + "DataJsonConverter");
        }

        /** Fields that come with that version or a later one: those of a version that is not final. */
        List<String> namesFrom(int version) {
            List<String> out = new ArrayList<>();
            for (JsonNode field : spec.get("fields")) {
                if (Integer.parseInt(field.get("versions").asText().split("[-+]")[0]) >= version) out.add(camelCase(field));
            }
            return out;
        }

        Message initial() throws Exception {
            return (Message) data.getConstructor().newInstance();
        }

        Message fromJson(JsonNode json, short version) throws Exception {
            return (Message) converter.getMethod("read", JsonNode.class, short.class).invoke(null, json, version);
        }

        Message read(Readable readable, short version) throws Exception {
            return (Message) data.getConstructor(Readable.class, short.class).newInstance(readable, version);
        }

        JsonNode filled(short version, Filling filling) {
            count = 0;
            return struct(spec.get("fields"), version, filling);
        }

        ObjectNode struct(JsonNode fields, short version, Filling filling) {
            ObjectNode out = NODES.objectNode();
            for (JsonNode field : fields) {
                if (!includes(field.get("versions").asText(), version)) continue;
                out.set(camelCase(field), value(field, version, filling));
            }
            return out;
        }

        JsonNode value(JsonNode field, short version, Filling filling) {
            if (filling == Filling.EMPTY && field.has("nullableVersions") && includes(field.get("nullableVersions").asText(), version)) return NODES.nullNode();
            String type = field.get("type").asText();
            if (!type.startsWith("[]")) return element(type, field, version, filling);
            ArrayNode out = NODES.arrayNode();
            int elements = filling == Filling.EMPTY ? 0 : filling == Filling.EXTREME && type.equals("[]int32") ? 130 : 2;
            for (int i = 0; i < elements; i++) out.add(element(type.substring(2), field, version, filling));
            return out;
        }

        JsonNode element(String type, JsonNode field, short version, Filling filling) {
            boolean empty = filling == Filling.EMPTY;
            boolean extreme = filling == Filling.EXTREME;
            int n = ++count;
            switch (type) {
                case "bool": return NODES.booleanNode(!empty && !field.path("default").asText().equals("true"));
                case "int8": return NODES.numberNode(number(filling, n, Byte.MIN_VALUE, Byte.MAX_VALUE));
                case "int16": return NODES.numberNode(number(filling, n, Short.MIN_VALUE, Short.MAX_VALUE));
                case "int32": return NODES.numberNode(number(filling, n, Integer.MIN_VALUE, Integer.MAX_VALUE));
                case "int64": return NODES.numberNode(number(filling, n, Long.MIN_VALUE, n % 3 == 0 ? Long.MAX_VALUE : (1L << 53) - 1));
                case "string": return NODES.textNode(empty ? "" : !extreme ? "text-" + n : n % 2 == 0 ? "dlouhý název-" + n + " 馬🐎" : "x".repeat(200) + n);
                case "uuid": return NODES.textNode((empty ? Uuid.ZERO_UUID : new Uuid(extreme ? -n : n, extreme ? Long.MIN_VALUE + n : n)).toString());
                case "bytes": case "records": return NODES.binaryNode(empty ? new byte[0] : ("bytes-" + n).repeat(extreme ? 40 : 1).getBytes(StandardCharsets.UTF_8));
                default: return struct(field.has("fields") ? field.get("fields") : common.get(type), version, filling);
            }
        }

        static long number(Filling filling, int n, long least, long greatest) {
            if (filling == Filling.EMPTY) return 0;
            return filling == Filling.EXTREME ? n % 2 == 0 ? least : greatest : n % 100 + 2;
        }
    }

    static String camelCase(JsonNode field) {
        String name = field.get("name").asText();
        return Character.toLowerCase(name.charAt(0)) + name.substring(1);
    }

    /** `versions`: "3", "3-5" or "3+". */
    static boolean includes(String versions, short version) {
        if (versions.equals("none")) return false;
        if (versions.endsWith("+")) return version >= Integer.parseInt(versions.substring(0, versions.length() - 1));
        String[] ends = versions.split("-");
        return version >= Integer.parseInt(ends[0]) && version <= Integer.parseInt(ends[ends.length - 1]);
    }

    static void addUnknownTags(Message message) throws Exception {
        message.unknownTaggedFields().add(new RawTaggedField(100, new byte[0]));
        message.unknownTaggedFields().add(new RawTaggedField(70_000, "of a later version".getBytes(StandardCharsets.UTF_8)));
        for (Field field : fieldsOf(message)) {
            Object value = field.get(message);
            boolean absent = value instanceof Message && value.equals(value.getClass().getConstructor().newInstance());
            if (value instanceof Message && !absent) addUnknownTags((Message) value);
            if (value instanceof Iterable) for (Object element : (Iterable<?>) value) if (element instanceof Message) addUnknownTags((Message) element);
        }
    }

    static Map<String, Object> valuesOf(Message message) throws Exception {
        Map<String, Object> out = new LinkedHashMap<>();
        for (Field field : fieldsOf(message)) out.put(field.getName(), plain(field.get(message)));
        return out;
    }

    static Object plain(Object value) throws Exception {
        if (value instanceof Message) return valuesOf((Message) value);
        if (value instanceof byte[]) return base64(ByteBuffer.wrap((byte[]) value));
        if (value instanceof ByteBuffer) return base64((ByteBuffer) value);
        if (value instanceof MemoryRecords) return base64(((MemoryRecords) value).buffer());
        if (value instanceof Uuid) return value.toString();
        if (!(value instanceof Iterable)) return value;
        List<Object> out = new ArrayList<>();
        for (Object element : (Iterable<?>) value) out.add(plain(element));
        return out;
    }

    /** Those of the protocol: the classes have some of their own, for lists and tags. */
    static List<Field> fieldsOf(Message message) {
        List<Field> out = new ArrayList<>();
        for (Field field : message.getClass().getDeclaredFields()) {
            boolean own = field.getName().startsWith("_") || field.getName().equals("prev") || field.getName().equals("next");
            if (own || Modifier.isStatic(field.getModifiers())) continue;
            field.setAccessible(true);
            out.add(field);
        }
        return out;
    }
}
