// SHA-256 by the OpenSSL that runs in every Node process: the module node:crypto takes milliseconds to load, and whoever only runs kernels that
// are compiled already needs nothing else of it.
#pragma once

#include <napi.h>

namespace dotcompute {

/// sha256(data): the hash of a string's UTF-8 or of a Uint8Array, in hexadecimal; null where the process does not show its OpenSSL.
Napi::Value sha256(const Napi::CallbackInfo& info);

}  // namespace dotcompute
