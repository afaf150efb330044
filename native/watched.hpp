// A run that keeps its calling thread, but not beyond the end of its environment.
#pragma once

#include <napi.h>

#include "library.hpp"

namespace dotcompute {

/// Runs the kernel on another thread while this one waits and looks whether the environment is being ended: a worker in an
/// endless kernel could otherwise be terminated neither by its parent nor by the end of the process.
Status runWatched(napi_env env, const Kernel& kernel, Call& call, unsigned threads);

/// Whether the environment has been told to end. On its own thread.
bool isEnding(napi_env env);

}  // namespace dotcompute
