#include "records.h"

#include "xxh64.h"

#define MIN_HEADER_BYTES 2
#define LARGEST_SAFE_INTEGER INT64_C(9007199254740991)

// start ≤ at ≤ end. Whatever can't be read is 0, and `sound` is false from then on.
struct reader {
  const uint8_t *bytes;
  size_t at;
  size_t end;
  bool sound;
};

static uint8_t take_byte(struct reader *reader)
{
  if (reader->at < reader->end) return reader->bytes[reader->at++];
  reader->sound = false;
  return 0;
}

static int32_t take_varint(struct reader *reader)
{
  uint32_t zigzag = 0;
  for (int shift = 0; shift <= 28; shift += 7) {
    uint32_t byte = take_byte(reader);
    if (shift == 28 && byte > 0x0f) break;
    zigzag |= (byte & 0x7f) << shift;
    if (byte < 0x80) return (int32_t)(zigzag >> 1) ^ -(int32_t)(zigzag & 1);
  }
  reader->sound = false;
  return 0;
}

// What JavaScript's numbers hold of it: ±(2^53 - 1).
static int64_t take_varlong(struct reader *reader)
{
  uint64_t zigzag = 0;
  for (int shift = 0; shift <= 63; shift += 7) {
    uint64_t byte = take_byte(reader);
    if (shift == 63 && byte > 1) break;
    zigzag |= (byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    int64_t value = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    if (value < -LARGEST_SAFE_INTEGER || value > LARGEST_SAFE_INTEGER) break;
    return value;
  }
  reader->sound = false;
  return 0;
}

// The length of what comes next, -1 for null; the bytes are there.
static int32_t take_length(struct reader *reader)
{
  int32_t bytes = take_varint(reader);
  if (bytes >= -1 && bytes <= (int64_t)(reader->end - reader->at)) return bytes;
  reader->sound = false;
  return -1;
}

static void skip(struct reader *reader, int32_t bytes)
{
  if (bytes > 0) reader->at += (size_t)bytes;
}

static void store64(int32_t *words, uint64_t value)
{
  words[0] = (int32_t)(uint32_t)value;
  words[1] = (int32_t)(uint32_t)(value >> 32);
}

static bool take_record(struct reader *reader, size_t length, const uint64_t seeds[2], int32_t *row)
{
  reader->end = length;
  int32_t bytes = take_varint(reader);
  if (bytes < 1 || (size_t)bytes > length - reader->at) return false;
  reader->end = reader->at + (size_t)bytes;
  reader->at++; // attributes, unused
  store64(row + ROW_TIMESTAMP_LOW, (uint64_t)take_varlong(reader));
  row[ROW_TAIL] = (int32_t)reader->at;
  row[ROW_OFFSET_DELTA] = take_varint(reader);
  int32_t key_bytes = row[ROW_KEY_BYTES] = take_length(reader);
  const uint8_t *key = reader->bytes + reader->at;
  row[ROW_KEY] = (int32_t)reader->at;
  skip(reader, key_bytes);
  row[ROW_VALUE_BYTES] = take_length(reader);
  skip(reader, row[ROW_VALUE_BYTES]);
  int32_t headers = take_varint(reader);
  size_t left = reader->end - reader->at;
  if (!reader->sound || headers < 0 || (uint64_t)headers * MIN_HEADER_BYTES > left || (headers == 0 && left != 0)) return false;
  for (int i = 0; i < 2; i++) store64(row + ROW_HASHES + 2 * i, key_bytes < 0 ? 0 : xxh64(key, (size_t)key_bytes, seeds[i]));
  row[ROW_END] = (int32_t)reader->end;
  reader->at = reader->end;
  return true;
}

bool records_walk(const uint8_t *body, size_t length, size_t count, const uint8_t seeds[RECORD_SEED_BYTES], int32_t *rows)
{
  const uint64_t seed_words[2] = {xxh64_load(seeds), xxh64_load(seeds + 8)};
  if (length > INT32_MAX) return false;
  struct reader reader = {.bytes = body, .at = 0, .end = length, .sound = true};
  int32_t last = -1;
  for (size_t i = 0; i < count; i++) {
    int32_t *row = rows + i * ROW_WORDS;
    if (!take_record(&reader, length, seed_words, row) || row[ROW_OFFSET_DELTA] <= last) return false;
    last = row[ROW_OFFSET_DELTA];
  }
  return reader.at == length;
}
