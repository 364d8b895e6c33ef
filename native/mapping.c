#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 // also where a pointer has 32
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14
#endif

#define POPULATE_STEP (256 * 1024)
#define ZEROS (64 * 1024)

static int write_zeros(int fd, uint64_t from, uint64_t end)
{
  static const char zeros[ZEROS];
  while (from < end) {
    uint64_t left = end - from;
    ssize_t written = pwrite(fd, zeros, left < ZEROS ? (size_t)left : ZEROS, (off_t)from);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    from += (uint64_t)written;
  }
  return 0;
}

// Only beyond the file's end: what stands in the file already has its room, or never gets it by writing zeros.
static int extend_by_zeros(int fd, uint64_t offset, uint64_t bytes)
{
  struct stat found;
  if (fstat(fd, &found) != 0) return errno;
  uint64_t end = (uint64_t)found.st_size;
  return write_zeros(fd, end > offset ? end : offset, offset + bytes);
}

int mapping_allocate(int fd, uint64_t offset, uint64_t bytes)
{
#if defined(__linux__)
  // Not posix_fallocate: where the file system can't, glibc writes into every block, also those that are in use.
  while (fallocate(fd, 0, (off_t)offset, (off_t)bytes) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return extend_by_zeros(fd, offset, bytes);
    return errno;
  }
  return 0;
#else
  return extend_by_zeros(fd, offset, bytes);
#endif
}

int mapping_open(struct mapping *mapping, int fd, uint64_t offset, size_t bytes)
{
  void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
  if (start == MAP_FAILED) return errno;
  *mapping = (struct mapping){.memory = {.start = start, .bytes = bytes}, .offset = offset};
  return 0;
}

void mapping_populate(const struct mapping *mapping, const atomic_bool *stop)
{
#ifndef MILLRACE_UNPOPULATED
  const struct mapped_range memory = mapping->memory;
  for (size_t at = 0; at < memory.bytes && !(stop != NULL && atomic_load(stop)); at += POPULATE_STEP) {
    size_t left = memory.bytes - at;
    if (madvise(memory.start + at, left < POPULATE_STEP ? left : POPULATE_STEP, MADV_POPULATE_WRITE) != 0) return;
  }
#else
  (void)mapping;
  (void)stop;
#endif
}

void mapping_close(struct mapping *mapping)
{
  if (mapping->memory.start == NULL) return;
  munmap(mapping->memory.start, mapping->memory.bytes);
  mapping->memory = (struct mapped_range){0};
}
