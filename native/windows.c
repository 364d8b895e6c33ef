#define _GNU_SOURCE
#include "windows.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "batch.h"
#include "mapping.h"

// A number is slot + MAX_WINDOWS × generation. A generation is given once in a process, so that the number of a closed
// window, or of another thread's, is never taken for an open one's. 2^41 of them last for 2^57 bytes in the smallest steps.
#define MAX_WINDOWS 4096
static atomic_uint_least64_t last_generation;

// Room that is made off the main thread. Owned by two: its slot and its work; the last to let go frees it. Descriptor and
// mapping don't wait for that, because the work is completed only when the event loop turns: the descriptor is closed
// by the thread that works, or by whoever ends it before it began; the mapping belongs to the slot once it has ended.
//   queued → running → ended
struct preparation {
  pthread_mutex_t mutex;
  pthread_cond_t ended_or_left;
  enum { QUEUED, RUNNING, ENDED } state;
  bool unwanted;    // collected before it began: nothing is to be done
  atomic_bool stop; // somebody waits
  int owners;
  int fd;
  uint64_t offset;
  size_t bytes;
  int failure;
  struct mapping mapping;
  napi_async_work work;
};

struct slot {
  uint64_t generation; // 0: closed
  struct mapping mapping;
  struct preparation *preparation; // instead of the mapping
};

struct windows {
  struct slot slots[MAX_WINDOWS];
  uint32_t used; // slots that were ever taken
  uint32_t free[MAX_WINDOWS];
  uint32_t free_count;
  uint32_t open_count;
};

// Preparations of the process that hold a descriptor of their own: where the pool is busy syncing they wait, and would
// take the descriptors of the whole process with them.
#define MAX_DESCRIPTORS 32
static atomic_int descriptors;

// Or -1, with errno.
static int own_descriptor(int fd)
{
  if (atomic_fetch_add(&descriptors, 1) < MAX_DESCRIPTORS) {
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0); // the caller may close his
    if (own >= 0) return own;
  } else {
    errno = EAGAIN;
  }
  atomic_fetch_sub(&descriptors, 1);
  return -1;
}

static void close_own_descriptor(int fd)
{
  close(fd);
  atomic_fetch_sub(&descriptors, 1);
}

static struct windows *windows_of(napi_env env)
{
  void *windows = NULL;
  napi_get_instance_data(env, &windows);
  return windows;
}

static struct slot *open_slot(struct windows *windows)
{
  uint32_t index;
  if (windows->free_count > 0) index = windows->free[--windows->free_count];
  else if (windows->used < MAX_WINDOWS) index = windows->used++;
  else return NULL;
  struct slot *slot = &windows->slots[index];
  slot->generation = atomic_fetch_add(&last_generation, 1) + 1;
  windows->open_count++;
  return slot;
}

static void free_slot(struct windows *windows, struct slot *slot)
{
  *slot = (struct slot){0};
  windows->open_count--;
  windows->free[windows->free_count++] = (uint32_t)(slot - windows->slots);
}

static napi_value slot_number(napi_env env, const struct windows *windows, const struct slot *slot)
{
  return number_value(env, (double)((uint64_t)(slot - windows->slots) + MAX_WINDOWS * slot->generation));
}

static struct slot *take_slot(napi_env env, napi_value value, bool prepared)
{
  uint64_t number;
  struct windows *windows = windows_of(env);
  if (windows == NULL || !take_number(env, value, LARGEST_SAFE_INTEGER, &number)) return NULL;
  struct slot *slot = &windows->slots[number % MAX_WINDOWS];
  uint64_t generation = number / MAX_WINDOWS;
  if (generation == 0 || slot->generation != generation || (slot->preparation != NULL) != prepared) {
    refuse(env, "millrace: this window is closed");
    return NULL;
  }
  return slot;
}

static void let_go(struct preparation *preparation)
{
  pthread_mutex_lock(&preparation->mutex);
  bool last = --preparation->owners == 0;
  pthread_mutex_unlock(&preparation->mutex);
  if (!last) return;
  pthread_cond_destroy(&preparation->ended_or_left);
  pthread_mutex_destroy(&preparation->mutex);
  free(preparation);
}

