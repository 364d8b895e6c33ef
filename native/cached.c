#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 // also where a pointer has 32
#include "cached.h"

#include <errno.h>
#include <sys/types.h>
#include <sys/uio.h>

#if defined(__linux__) && defined(RWF_NOWAIT)
static size_t read_cached(int fd, struct bytes target, uint64_t position)
{
  size_t filled = 0;
  while (filled < target.length) {
    struct iovec rest = {.iov_base = target.start + filled, .iov_len = target.length - filled};
    ssize_t count = preadv2(fd, &rest, 1, (off_t)(position + filled), RWF_NOWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    filled += (size_t)count;
  }
  return filled;
}
#else
static size_t read_cached(int fd, struct bytes target, uint64_t position)
{
  (void)fd, (void)target, (void)position;
  return 0;
}
#endif

napi_value cached_read(napi_env env, napi_callback_info info)
{
  napi_value arguments[3];
  int fd;
  struct bytes target;
  uint64_t position;
  if (!take_arguments(env, info, 3, arguments) || !take_descriptor(env, arguments[0], &fd)) return NULL;
  if (!take_bytes(env, arguments[1], &target) || !take_number(env, arguments[2], LARGEST_SAFE_INTEGER, &position)) return NULL;
  return number_value(env, (double)read_cached(fd, target, position));
}
