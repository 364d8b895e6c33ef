#define _GNU_SOURCE
#include "guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

struct landing {
  sigjmp_buf place;
  struct mapped_range mapped;
};

// The handler may run on a thread that never armed anything: with glibc's initial-exec model it reads this without
// allocating. musl allocates all of it when the library is loaded.
#if defined(__GLIBC__)
#define THREAD_LOCAL static _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define THREAD_LOCAL static _Thread_local
#endif
THREAD_LOCAL struct landing *volatile armed;

static struct sigaction before;
static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;
static bool installed;

static bool has_handler(const struct sigaction *action)
{
  return (action->sa_flags & SA_SIGINFO) != 0 || (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

// Not meant for us: what would have happened without us happens.
static void hand_on(int number, siginfo_t *info, void *context)
{
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(number, info, context);
    return;
  }
  if (has_handler(&before)) {
    before.sa_handler(number);
    return;
  }
  bool was_sent = info->si_code <= 0; // by kill() or raise(), not by an instruction
  if (was_sent && before.sa_handler == SIG_IGN) return;
  struct sigaction end = {.sa_handler = SIG_DFL};
  sigaction(number, &end, NULL);
  if (was_sent) raise(number); // else the instruction runs again and ends the process where the fault is
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
  struct landing *landing = armed;
  uintptr_t at = (uintptr_t)info->si_addr;
  if (landing != NULL && info->si_code > 0 && at - (uintptr_t)landing->mapped.start < landing->mapped.bytes) {
    armed = NULL;
    // Whoever came after us and handed on to us may run with signals blocked.
    pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask, NULL);
    siglongjmp(landing->place, 1);
  }
  hand_on(number, info, context);
}

enum guard_state guard_state(void)
{
  struct sigaction now;
  if (sigaction(SIGBUS, NULL, &now) != 0) return GUARD_FOREIGN;
  if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_sigbus) return GUARD_OURS;
  return has_handler(&now) ? GUARD_FOREIGN : GUARD_ABSENT;
}

int guard_install(void)
{
  int failure = 0;
  pthread_mutex_lock(&installing);
  if (!installed || guard_state() == GUARD_ABSENT) {
    // SA_NODEFER: a handler before ours may rely on it, as ours does not.
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    ours.sa_sigaction = on_sigbus;
    sigemptyset(&ours.sa_mask);
    if (sigaction(SIGBUS, NULL, &before) != 0 || sigaction(SIGBUS, &ours, NULL) != 0) failure = errno;
    else installed = true;
  }
  pthread_mutex_unlock(&installing);
  return failure;
}

// Copies to `to`, the first `head` bytes last. The signal fences keep the compiler from moving the copy out of the
// guarded stretch.
static int guarded_copy(struct mapped_range mapped, char *to, const char *from, size_t bytes, size_t head)
{
  struct landing landing;
  landing.mapped = mapped;
#ifdef MILLRACE_UNGUARDED
  (void)landing;
#else
  if (sigsetjmp(landing.place, 0) != 0) return EFAULT;
  armed = &landing;
#endif
  atomic_signal_fence(memory_order_seq_cst);
  memcpy(to + head, from + head, bytes - head);
  atomic_thread_fence(memory_order_release);
  memcpy(to, from, head);
  atomic_signal_fence(memory_order_seq_cst);
  armed = NULL;
  return 0;
}

int guarded_read(struct mapped_range mapped, void *to, const char *from, size_t bytes)
{
  return guarded_copy(mapped, to, from, bytes, 0);
}

int guarded_append(struct mapped_range mapped, char *to, const void *from, size_t bytes, size_t head)
{
  return guarded_copy(mapped, to, from, bytes, head);
}