// On a thread of libuv's pool.
static void run_preparation(napi_env env, void *data)
{
  (void)env;
  struct preparation *preparation = data;
  pthread_mutex_lock(&preparation->mutex);
  bool wanted = !preparation->unwanted;
  preparation->state = RUNNING;
  pthread_mutex_unlock(&preparation->mutex);
  if (wanted) {
    preparation->failure = mapping_allocate(preparation->fd, preparation->offset, preparation->bytes);
    if (preparation->failure == 0) preparation->failure = mapping_open(&preparation->mapping, preparation->fd, preparation->offset, preparation->bytes);
    close_own_descriptor(preparation->fd);
    if (preparation->failure == 0) mapping_populate(&preparation->mapping, &preparation->stop);
  }
  pthread_mutex_lock(&preparation->mutex);
  preparation->state = ENDED;
  pthread_cond_signal(&preparation->ended_or_left);
  pthread_mutex_unlock(&preparation->mutex);
}

// On the thread that queued it.
static void complete_preparation(napi_env env, napi_status status, void *data)
{
  (void)status;
  struct preparation *preparation = data;
  napi_delete_async_work(env, preparation->work);
  let_go(preparation);
}

// Ends the preparation, once: waits for the step it is at, if it has begun. Afterwards nothing touches the file any more.
static bool end_preparation(struct preparation *preparation)
{
  atomic_store(&preparation->stop, true);
  pthread_mutex_lock(&preparation->mutex);
  bool begun = preparation->state != QUEUED;
  preparation->unwanted = true;
  while (begun && preparation->state != ENDED) pthread_cond_wait(&preparation->ended_or_left, &preparation->mutex);
  pthread_mutex_unlock(&preparation->mutex);
  if (!begun) close_own_descriptor(preparation->fd);
  return begun;
}

static void close_slot(struct windows *windows, struct slot *slot)
{
  if (slot->preparation != NULL) {
    end_preparation(slot->preparation);
    mapping_close(&slot->preparation->mapping);
    let_go(slot->preparation);
  }
  mapping_close(&slot->mapping);
  free_slot(windows, slot);
}

static void destroy(napi_env env, void *data, void *hint)
{
  (void)env;
  (void)hint;
  struct windows *windows = data;
  for (uint32_t i = 0; i < windows->used; i++) {
    if (windows->slots[i].generation != 0) close_slot(windows, &windows->slots[i]);
  }
  free(windows);
}

struct windows *windows_create(napi_env env)
{
  struct windows *windows = calloc(1, sizeof *windows);
  if (windows != NULL && napi_set_instance_data(env, windows, destroy, NULL) == napi_ok) return windows;
  free(windows);
  napi_throw_error(env, NULL, "millrace: no memory for its windows");
  return NULL;
}

// (fd, offset, bytes)
static bool take_room(napi_env env, napi_callback_info info, int *fd, uint64_t *offset, uint64_t *bytes)
{
  napi_value arguments[3];
  return take_arguments(env, info, 3, arguments)
    && take_descriptor(env, arguments[0], fd)
    && take_file_range(env, arguments[1], arguments[2], offset, bytes);
}

napi_value windows_grow(napi_env env, napi_callback_info info)
{
  int fd;
  uint64_t offset, bytes;
  if (!take_room(env, info, &fd, &offset, &bytes)) return NULL;
  struct windows *windows = windows_of(env);
  struct slot *slot = open_slot(windows);
  if (slot == NULL) return failure_value(env, ENOMEM);
  int failure = mapping_allocate(fd, offset, bytes);
  if (failure == 0) failure = mapping_open(&slot->mapping, fd, offset, (size_t)bytes);
  if (failure != 0) {
    free_slot(windows, slot);
    return failure_value(env, failure);
  }
  mapping_populate(&slot->mapping, NULL);
  return slot_number(env, windows, slot);
}

static struct preparation *new_preparation(int fd, uint64_t offset, uint64_t bytes)
{
  struct preparation *preparation = calloc(1, sizeof *preparation);
  if (preparation == NULL) return NULL;
  pthread_mutex_init(&preparation->mutex, NULL);
  pthread_cond_init(&preparation->ended_or_left, NULL);
  preparation->owners = 2;
  preparation->fd = fd;
  preparation->offset = offset;
  preparation->bytes = (size_t)bytes;
  return preparation;
}

