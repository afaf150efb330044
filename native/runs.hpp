// Kernels running on threads of our own. Not on libuv's: an environment waits for those when it ends, and a kernel may
// never end by itself.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "arguments.hpp"
#include "control.hpp"
#include "engine.hpp"
#include "storage.hpp"

namespace dotcompute {

/// A captured or source array that a running kernel reads: its memory held in place, or a copy of it.
class Held {
 public:
  /// Throws Napi::TypeError for an output that could be taken away in flight.
  Held(Napi::Env env, const Engine& engine, const View& view, std::size_t bytes, bool written);
  void* data() const { return data_; }

 private:
  void* data_;
  Engine::Store store_;
  std::unique_ptr<char[]> copy_;
};

/// One asynchronous run: everything the kernel needs, alive until it has ended.
struct Run {
  std::shared_ptr<const Kernel> kernel;
  Call call{};
  int stop = 0;  // read by the kernel as volatile; written atomically
  std::vector<Held> held;
  std::vector<ArrayArgument> arrays;
  std::vector<Scalar> scalars;
  Storage storage;  // for an array sink without an output of the caller's
  bool stores = false;
  Storages storages;           // for several array sinks
  std::vector<Scalar> values;  // of several reduce sinks
  unsigned threads;
  bool watched;
  std::atomic<std::uint64_t> passed{0};
  Status status = Status::Stopped;
  napi_deferred deferred = nullptr;

  Run(Napi::Env env, const Engine& engine, std::shared_ptr<const Kernel> kernel, const Arguments& arguments, const Control& control);
  void requestStop() { __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); }
};

/// The asynchronous runs of one environment. All of it is used on the environment's own thread, but for `serve`.
class Runs {
 public:
  Runs(Napi::Env env, const Engine& engine);
  /// Stops every run and waits for the threads.
  ~Runs();
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;

  struct Started {
    double id;
    napi_value promise;
  };
  Started start(Napi::Env env, std::unique_ptr<Run> run);
  void stop(double id);
  /// How many elements a run has passed; 0 for one that nobody watches, or that has ended.
  double passed(double id) const;
  /// Stops all, waits, and takes no more. For the end of the environment or the process.
  void close();
  std::size_t inFlight() const { return runs_.size(); }
  /// At most so many threads; the tests of thread creation's failure set it to none.
  void limitThreads(std::size_t most) { mostThreads_ = most; }

 private:
  const Engine& engine_;
  std::map<double, std::unique_ptr<Run>> runs_;
  double lastId_ = 0;
  std::vector<std::thread> threads_;
  std::size_t mostThreads_;
  napi_threadsafe_function wake_ = nullptr;
  bool closed_ = false;

  // Shared with the threads.
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Run*> waiting_;
  std::vector<Run*> ended_;
  std::size_t idle_ = 0;
  bool closing_ = false;

  void open(Napi::Env env);
  void addThread(Napi::Env env);
  void serve();
  void settleEnded(Napi::Env env);
  void settle(Napi::Env env, Run& run);
};

}  // namespace dotcompute
