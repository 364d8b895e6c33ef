// As its specification says it (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): four lanes take 32 bytes
// a round and are joined; what is left is taken by 8, 4 and 1 bytes; at the end each bit is made to depend on all.
#include "xxh64.h"

#define PRIME_1 UINT64_C(0x9e3779b185ebca87)
#define PRIME_2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define PRIME_3 UINT64_C(0x165667b19e3779f9)
#define PRIME_4 UINT64_C(0x85ebca77c2b2ae63)
#define PRIME_5 UINT64_C(0x27d4eb2f165667c5)
#define LANES 4
#define STRIPE_BYTES (8 * LANES)

static uint64_t load32(const uint8_t *at)
{
  return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
}

uint64_t xxh64_load(const uint8_t *at)
{
  return load32(at) | load32(at + 4) << 32;
}

static uint64_t rotate(uint64_t word, int by)
{
  return word << by | word >> (64 - by);
}

static uint64_t mix(uint64_t lane, uint64_t word)
{
  return rotate(lane + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t take_stripes(const uint8_t *bytes, size_t stripes, uint64_t seed)
{
  uint64_t lanes[LANES] = {seed + PRIME_1 + PRIME_2, seed + PRIME_2, seed, seed - PRIME_1};
  for (; stripes > 0; stripes--, bytes += STRIPE_BYTES) {
    for (int i = 0; i < LANES; i++) lanes[i] = mix(lanes[i], xxh64_load(bytes + 8 * i));
  }
  uint64_t hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
  for (int i = 0; i < LANES; i++) hash = (hash ^ mix(0, lanes[i])) * PRIME_1 + PRIME_4;
  return hash;
}

uint64_t xxh64(const uint8_t *bytes, size_t length, uint64_t seed)
{
  const uint8_t *at = bytes;
  size_t left = length % STRIPE_BYTES;
  uint64_t hash = length >= STRIPE_BYTES ? take_stripes(bytes, length / STRIPE_BYTES, seed) : seed + PRIME_5;
  at += length - left;
  hash += length;
  for (; left >= 8; at += 8, left -= 8) hash = rotate(hash ^ mix(0, xxh64_load(at)), 27) * PRIME_1 + PRIME_4;
  if (left >= 4) {
    hash = rotate(hash ^ load32(at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
    at += 4;
    left -= 4;
  }
  for (; left > 0; at++, left--) hash = rotate(hash ^ *at * PRIME_5, 11) * PRIME_1;
  hash = (hash ^ hash >> 33) * PRIME_2;
  hash = (hash ^ hash >> 29) * PRIME_3;
  return hash ^ hash >> 32;
}
