#include "arguments.h"

#include <limits.h>
#include <unistd.h>

bool refuse(napi_env env, const char *why)
{
  napi_throw_type_error(env, "ERR_INVALID_ARG", why);
  return false;
}

bool take_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments)
{
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok) return refuse(env, "millrace: no arguments");
  return given >= count || refuse(env, "millrace: too few arguments");
}

bool take_number(napi_env env, napi_value value, uint64_t largest, uint64_t *number)
{
  double found;
  if (napi_get_value_double(env, value, &found) != napi_ok) return refuse(env, "millrace: expected a number");
  if (!(found >= 0 && found <= (double)largest) || (double)(uint64_t)found != found) return refuse(env, "millrace: a number is out of range");
  *number = (uint64_t)found;
  return true;
}

bool take_descriptor(napi_env env, napi_value value, int *fd)
{
  uint64_t number;
  if (!take_number(env, value, INT_MAX, &number)) return false;
  *fd = (int)number;
  return true;
}

bool take_boolean(napi_env env, napi_value value, bool *boolean)
{
  return napi_get_value_bool(env, value, boolean) == napi_ok || refuse(env, "millrace: expected true or false");
}

bool take_bytes(napi_env env, napi_value value, struct bytes *bytes)
{
  void *start = NULL;
  bool is_buffer = false;
  if (napi_is_buffer(env, value, &is_buffer) != napi_ok || !is_buffer) return refuse(env, "millrace: expected a Buffer");
  if (napi_get_buffer_info(env, value, &start, &bytes->length) != napi_ok) return refuse(env, "millrace: expected a Buffer");
  static uint8_t nothing;
  bytes->start = start == NULL ? &nothing : start; // empty or detached: no arithmetic with NULL
  return true;
}

bool take_words(napi_env env, napi_value value, struct words *words)
{
  void *start = NULL;
  bool is_array = false;
  napi_typedarray_type type;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return refuse(env, "millrace: expected an Int32Array");
  if (napi_get_typedarray_info(env, value, &type, &words->count, &start, NULL, NULL) != napi_ok || type != napi_int32_array) return refuse(env, "millrace: expected an Int32Array");
  static int32_t nothing;
  words->start = words->count == 0 ? &nothing : start; // empty or detached: no arithmetic with NULL
  return true;
}

bool take_file_range(napi_env env, napi_value offset, napi_value bytes, uint64_t *from, uint64_t *count)
{
  if (!take_number(env, offset, LARGEST_SAFE_INTEGER, from) || !take_number(env, bytes, UINT32_MAX, count)) return false;
  if (*count == 0) return refuse(env, "millrace: an empty range");
  return *from % (uint64_t)sysconf(_SC_PAGESIZE) == 0 || refuse(env, "millrace: a range begins within a page");
}

napi_value number_value(napi_env env, double number)
{
  napi_value value = NULL;
  napi_create_double(env, number, &value);
  return value;
}

napi_value boolean_value(napi_env env, bool boolean)
{
  napi_value value = NULL;
  napi_get_boolean(env, boolean, &value);
  return value;
}

napi_value failure_value(napi_env env, int failure)
{
  napi_value value = NULL;
  napi_create_int32(env, -failure, &value);
  return value;
}
