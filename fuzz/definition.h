// What the targets compare with: the checksum a byte at a time, and numbers as they stand in a batch.
#ifndef MILLRACE_FUZZ_DEFINITION_H
#define MILLRACE_FUZZ_DEFINITION_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t crc32c_as_defined(const uint8_t *bytes, size_t length)
{
  static uint32_t table[256];
  for (uint32_t byte = 0; table[255] == 0; byte++) {
    table[byte] = byte;
    for (int bit = 0; bit < 8; bit++) table[byte] = table[byte] & 1 ? table[byte] >> 1 ^ 0x82f63b78u : table[byte] >> 1;
  }
  uint32_t crc = ~0u;
  for (size_t i = 0; i < length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
  return ~crc;
}

static inline uint64_t big_endian(const uint8_t *bytes, int count)
{
  uint64_t number = 0;
  for (int i = 0; i < count; i++) number = number << 8 | bytes[i];
  return number;
}

static inline void set_big_endian(uint8_t *bytes, int count, uint64_t number)
{
  for (int i = count - 1; i >= 0; i--, number >>= 8) bytes[i] = (uint8_t)number;
}

#endif
