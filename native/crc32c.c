// Three lanes side by side, because the instruction takes three cycles and one can begin every cycle: 24 GB/s where
// a single chain has 8. The lanes are joined by "shifting" a checksum over the bytes that follow it, which is linear:
// SHIFT[k][b] is what byte k of a checksum, with the value b, becomes when LANE zero bytes have followed.
#include "crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u
#define LANE 1024

static uint32_t TABLE[8][256];
static uint32_t SHIFT[4][256];
static bool has_instruction;

static void make_tables(void)
{
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
    TABLE[0][byte] = crc;
  }
  for (int k = 1; k < 8; k++) {
    for (int byte = 0; byte < 256; byte++) TABLE[k][byte] = TABLE[0][TABLE[k - 1][byte] & 255] ^ TABLE[k - 1][byte] >> 8;
  }
  for (int bit = 0; bit < 32; bit++) {
    uint32_t crc = 1u << bit;
    for (int i = 0; i < LANE; i++) crc = TABLE[0][crc & 255] ^ crc >> 8;
    for (int byte = 0; byte < 256; byte++) {
      if (byte & 1 << bit % 8) SHIFT[bit / 8][byte] ^= crc;
    }
  }
}

static uint64_t load64(const uint8_t *bytes)
{
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

static uint32_t table_step(uint32_t crc, uint8_t byte)
{
  return TABLE[0][(crc ^ byte) & 255] ^ crc >> 8;
}

uint32_t crc32c_by_table(const uint8_t *bytes, size_t length)
{
  uint32_t crc = ~0u;
  for (; length >= 8; bytes += 8, length -= 8) {
    crc = TABLE[7][(crc ^ bytes[0]) & 255] ^ TABLE[6][(crc >> 8 ^ bytes[1]) & 255] ^ TABLE[5][(crc >> 16 ^ bytes[2]) & 255]
      ^ TABLE[4][crc >> 24 ^ bytes[3]] ^ TABLE[3][bytes[4]] ^ TABLE[2][bytes[5]] ^ TABLE[1][bytes[6]] ^ TABLE[0][bytes[7]];
  }
  for (; length > 0; length--) crc = table_step(crc, *bytes++);
  return ~crc;
}

#if defined(__x86_64__)
#define HAS_LANES 1
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define STEP64(crc, word) ((uint32_t)__builtin_ia32_crc32di((crc), (word)))
#define STEP8(crc, byte) __builtin_ia32_crc32qi((crc), (byte))
static bool processor_has_it(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define HAS_LANES 1
#define WITH_INSTRUCTION __attribute__((target("+crc")))
#define STEP64(crc, word) __crc32cd((crc), (word))
#define STEP8(crc, byte) __crc32cb((crc), (byte))
static bool processor_has_it(void) { return (getauxval(AT_HWCAP) & 1 << 7) != 0; } // HWCAP_CRC32
#else
static bool processor_has_it(void) { return false; }
#endif

#ifdef HAS_LANES
static uint32_t shift(uint32_t crc)
{
  return SHIFT[0][crc & 255] ^ SHIFT[1][crc >> 8 & 255] ^ SHIFT[2][crc >> 16 & 255] ^ SHIFT[3][crc >> 24];
}

WITH_INSTRUCTION
static uint32_t crc32c_by_instruction(const uint8_t *bytes, size_t length)
{
  uint32_t crc = ~0u;
  for (; length >= 3 * LANE; bytes += 3 * LANE, length -= 3 * LANE) {
    uint32_t second = 0, third = 0;
    for (int i = 0; i < LANE; i += 8) {
      crc = STEP64(crc, load64(bytes + i));
      second = STEP64(second, load64(bytes + LANE + i));
      third = STEP64(third, load64(bytes + 2 * LANE + i));
    }
    crc = shift(shift(crc) ^ second) ^ third;
  }
  for (; length >= 8; bytes += 8, length -= 8) crc = STEP64(crc, load64(bytes));
  for (; length > 0; length--) crc = STEP8(crc, *bytes++);
  return ~crc;
}
#else
#define crc32c_by_instruction crc32c_by_table
#endif

static void prepare(void)
{
  make_tables();
  has_instruction = processor_has_it();
}

void crc32c_prepare(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, prepare);
}

uint32_t crc32c(const uint8_t *bytes, size_t length)
{
  return has_instruction ? crc32c_by_instruction(bytes, length) : crc32c_by_table(bytes, length);
}
