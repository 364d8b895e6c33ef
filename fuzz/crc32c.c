// The checksum by instruction and by table is what the definition gives, at every length and alignment.
#include <stdlib.h>

#include "../native/crc32c.h"
#include "definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
  crc32c_prepare();
  size_t skipped = length > 0 ? input[0] % 16 : 0; // another alignment
  if (skipped > length) skipped = length;
  const uint8_t *bytes = input + skipped;
  uint32_t expected = crc32c_as_defined(bytes, length - skipped);
  if (crc32c(bytes, length - skipped) != expected || crc32c_by_table(bytes, length - skipped) != expected) abort();
  return 0;
}
