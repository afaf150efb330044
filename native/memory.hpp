// What JavaScript sees of the pool, and what it tells it.
#pragma once

#include <napi.h>

#include "engine.hpp"

namespace dotcompute::memory {

/// room(element, length): a typed array for a caller that writes all of it before anybody sees it. It holds whatever was there.
Napi::Value room(const Napi::CallbackInfo& info, const Engine& engine);

/// usage() → { limit, used, peak, kept, reused, fresh, copied }
Napi::Value usage(const Napi::CallbackInfo& info);
/// limit(bytes)
void limit(const Napi::CallbackInfo& info);
/// trim()
void trim(const Napi::CallbackInfo& info);
/// release(buffer): takes an ArrayBuffer's memory away, for good and at once. False if it keeps it.
Napi::Value release(const Napi::CallbackInfo& info);

}  // namespace dotcompute::memory
