// Record batches as JavaScript asks for them.
#ifndef MILLRACE_BATCHES_H
#define MILLRACE_BATCHES_H

#include "arguments.h"

napi_value batches_checksum(napi_env env, napi_callback_info info);       // (bytes, start, end) → CRC-32C
napi_value batches_checksum_table(napi_env env, napi_callback_info info); // the same without the processor's instruction
napi_value batches_stamp(napi_env env, napi_callback_info info);          // (batch, bytes, base offset, epoch)
napi_value batches_walk(napi_env env, napi_callback_info info);           // (body, count, seeds, rows) → whether it is sound

// (fd, target, position) → a promise of { filled, checked }: reads off the main thread until target is full or the
// file ends; the first `checked` bytes are whole batches whose checksums hold. filled < 0: a negative errno.
napi_value batches_read(napi_env env, napi_callback_info info);

#endif
