// xxHash of 64 bits (XXH64), which tells keys apart. Its twin is src/native/xxh64.ts.
#ifndef MILLRACE_XXH64_H
#define MILLRACE_XXH64_H

#include <stddef.h>
#include <stdint.h>

// Eight bytes, little-endian on any processor.
uint64_t xxh64_load(const uint8_t *at);

uint64_t xxh64(const uint8_t *bytes, size_t length, uint64_t seed);

#endif
