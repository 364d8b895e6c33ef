// What the page cache has of a file.
#ifndef MILLRACE_CACHED_H
#define MILLRACE_CACHED_H

#include "arguments.h"

// (fd, target, position) → how many bytes of it were in memory, from its beginning on; 0 after any failure. Never waits
// for a device: where the system can't promise that, nothing is in memory.
napi_value cached_read(napi_env env, napi_callback_info info);

#endif
