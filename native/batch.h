// What the native part knows of Kafka's record batch, version 2 (src/format/record-batch.ts has the whole layout):
//
//   0 base offset   8 length of what follows   12 leader epoch   16 magic   17 CRC-32C   21 … what the checksum covers
//
// Plain bytes in, numbers out: no Node, no files, so that a fuzzer can call it.
#ifndef MILLRACE_BATCH_H
#define MILLRACE_BATCH_H

#include <stddef.h>
#include <stdint.h>

enum {
  BATCH_LENGTH_AT = 8,
  BATCH_OVERHEAD_BYTES = 12,
  BATCH_LEADER_EPOCH_AT = 12,
  BATCH_MAGIC_AT = 16,
  BATCH_CRC_AT = 17,
  BATCH_CHECKED_FROM = 21,
  BATCH_HEADER_BYTES = 61,
  BATCH_MAGIC = 2,
};

// Gives a batch what is known only when it enters the log: offset, epoch, checksum. bytes ≥ BATCH_HEADER_BYTES.
void batch_stamp(uint8_t *batch, size_t bytes, uint64_t base_offset, uint32_t leader_epoch);

// How many of the bytes are whole batches of version 2 whose checksums hold, from the first on.
size_t batches_check(const uint8_t *bytes, size_t length);

#endif
