// What the machine can do: the same records as the log's, by a C loop that does nothing else. raw-loop.mjs compiles it
// when a benchmark starts and runs it in each round; a call prints how many records, and how many nanoseconds they took.
//
//   append <records> <file> <count> <records a batch> <passes>
//                              record batches with CRC-32C, copied into a mapping whose pages are there
//   scan <passes> <segment>…   every batch's checksum, every record's offset, key and value
//   get <count> <segment>…     key and value of random records whose places are known, copied
//   sync <records> <file> <count> <records a batch>
//                              each batch written and followed by an fdatasync
//
// <records> is a file of keys and values, one after the other, of KEY_BYTES and VALUE_BYTES each; it is gone through
// again and again. A batch has the bytes that the log would store. Anything unexpected ends the program with status 1.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

enum { KEY_BYTES = 8, VALUE_BYTES = 100, PAIR_BYTES = KEY_BYTES + VALUE_BYTES, HEADER_BYTES = 61, CRC_FROM = 21, MAX_RECORD_BYTES = PAIR_BYTES + 16 };

typedef struct { uint8_t *bytes; size_t length; } Mapping;

static volatile uint64_t seen; // keeps the compiler from leaving a loop out

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static Mapping map(const char *path, size_t length) {
  int writable = length > 0;
  int fd = open(path, writable ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0600);
  struct stat stat;
  if (fd < 0) fail(path);
  if (writable && posix_fallocate(fd, 0, (off_t)length) != 0) fail("posix_fallocate");
  if (fstat(fd, &stat) != 0) fail(path);
  void *bytes = mmap(NULL, (size_t)stat.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (bytes == MAP_FAILED) fail(path);
  close(fd);
  return (Mapping){ bytes, (size_t)stat.st_size };
}

// ---------------------------------------------------------------- bytes

static uint32_t crc32c(const uint8_t *at, size_t length) {
#ifdef __SSE4_2__
  uint64_t crc = 0xffffffff;
  for (; length >= 8; at += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; length > 0; at++, length--) crc = _mm_crc32_u8((uint32_t)crc, *at);
  return ~(uint32_t)crc;
#else
#error "no instruction for CRC-32C: a loop without it is no yardstick"
#endif
}

static void put(uint8_t *at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint64_t take(const uint8_t *at, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; i++) value = value << 8 | at[i];
  return value;
}

static uint8_t *put_varint(uint8_t *at, int32_t value) {
  uint32_t rest = (uint32_t)value << 1 ^ (uint32_t)(value >> 31);
  for (; rest >= 0x80; rest >>= 7) *at++ = (uint8_t)(rest | 0x80);
  *at++ = (uint8_t)rest;
  return at;
}

static const uint8_t *take_varint(const uint8_t *at, int32_t *value) {
  uint32_t rest = 0;
  for (int shift = 0;; shift += 7) {
    rest |= (uint32_t)(*at & 0x7f) << shift;
    if (*at++ < 0x80) break;
  }
  *value = (int32_t)(rest >> 1) ^ -(int32_t)(rest & 1);
  return at;
}

// ---------------------------------------------------------------- batches

static size_t encode_batch(uint8_t *batch, Mapping records, uint64_t first, uint64_t count) {
  uint8_t *at = batch + HEADER_BYTES;
  for (uint64_t i = 0; i < count; i++) {
    const uint8_t *pair = records.bytes + (first + i) * PAIR_BYTES % records.length;
    uint8_t delta[5];
    size_t delta_bytes = (size_t)(put_varint(delta, (int32_t)i) - delta);
    at = put_varint(at, (int32_t)(2 + delta_bytes + 1 + KEY_BYTES + 2 + VALUE_BYTES + 1));
    *at++ = 0; // attributes
    *at++ = 0; // timestamp delta
    memcpy(at, delta, delta_bytes);
    at = put_varint(at + delta_bytes, KEY_BYTES);
    memcpy(at, pair, KEY_BYTES);
    at = put_varint(at + KEY_BYTES, VALUE_BYTES);
    memcpy(at, pair + KEY_BYTES, VALUE_BYTES);
    at += VALUE_BYTES;
    *at++ = 0; // headers
  }
  size_t length = (size_t)(at - batch);
  put(batch, first, 8);
  put(batch + 8, length - 12, 4);
  put(batch + 12, 0, 4);
  batch[16] = 2;
  put(batch + 21, 0, 2);
  put(batch + 23, count - 1, 4);
  put(batch + 27, 1700000000000, 8);
  put(batch + 35, 1700000000000, 8);
  memset(batch + 43, 0xff, 14);
  put(batch + 57, count, 4);
  put(batch + 17, crc32c(batch + CRC_FROM, length - CRC_FROM), 4);
  return length;
}

static const uint8_t *visit_record(const uint8_t *at, const uint8_t **key, const uint8_t **value, int32_t *delta) {
  int32_t length, unused, bytes;
  at = take_varint(at, &length);
  const uint8_t *end = at + length;
  at = take_varint(at + 1, &unused);
  at = take_varint(at, delta);
  *key = take_varint(at, &bytes);
  *value = take_varint(*key + bytes, &bytes);
  return end;
}

/** The batch's length; 0 where the segment's batches end. */
static size_t check_batch(Mapping segment, size_t at) {
  if (segment.length - at < HEADER_BYTES) return 0;
  size_t length = (size_t)take(segment.bytes + at + 8, 4) + 12;
  if (length == 12) return 0;
  if (length > segment.length - at || take(segment.bytes + at + 17, 4) != crc32c(segment.bytes + at + CRC_FROM, length - CRC_FROM)) {
    fprintf(stderr, "a bad batch at position %zu\n", at);
    exit(1);
  }
  return length;
}

// ---------------------------------------------------------------- what is measured

static uint64_t append(char **arguments) {
  Mapping records = map(arguments[0], 0);
  uint64_t count = strtoull(arguments[2], NULL, 10), a_batch = strtoull(arguments[3], NULL, 10), passes = strtoull(arguments[4], NULL, 10);
  uint8_t *batch = malloc(HEADER_BYTES + a_batch * MAX_RECORD_BYTES);
  Mapping log = map(arguments[1], (count / a_batch + 1) * HEADER_BYTES + count * MAX_RECORD_BYTES);
  uint64_t start = now();
  for (uint64_t pass = 0; pass < passes; pass++) {
    size_t end = 0;
    for (uint64_t first = 0; first < count; first += a_batch) {
      size_t length = encode_batch(batch, records, first, count - first < a_batch ? count - first : a_batch);
      memcpy(log.bytes + end, batch, length);
      end += length;
    }
  }
  printf("%llu ", (unsigned long long)(count * passes));
  return now() - start;
}

static uint64_t scan(char **arguments, int segment_count) {
  uint64_t passes = strtoull(arguments[0], NULL, 10), count = 0, sum = 0;
  Mapping *segments = calloc((size_t)segment_count, sizeof(Mapping));
  for (int i = 0; i < segment_count; i++) segments[i] = map(arguments[1 + i], 0);
  uint64_t start = now();
  for (uint64_t pass = 0; pass < passes; pass++) {
    for (int i = 0; i < segment_count; i++) {
      for (size_t at = 0, length; (length = check_batch(segments[i], at)) > 0; at += length) {
        const uint8_t *record = segments[i].bytes + at + HEADER_BYTES, *key, *value;
        uint64_t base = take(segments[i].bytes + at, 8), records = take(segments[i].bytes + at + 57, 4);
        for (uint64_t n = 0; n < records; n++) {
          int32_t delta;
          record = visit_record(record, &key, &value, &delta);
          sum += base + (uint64_t)delta + *key + *value;
        }
        count += records;
      }
    }
  }
  uint64_t end = now();
  seen = sum;
  printf("%llu ", (unsigned long long)count);
  return end - start;
}

static uint64_t get(char **arguments, int segment_count) {
  uint64_t count = strtoull(arguments[0], NULL, 10), known = 0, capacity = 1024, sum = 0, random = 1;
  const uint8_t **places = malloc(capacity * sizeof *places), *key, *value;
  int32_t delta;
  for (int i = 0; i < segment_count; i++) {
    Mapping segment = map(arguments[1 + i], 0);
    for (size_t at = 0, length; (length = check_batch(segment, at)) > 0; at += length) {
      const uint8_t *record = segment.bytes + at + HEADER_BYTES;
      for (uint64_t n = take(segment.bytes + at + 57, 4); n > 0; n--) {
        if (known == capacity) places = realloc(places, (capacity *= 2) * sizeof *places);
        places[known++] = record;
        record = visit_record(record, &key, &value, &delta);
      }
    }
  }
  if (known == 0) exit(1);
  uint64_t start = now();
  for (uint64_t n = 0; n < count; n++) {
    uint8_t copy[PAIR_BYTES];
    random = random * 6364136223846793005u + 1442695040888963407u;
    visit_record(places[(random >> 33) % known], &key, &value, &delta);
    memcpy(copy, key, KEY_BYTES);
    memcpy(copy + KEY_BYTES, value, VALUE_BYTES);
    sum += copy[n % PAIR_BYTES];
  }
  uint64_t end = now();
  seen = sum;
  printf("%llu ", (unsigned long long)count);
  return end - start;
}

static uint64_t sync_each(char **arguments) {
  Mapping records = map(arguments[0], 0);
  uint64_t count = strtoull(arguments[2], NULL, 10), a_batch = strtoull(arguments[3], NULL, 10);
  uint8_t *batch = malloc(HEADER_BYTES + a_batch * MAX_RECORD_BYTES);
  int fd = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) fail(arguments[1]);
  uint64_t start = now();
  for (uint64_t first = 0; first < count; first += a_batch) {
    size_t length = encode_batch(batch, records, first, count - first < a_batch ? count - first : a_batch);
    if (write(fd, batch, length) != (ssize_t)length) fail("write");
    if (fdatasync(fd) != 0) fail("fdatasync");
  }
  printf("%llu ", (unsigned long long)count);
  return now() - start;
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  uint64_t nanoseconds;
  if (strcmp(what, "append") == 0 && count == 7) nanoseconds = append(arguments + 2);
  else if (strcmp(what, "scan") == 0 && count > 3) nanoseconds = scan(arguments + 2, count - 3);
  else if (strcmp(what, "get") == 0 && count > 3) nanoseconds = get(arguments + 2, count - 3);
  else if (strcmp(what, "sync") == 0 && count == 6) nanoseconds = sync_each(arguments + 2);
  else return 1;
  printf("%llu\n", (unsigned long long)nanoseconds);
  return 0;
}
