// records_walk() reads nothing beyond its bytes, writes nothing beyond its rows, and finds what a walk finds that takes one
// number after the other as a 64-bit varint. Input: seeds (16), how many records (1), body.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../native/records.h"
#include "../native/xxh64.h"
#include "definition.h"

struct place {
  const uint8_t *bytes;
  int64_t at, end;
};

// Any zigzag varint of up to so many bytes, and not beyond `largest` to either side.
static bool take(struct place *place, int most_bytes, int64_t largest, int64_t *value)
{
  __int128 zigzag = 0;
  for (int i = 0; i < most_bytes && place->at < place->end; i++) {
    uint8_t byte = place->bytes[place->at++];
    zigzag += (__int128)(byte & 127) << 7 * i;
    if (byte >= 128) continue;
    __int128 found = zigzag % 2 == 0 ? zigzag / 2 : -(zigzag / 2) - 1;
    *value = (int64_t)found;
    return most_bytes == 5 ? zigzag <= UINT32_MAX : -largest <= found && found <= largest;
  }
  return false;
}

static bool take_part(struct place *place, int64_t *start, int64_t *bytes)
{
  if (!take(place, 5, INT32_MAX, bytes) || *bytes < -1 || *bytes > place->end - place->at) return false;
  *start = place->at;
  place->at += *bytes < 0 ? 0 : *bytes;
  return true;
}

// Of a copy, so that one byte beyond is seen.
static uint64_t hash_of(const uint8_t *bytes, size_t length, const uint8_t *seed)
{
  uint8_t *copy = malloc(length);
  memcpy(copy, bytes, length);
  uint64_t number = 0;
  for (int i = 7; i >= 0; i--) number = number << 8 | seed[i];
  uint64_t hash = xxh64(copy, length, number);
  free(copy);
  return hash;
}

static int64_t words(const int32_t *row, int at)
{
  return (int64_t)((uint64_t)(uint32_t)row[at + 1] << 32 | (uint32_t)row[at]);
}

// Whether a sound record stands there; `row` must then be its row.
static bool take_record(struct place *all, const uint8_t *seeds, int64_t *last, const int32_t *row, bool is_sound)
{
  int64_t bytes, timestamp, tail, offset, key, key_bytes, value, value_bytes, headers;
  if (!take(all, 5, INT32_MAX, &bytes) || bytes < 1 || bytes > all->end - all->at) return false;
  struct place record = {all->bytes, all->at + 1, all->at + bytes};
  if (!take(&record, 10, (INT64_C(1) << 53) - 1, &timestamp)) return false;
  tail = record.at;
  if (!take(&record, 5, INT32_MAX, &offset) || offset <= *last) return false;
  if (!take_part(&record, &key, &key_bytes) || !take_part(&record, &value, &value_bytes)) return false;
  if (!take(&record, 5, INT32_MAX, &headers) || headers < 0 || 2 * headers > record.end - record.at) return false;
  if (headers == 0 && record.at != record.end) return false;
  all->at = record.end;
  *last = offset;
  if (!is_sound) return true;
  if (row[ROW_END] != record.end || words(row, ROW_TIMESTAMP_LOW) != timestamp || row[ROW_TAIL] != tail || row[ROW_OFFSET_DELTA] != offset) abort();
  if (row[ROW_KEY] != key || row[ROW_KEY_BYTES] != key_bytes || row[ROW_VALUE_BYTES] != value_bytes) abort();
  for (int i = 0; i < 2; i++) {
    uint64_t hash = key_bytes < 0 ? 0 : hash_of(all->bytes + key, (size_t)key_bytes, seeds + 8 * i);
    if ((uint64_t)words(row, ROW_HASHES + 2 * i) != hash) abort();
  }
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
  if (length < RECORD_SEED_BYTES + 1) return 0;
  size_t count = input[RECORD_SEED_BYTES] % 16;
  size_t bytes = length - RECORD_SEED_BYTES - 1;
  uint8_t *body = malloc(bytes); // their own memory, so that one byte beyond is seen
  int32_t *rows = malloc(count * ROW_WORDS * sizeof *rows);
  memcpy(body, input + RECORD_SEED_BYTES + 1, bytes);
  bool is_sound = records_walk(body, bytes, count, input, rows);

  struct place all = {body, 0, (int64_t)bytes};
  int64_t last = -1;
  bool expected = true;
  for (size_t i = 0; i < count && expected; i++) expected = take_record(&all, input, &last, rows + i * ROW_WORDS, is_sound);
  if ((expected && all.at == all.end) != is_sound) abort();
  free(rows);
  free(body);
  return 0;
}
