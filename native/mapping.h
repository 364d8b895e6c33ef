// Room in a file, and its mapping into memory. A mapping keeps its pages whatever happens to the descriptor and the
// name of the file. Offsets are multiples of the page size. No Node here.
#ifndef MILLRACE_MAPPING_H
#define MILLRACE_MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guard.h"

struct mapping {
  struct mapped_range memory;
  uint64_t offset; // of its first byte in the file
};

// Makes the file so long, with room on the disk for every byte of the range. 0, or an errno; then some of the room
// may be taken, and the file longer: the caller truncates it. Where the file system can't allocate, zeros are
// written; nothing else may stand in the range beyond the file's end.
int mapping_allocate(int fd, uint64_t offset, uint64_t bytes);

// 0, or an errno.
int mapping_open(struct mapping *mapping, int fd, uint64_t offset, size_t bytes);

// Has the pages made ready for writing, so that the first store into each need not wait for it. A little at a time:
// ends early when *stop is set. What can't be populated (an old kernel, no room) stays as it is: stores are guarded.
void mapping_populate(const struct mapping *mapping, const atomic_bool *stop);

void mapping_close(struct mapping *mapping);

#endif
