// The table operations, as JavaScript calls them.
#pragma once

#include <napi.h>

#include "engine.hpp"

namespace dotcompute::table {

/// move(operation, arrays, numbers) → arrays: now, on this thread
Napi::Value move(const Napi::CallbackInfo& info, const Engine& engine);

}  // namespace dotcompute::table
