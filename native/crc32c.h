// CRC-32C (Castagnoli), the checksum of Kafka's record batches. Its twin is src/native/crc32c.ts.
#ifndef MILLRACE_CRC32C_H
#define MILLRACE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

// Chooses the processor's instruction or tables; once, before the first checksum.
void crc32c_prepare(void);

uint32_t crc32c(const uint8_t *bytes, size_t length);

// The tables, whatever the processor has: so that a test can compare both.
uint32_t crc32c_by_table(const uint8_t *bytes, size_t length);

#endif
