#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 // also where a pointer has 32
#include "batches.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "batch.h"
#include "crc32c.h"
#include "records.h"

static napi_value checksum(napi_env env, napi_callback_info info, uint32_t (*of)(const uint8_t *, size_t))
{
  napi_value arguments[3];
  struct bytes bytes;
  uint64_t start, end;
  if (!take_arguments(env, info, 3, arguments) || !take_bytes(env, arguments[0], &bytes)) return NULL;
  if (!take_number(env, arguments[2], bytes.length, &end) || !take_number(env, arguments[1], end, &start)) return NULL;
  return number_value(env, of(bytes.start + start, (size_t)(end - start)));
}

napi_value batches_checksum(napi_env env, napi_callback_info info)
{
  return checksum(env, info, crc32c);
}

napi_value batches_checksum_table(napi_env env, napi_callback_info info)
{
  return checksum(env, info, crc32c_by_table);
}

napi_value batches_stamp(napi_env env, napi_callback_info info)
{
  napi_value arguments[4];
  struct bytes batch;
  uint64_t bytes, base_offset, epoch;
  if (!take_arguments(env, info, 4, arguments)) return NULL;
  if (!take_bytes(env, arguments[0], &batch) || !take_number(env, arguments[1], batch.length, &bytes)) return NULL;
  if (!take_number(env, arguments[2], LARGEST_SAFE_INTEGER, &base_offset) || !take_number(env, arguments[3], INT_MAX, &epoch)) return NULL;
  if (bytes < BATCH_HEADER_BYTES) return refuse(env, "millrace: too short for a batch"), NULL;
  batch_stamp(batch.start, (size_t)bytes, base_offset, (uint32_t)epoch);
  return NULL;
}

napi_value batches_walk(napi_env env, napi_callback_info info)
{
  napi_value arguments[4];
  struct bytes body, seeds;
  struct words rows;
  uint64_t count;
  if (!take_arguments(env, info, 4, arguments) || !take_bytes(env, arguments[0], &body)) return NULL;
  if (!take_bytes(env, arguments[2], &seeds) || !take_words(env, arguments[3], &rows)) return NULL;
  if (!take_number(env, arguments[1], rows.count / ROW_WORDS, &count)) return NULL;
  if (seeds.length != RECORD_SEED_BYTES) return refuse(env, "millrace: seeds of another length"), NULL;
  return boolean_value(env, records_walk(body.start, body.length, (size_t)count, seeds.start, rows.start));
}

struct reading {
  int fd;
  struct bytes target;
  uint64_t position;
  size_t filled;
  size_t checked;
  int failure;
  napi_ref held; // keeps the target's memory
  napi_deferred deferred;
  napi_async_work work;
};

static void run_reading(napi_env env, void *data)
{
  (void)env;
  struct reading *reading = data;
  while (reading->filled < reading->target.length) {
    ssize_t count = pread(reading->fd, reading->target.start + reading->filled, reading->target.length - reading->filled, (off_t)(reading->position + reading->filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      reading->failure = errno;
      return;
    }
    if (count == 0) break;
    reading->filled += (size_t)count;
  }
  reading->checked = batches_check(reading->target.start, reading->filled);
}

static void free_reading(napi_env env, struct reading *reading)
{
  if (reading->held != NULL) napi_delete_reference(env, reading->held);
  if (reading->work != NULL) napi_delete_async_work(env, reading->work);
  free(reading);
}

static void complete_reading(napi_env env, napi_status status, void *data)
{
  struct reading *reading = data;
  napi_value result;
  int failure = status == napi_ok ? reading->failure : ECANCELED;
  double filled = failure == 0 ? (double)reading->filled : -(double)failure;
  // A worker that is being ended makes no more objects: nobody waits there any more.
  if (napi_create_object(env, &result) == napi_ok
    && napi_set_named_property(env, result, "filled", number_value(env, filled)) == napi_ok
    && napi_set_named_property(env, result, "checked", number_value(env, (double)reading->checked)) == napi_ok) {
    napi_resolve_deferred(env, reading->deferred, result);
  }
  free_reading(env, reading);
}

static bool queue(napi_env env, struct reading *reading, napi_value target, napi_value *promise)
{
  napi_value name;
  return napi_create_reference(env, target, 1, &reading->held) == napi_ok
    && napi_create_string_utf8(env, "millrace:read", NAPI_AUTO_LENGTH, &name) == napi_ok
    && napi_create_async_work(env, NULL, name, run_reading, complete_reading, reading, &reading->work) == napi_ok
    && napi_create_promise(env, &reading->deferred, promise) == napi_ok
    && napi_queue_async_work(env, reading->work) == napi_ok;
}

napi_value batches_read(napi_env env, napi_callback_info info)
{
  napi_value arguments[3], promise;
  int fd;
  struct bytes target;
  uint64_t position;
  if (!take_arguments(env, info, 3, arguments) || !take_descriptor(env, arguments[0], &fd)) return NULL;
  if (!take_bytes(env, arguments[1], &target) || !take_number(env, arguments[2], LARGEST_SAFE_INTEGER, &position)) return NULL;
  struct reading *reading = calloc(1, sizeof *reading);
  if (reading != NULL) {
    *reading = (struct reading){.fd = fd, .target = target, .position = position};
    if (queue(env, reading, arguments[1], &promise)) return promise;
    free_reading(env, reading);
  }
  napi_throw_error(env, NULL, "millrace: no memory for a read");
  return NULL;
}
