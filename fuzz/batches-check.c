// batches_check() never reads beyond its bytes, and stops where a walk does that checks one thing after the other.
//
// A checksum is not found by chance, so the input says in its first byte how many batches, from the first on, are given
// theirs (bits 0-2), whether a length that reaches too far is cut to what is there (bit 3), and whether the magic is
// left as it is (bit 4).
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../native/batch.h"
#include "../native/crc32c.h"
#include "definition.h"

static bool is_whole_batch(const uint8_t *bytes, uint64_t left, uint64_t *size)
{
  if (left < 61) return false;
  *size = big_endian(bytes + 8, 4) + 12;
  if (*size < 61) return false;
  if (*size > left) return false;
  if (bytes[16] != 2) return false;
  return big_endian(bytes + 17, 4) == crc32c_as_defined(bytes + 21, (size_t)*size - 21);
}

static size_t walk(const uint8_t *bytes, size_t length)
{
  uint64_t at = 0, size;
  while (is_whole_batch(bytes + at, length - at, &size)) at += size;
  return (size_t)at;
}

static void repair(uint8_t *bytes, size_t length, unsigned batches, bool cut, bool any_magic)
{
  for (size_t at = 0; batches > 0 && length - at >= 61; batches--) {
    uint64_t size = big_endian(bytes + at + 8, 4) + 12;
    if (cut && (size > length - at || size < 61)) size = length - at < 61 + size % 256 ? length - at : 61 + size % 256;
    if (size < 61 || size > length - at) return;
    set_big_endian(bytes + at + 8, 4, size - 12);
    if (!any_magic) bytes[at + 16] = 2;
    set_big_endian(bytes + at + 17, 4, crc32c_as_defined(bytes + at + 21, (size_t)size - 21));
    at += (size_t)size;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
  crc32c_prepare();
  if (length == 0) return 0;
  uint8_t *bytes = malloc(length - 1); // its own memory, so that one byte beyond is seen
  memcpy(bytes, input + 1, length - 1);
  repair(bytes, length - 1, input[0] & 7, (input[0] & 8) != 0, (input[0] & 16) != 0);
  if (batches_check(bytes, length - 1) != walk(bytes, length - 1)) abort();
  free(bytes);
  return 0;
}
