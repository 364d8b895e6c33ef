// A store into a mapped page that the disk has no room for, or that somebody cut off the file, is a SIGBUS, which ends
// the process. These copies end with EFAULT instead. They are plain memcpy under a landing place for the signal: no
// lock, no allocation and no frame of another language is ever jumped over.
//
// The handler is process-wide, installed once and never taken away; what it was not meant for goes to the handler that
// was there before. Each thread has its own landing place.
#ifndef MILLRACE_GUARD_H
#define MILLRACE_GUARD_H

#include <stddef.h>

enum guard_state {
  GUARD_ABSENT,   // nobody handles SIGBUS
  GUARD_OURS,     // this copy of the library does, before all others
  GUARD_FOREIGN,  // somebody else does, and ours is not there, or behind it
};

enum guard_state guard_state(void);

// Puts our handler before whatever is there. 0, or an errno. A second call does so only where nobody is left: where
// somebody came after us and hands on to us, going before it again would have the two hand on to each other for ever.
int guard_install(void);

// Memory that belongs to one mapping.
struct mapped_range {
  char *start;
  size_t bytes;
};

// Copies out of the mapping. 0, or EFAULT: then any part of `to` may have been written.
int guarded_read(struct mapped_range mapped, void *to, const char *from, size_t bytes);

// Copies into the mapping, the first `head` bytes last: whoever sees them sees all. 0, or EFAULT: then any part of
// what comes after the head may have been written.
int guarded_append(struct mapped_range mapped, char *to, const void *from, size_t bytes, size_t head);

#endif
