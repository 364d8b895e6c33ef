// Windows: mapped ranges of files that JavaScript knows by number. It never sees their memory, and a number that is
// no open window of its own thread is refused. A thread's windows are closed when it ends.
#ifndef MILLRACE_WINDOWS_H
#define MILLRACE_WINDOWS_H

#include "arguments.h"

// Everything that belongs to one thread of JavaScript. NULL and a pending error where there is no memory.
struct windows *windows_create(napi_env env);

// What the functions below return: a window or preparation (> 0), 0, or a negative errno.
napi_value windows_grow(napi_env env, napi_callback_info info);     // (fd, offset, bytes) → window
napi_value windows_prepare(napi_env env, napi_callback_info info);  // (fd, offset, bytes) → preparation
napi_value windows_collect(napi_env env, napi_callback_info info);  // (preparation, wanted) → window, or 0: it had not begun
napi_value windows_close(napi_env env, napi_callback_info info);    // (window)
napi_value windows_append(napi_env env, napi_callback_info info);   // (window, position, batch, bytes, base offset, epoch) → 0
napi_value windows_read(napi_env env, napi_callback_info info);     // (window, position, target, bytes) → 0
napi_value windows_count(napi_env env, napi_callback_info info);    // () → how many are open, preparations included

#endif
