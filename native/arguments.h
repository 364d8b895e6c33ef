// What JavaScript passes, checked: each of these leaves a TypeError pending and returns false when it is not what it
// has to be. The caller then returns NULL at once.
#ifndef MILLRACE_ARGUMENTS_H
#define MILLRACE_ARGUMENTS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
  uint8_t *start;
  size_t length;
};

struct words {
  int32_t *start;
  size_t count;
};

bool take_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);

// A whole number from 0 to `largest`, itself at most 2^53 - 1.
bool take_number(napi_env env, napi_value value, uint64_t largest, uint64_t *number);
bool take_descriptor(napi_env env, napi_value value, int *fd);
bool take_boolean(napi_env env, napi_value value, bool *boolean);

// A Buffer or Uint8Array; valid until JavaScript runs again.
bool take_bytes(napi_env env, napi_value value, struct bytes *bytes);

// An Int32Array; valid until JavaScript runs again.
bool take_words(napi_env env, napi_value value, struct words *words);

// A range of the file: a page's beginning, and how many bytes.
bool take_file_range(napi_env env, napi_value offset, napi_value bytes, uint64_t *from, uint64_t *count);

bool refuse(napi_env env, const char *why);

napi_value number_value(napi_env env, double number);
napi_value boolean_value(napi_env env, bool boolean);

// An errno as the callers of the library get it: negative. 0 is 0, which -0.0 would not be to JavaScript.
napi_value failure_value(napi_env env, int failure);

#define LARGEST_SAFE_INTEGER ((uint64_t)9007199254740991)

#endif
