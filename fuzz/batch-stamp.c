// batch_stamp() writes base offset, epoch and checksum, and no other byte of the batch or behind it. Input: offset (8),
// epoch (4), batch.
#include <stdlib.h>
#include <string.h>

#include "../native/batch.h"
#include "../native/crc32c.h"
#include "definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
  crc32c_prepare();
  if (length < 12 + BATCH_HEADER_BYTES) return 0;
  size_t bytes = length - 12;
  uint64_t base_offset = big_endian(input, 8);
  uint32_t epoch = (uint32_t)big_endian(input + 8, 4);
  uint8_t *expected = malloc(bytes);
  memcpy(expected, input + 12, bytes);
  set_big_endian(expected + 8, 4, bytes - 12);
  expected[16] = 2;
  uint8_t *batch = malloc(bytes);
  memcpy(batch, expected, bytes);

  set_big_endian(expected, 8, base_offset);
  set_big_endian(expected + 12, 4, epoch);
  set_big_endian(expected + 17, 4, crc32c_as_defined(expected + 21, bytes - 21));
  batch_stamp(batch, bytes, base_offset, epoch);
  if (memcmp(batch, expected, bytes) != 0 || batches_check(batch, bytes) != bytes) abort();
  free(batch);
  free(expected);
  return 0;
}
