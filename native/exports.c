// What JavaScript gets: src/native/native-part.ts describes each. Numbers it shares are in `constants`, and are compared when
// it is loaded.
#define _GNU_SOURCE
#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "arguments.h"
#include "batch.h"
#include "batches.h"
#include "cached.h"
#include "crc32c.h"
#include "guard.h"
#include "records.h"
#include "windows.h"

#define INTERFACE_VERSION 2

// (fd, exclusive) → 0, or a negative errno. Never waits.
static napi_value lock_file(napi_env env, napi_callback_info info)
{
  napi_value arguments[2];
  int fd;
  bool exclusive;
  if (!take_arguments(env, info, 2, arguments)) return NULL;
  if (!take_descriptor(env, arguments[0], &fd) || !take_boolean(env, arguments[1], &exclusive)) return NULL;
  int result;
  do result = flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return failure_value(env, result == 0 ? 0 : errno);
}

// () → 0 absent, 1 ours, 2 foreign
static napi_value guard_state_value(napi_env env, napi_callback_info info)
{
  (void)info;
  return number_value(env, guard_state());
}

// () → 0, or a negative errno
static napi_value guard_install_value(napi_env env, napi_callback_info info)
{
  (void)info;
  return failure_value(env, guard_install());
}

static const struct {
  const char *name;
  napi_callback call;
} functions[] = {
  {"crc32c", batches_checksum},
  {"crc32cByTable", batches_checksum_table},
  {"stamp", batches_stamp},
  {"walkRecords", batches_walk},
  {"readBatches", batches_read},
  {"readCached", cached_read},
  {"grow", windows_grow},
  {"prepare", windows_prepare},
  {"collect", windows_collect},
  {"close", windows_close},
  {"append", windows_append},
  {"read", windows_read},
  {"openWindows", windows_count},
  {"guardState", guard_state_value},
  {"installGuard", guard_install_value},
  {"flock", lock_file},
};

static const struct {
  const char *name;
  int value;
} constants[] = {
  {"interfaceVersion", INTERFACE_VERSION},
  {"overheadBytes", BATCH_OVERHEAD_BYTES},
  {"headerBytes", BATCH_HEADER_BYTES},
  {"lengthAt", BATCH_LENGTH_AT},
  {"leaderEpochAt", BATCH_LEADER_EPOCH_AT},
  {"magicAt", BATCH_MAGIC_AT},
  {"crcAt", BATCH_CRC_AT},
  {"checkedFrom", BATCH_CHECKED_FROM},
  {"magic", BATCH_MAGIC},
  {"rowEnd", ROW_END},
  {"rowTimestampLow", ROW_TIMESTAMP_LOW},
  {"rowTimestampHigh", ROW_TIMESTAMP_HIGH},
  {"rowTail", ROW_TAIL},
  {"rowOffsetDelta", ROW_OFFSET_DELTA},
  {"rowKey", ROW_KEY},
  {"rowKeyBytes", ROW_KEY_BYTES},
  {"rowValueBytes", ROW_VALUE_BYTES},
  {"rowHashes", ROW_HASHES},
  {"rowWords", ROW_WORDS},
  {"seedBytes", RECORD_SEED_BYTES},
};

static bool add_constants(napi_env env, napi_value exports)
{
  napi_value all;
  if (napi_create_object(env, &all) != napi_ok) return false;
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
    if (napi_set_named_property(env, all, constants[i].name, number_value(env, constants[i].value)) != napi_ok) return false;
  }
  if (napi_set_named_property(env, all, "pageBytes", number_value(env, (double)sysconf(_SC_PAGESIZE))) != napi_ok) return false;
  return napi_set_named_property(env, exports, "constants", all) == napi_ok;
}

NAPI_MODULE_INIT()
{
  crc32c_prepare();
  if (windows_create(env) == NULL || !add_constants(env, exports)) return NULL;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value call;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &call) != napi_ok) return NULL;
    if (napi_set_named_property(env, exports, functions[i].name, call) != napi_ok) return NULL;
  }
  return exports;
}