static bool queue(napi_env env, struct preparation *preparation)
{
  napi_value name;
  if (napi_create_string_utf8(env, "millrace:prepare", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
  if (napi_create_async_work(env, NULL, name, run_preparation, complete_preparation, preparation, &preparation->work) != napi_ok) return false;
  if (napi_queue_async_work(env, preparation->work) == napi_ok) return true;
  napi_delete_async_work(env, preparation->work);
  return false;
}

napi_value windows_prepare(napi_env env, napi_callback_info info)
{
  int fd;
  uint64_t offset, bytes;
  if (!take_room(env, info, &fd, &offset, &bytes)) return NULL;
  struct windows *windows = windows_of(env);
  int own = own_descriptor(fd);
  if (own < 0) return failure_value(env, errno);
  struct slot *slot = open_slot(windows);
  struct preparation *preparation = slot == NULL ? NULL : new_preparation(own, offset, bytes);
  if (preparation != NULL && queue(env, preparation)) {
    slot->preparation = preparation;
    return slot_number(env, windows, slot);
  }
  if (preparation != NULL) {
    preparation->owners = 1;
    let_go(preparation);
  }
  if (slot != NULL) free_slot(windows, slot);
  close_own_descriptor(own);
  return failure_value(env, ENOMEM);
}

// Takes what the preparation has made of the room so far. Its slot becomes the window's, under a new number.
napi_value windows_collect(napi_env env, napi_callback_info info)
{
  napi_value arguments[2];
  bool wanted;
  if (!take_arguments(env, info, 2, arguments) || !take_boolean(env, arguments[1], &wanted)) return NULL;
  struct slot *slot = take_slot(env, arguments[0], true);
  if (slot == NULL) return NULL;
  struct windows *windows = windows_of(env);
  struct preparation *preparation = slot->preparation;
  bool begun = end_preparation(preparation);
  int failure = preparation->failure;
  struct mapping mapping = preparation->mapping;
  let_go(preparation);
  free_slot(windows, slot);
  if (!wanted) mapping_close(&mapping);
  if (!begun || !wanted) return number_value(env, 0);
  if (failure != 0) return failure_value(env, failure);
  slot = open_slot(windows);
  slot->mapping = mapping;
  return slot_number(env, windows, slot);
}

napi_value windows_close(napi_env env, napi_callback_info info)
{
  napi_value argument;
  if (!take_arguments(env, info, 1, &argument)) return NULL;
  struct slot *slot = take_slot(env, argument, false);
  if (slot != NULL) close_slot(windows_of(env), slot);
  return NULL;
}

// Where [position, position + bytes) lies in the window's memory; NULL and a pending error where it does not.
static char *place_in(napi_env env, const struct mapping *mapping, uint64_t position, uint64_t bytes)
{
  uint64_t room = mapping->memory.bytes;
  if (position >= mapping->offset && bytes <= room && position - mapping->offset <= room - bytes) {
    return mapping->memory.start + (position - mapping->offset);
  }
  refuse(env, "millrace: the range is outside the window");
  return NULL;
}

napi_value windows_append(napi_env env, napi_callback_info info)
{
  napi_value arguments[6];
  struct bytes batch;
  uint64_t position, bytes, base_offset, epoch;
  if (!take_arguments(env, info, 6, arguments)) return NULL;
  struct slot *slot = take_slot(env, arguments[0], false);
  if (slot == NULL || !take_number(env, arguments[1], LARGEST_SAFE_INTEGER, &position)) return NULL;
  if (!take_bytes(env, arguments[2], &batch) || !take_number(env, arguments[3], batch.length, &bytes)) return NULL;
  if (!take_number(env, arguments[4], LARGEST_SAFE_INTEGER, &base_offset) || !take_number(env, arguments[5], INT_MAX, &epoch)) return NULL;
  if (bytes < BATCH_HEADER_BYTES) return refuse(env, "millrace: too short for a batch"), NULL;
  char *place = place_in(env, &slot->mapping, position, bytes);
  if (place == NULL) return NULL;
  batch_stamp(batch.start, (size_t)bytes, base_offset, (uint32_t)epoch);
  return failure_value(env, guarded_append(slot->mapping.memory, place, batch.start, (size_t)bytes, BATCH_OVERHEAD_BYTES));
}

napi_value windows_read(napi_env env, napi_callback_info info)
{
  napi_value arguments[4];
  struct bytes target;
  uint64_t position, bytes;
  if (!take_arguments(env, info, 4, arguments)) return NULL;
  struct slot *slot = take_slot(env, arguments[0], false);
  if (slot == NULL || !take_number(env, arguments[1], LARGEST_SAFE_INTEGER, &position)) return NULL;
  if (!take_bytes(env, arguments[2], &target) || !take_number(env, arguments[3], target.length, &bytes)) return NULL;
  char *place = place_in(env, &slot->mapping, position, bytes);
  if (place == NULL) return NULL;
  return failure_value(env, guarded_read(slot->mapping.memory, target.start, place, (size_t)bytes));
}

napi_value windows_count(napi_env env, napi_callback_info info)
{
  (void)info;
  return number_value(env, windows_of(env)->open_count);
}
