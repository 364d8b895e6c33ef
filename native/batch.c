#include "batch.h"

#include "crc32c.h"

static void store32(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

static uint32_t load32(const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void batch_stamp(uint8_t *batch, size_t bytes, uint64_t base_offset, uint32_t leader_epoch)
{
  store32(batch, (uint32_t)(base_offset >> 32));
  store32(batch + 4, (uint32_t)base_offset);
  store32(batch + BATCH_LEADER_EPOCH_AT, leader_epoch);
  store32(batch + BATCH_CRC_AT, crc32c(batch + BATCH_CHECKED_FROM, bytes - BATCH_CHECKED_FROM));
}

size_t batches_check(const uint8_t *bytes, size_t length)
{
  size_t at = 0;
  while (length - at >= BATCH_HEADER_BYTES) {
    const uint8_t *batch = bytes + at;
    uint64_t size = (uint64_t)load32(batch + BATCH_LENGTH_AT) + BATCH_OVERHEAD_BYTES;
    if (size < BATCH_HEADER_BYTES || size > length - at || batch[BATCH_MAGIC_AT] != BATCH_MAGIC) break;
    if (crc32c(batch + BATCH_CHECKED_FROM, (size_t)size - BATCH_CHECKED_FROM) != load32(batch + BATCH_CRC_AT)) break;
    at += (size_t)size;
  }
  return at;
}
