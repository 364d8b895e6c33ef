// A host that has a handler of SIGBUS of its own, as crash reporters and other databases do. It recovers from the faults
// that it makes itself, counts them, and hands on what is not its own.
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <node_api.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>

static struct sigaction before;
static sigjmp_buf place;
static volatile bool armed;
static volatile int calls;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
  if (armed) {
    armed = false;
    calls++;
    siglongjmp(place, 1);
  }
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(number, info, context);
    return;
  }
  signal(number, SIG_DFL);
}

static napi_value install(napi_env env, napi_callback_info info)
{
  (void)env, (void)info;
  struct sigaction ours = {.sa_flags = SA_SIGINFO};
  ours.sa_sigaction = on_sigbus;
  sigaction(SIGBUS, &ours, &before);
  return NULL;
}

static napi_value ignore(napi_env env, napi_callback_info info)
{
  (void)env, (void)info;
  signal(SIGBUS, SIG_IGN);
  return NULL;
}

// A page of an empty file: there is nothing behind it.
static char *missing_page(void)
{
  int fd = memfd_create("empty", MFD_CLOEXEC);
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int touch_nothing(void)
{
  return *(volatile char *)missing_page();
}

// A buffer of the host's own memory, whose file somebody has cut.
static napi_value cut_memory(napi_env env, napi_callback_info info)
{
  (void)info;
  napi_value buffer;
  napi_create_external_buffer(env, 4096, missing_page(), NULL, NULL, &buffer);
  return buffer;
}

// Makes a fault; returns how many of its own the handler has been called for.
static napi_value fault(napi_env env, napi_callback_info info)
{
  (void)info;
  armed = true;
  if (sigsetjmp(place, 1) == 0) touch_nothing();
  napi_value count;
  napi_create_int32(env, calls, &count);
  return count;
}

// Makes a fault that nobody recovers from.
static napi_value crash(napi_env env, napi_callback_info info)
{
  (void)env, (void)info;
  touch_nothing();
  return NULL;
}

NAPI_MODULE_INIT()
{
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"install", install}, {"ignore", ignore}, {"fault", fault}, {"crash", crash}, {"cutMemory", cut_memory}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
