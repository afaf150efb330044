#include "watched.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "parallel.hpp"

namespace dotcompute {

namespace {

constexpr auto LOOK_EVERY = std::chrono::milliseconds(20);

}  // namespace

/// Whatever may run scripts is refused once an environment is told to stop.
bool isEnding(napi_env env) {
  napi_value global;
  bool found;
  return napi_get_global(env, &global) != napi_ok || napi_has_named_property(env, global, "Object", &found) != napi_ok;
}

Status runWatched(napi_env env, const Kernel& kernel, Call& call, unsigned threads) {
  int stop = 0;
  call.stop = &stop;
  Status status = Status::Stopped;
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::thread worker;
  try {
    worker = std::thread([&] {
      status = execute(kernel, call, threads);
      const std::lock_guard lock(mutex);
      ended = true;
      changed.notify_one();
    });
  } catch (const std::system_error&) {
    return execute(kernel, call, threads);  // unwatched, rather than not at all
  }
  {
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, LOOK_EVERY, [&] { return ended; }))
      if (isEnding(env)) __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  }
  worker.join();
  return status;
}

}  // namespace dotcompute
