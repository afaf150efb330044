// The table operations, as JavaScript calls them.
#pragma once

#include <napi.h>

#include "engine.hpp"

namespace dotcompute::table {

/// move(operation, arrays, numbers, threads) → arrays: now, on this thread and on others as long as there are no more than `threads`
Napi::Value move(const Napi::CallbackInfo& info, const Engine& engine);

/// The same on a thread of Node's pool: a promise of the arrays. All memory is held before this returns.
Napi::Value moveLater(const Napi::CallbackInfo& info, const Engine& engine);

}  // namespace dotcompute::table
