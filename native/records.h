// Walks the records of a batch's uncompressed body (src/format/record-cursor.ts says what they are), and gives each a row
// of words: where it ends, what its fields are, and two hashes of its key. Its twin is src/native/walk-records.ts.
//
// Plain bytes in, numbers out: no Node, no files, so that a fuzzer can call it.
#ifndef MILLRACE_RECORDS_H
#define MILLRACE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  ROW_END,            // in the body, as all places are; the next record begins there
  ROW_TIMESTAMP_LOW,  // of the timestamp delta, an int64
  ROW_TIMESTAMP_HIGH,
  ROW_TAIL,           // what follows the timestamp delta
  ROW_OFFSET_DELTA,
  ROW_KEY,
  ROW_KEY_BYTES,      // -1: null
  ROW_VALUE_BYTES,    // -1: null
  ROW_HASHES,         // of the key, two of 64 bits, low words first; 0 where it is null
  ROW_WORDS = ROW_HASHES + 4,
};

#define RECORD_SEED_BYTES 16 // two of 64 bits, little-endian

// false: the body is not what so many records are. Then the rows hold nothing of use. `rows` has ROW_WORDS for each record.
bool records_walk(const uint8_t *body, size_t length, size_t count, const uint8_t seeds[RECORD_SEED_BYTES], int32_t *rows);

#endif
