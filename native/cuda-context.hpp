// A device's primary context, and what is made in it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "cuda-libraries.hpp"

namespace dotcompute::cuda {

/// Asked now and then while something is waited for: whether to stop waiting.
using GiveUp = std::function<bool()>;

/// Retained as long as this lives, and current only during calls. All its streams and memory end before it does.
class Context {
 public:
  /// Throws Failure.
  Context(std::shared_ptr<const Driver> driver, int ordinal);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Makes the context current on this thread, for a scope.
  class Entered {
   public:
    ~Entered();
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    friend class Context;
    explicit Entered(const Driver& driver) : driver_(driver) {}
    const Driver& driver_;
  };
  /// Throws Failure if the context is lost.
  Entered enter();

  /// Does it in the context, for destructors: not at all if the context is lost, and failures are only noted. What is not given
  /// back now never is: a context that cannot be entered is tried once more.
  template <typename Action>
  void quietly(Action action) noexcept {
    for (int attempt = 0; attempt < 2; ++attempt) {
      try {
        const Entered entered = enter();
        return action();
      } catch (...) {
      }
    }
  }

  /// Throws Failure unless the call went well. After a fatal one every later use of the context is refused.
  void check(const char* call, Result result) {
    if (result != SUCCESS) fail(call, result);
  }
  [[noreturn]] void fail(const char* call, Result result, const std::string& log = "");
  /// As `check`, of a call that gives something back: what is to be given back after it still is.
  void note(const char* call, Result result) noexcept;
  /// Nothing of it is used any more, nor given back one by one.
  void abandon(const std::string& why);
  /// The same, and the context is not given back either: work is on its way in it, which nobody may wait for.
  void leaveBehind();
  /// Why it was abandoned; empty if it was not.
  std::string lost() const;

  const DriverApi& api() const { return driver_->api; }
  const std::shared_ptr<const Driver>& driver() const { return driver_; }
  int ordinal() const { return ordinal_; }
  /// The device's pool of memory; null where it has none.
  PoolHandle pool() const { return pool_; }
  bool hasPools() const { return hasPools_; }

  /// Whether the driver copies straight from a peer's memory to this device's.
  bool canReach(const Context& peer) const;
  /// Lets this device use a peer's memory. Throws Failure if it may not.
  void reach(Context& peer);
  ContextHandle handle() const { return handle_; }

  // Memory that this environment has of the device.

  struct Usage {
    std::uint64_t most;    // there is never more in use
    std::uint64_t used;
    std::uint64_t peak;
    std::uint64_t blocks;  // in use
    std::uint64_t reused, fresh;  // blocks of memory that the driver had kept, and others
    std::uint64_t limit;   // the driver keeps no more
    std::uint64_t kept;    // by the driver, for the whole process, for what comes next
  };
  Usage usage();
  /// At most so many bytes are in use. What is in use already stays.
  void allow(std::uint64_t bytes) { most_ = bytes; }
  /// The driver keeps at most so many bytes that are not in use.
  void limit(std::uint64_t bytes);
  /// Gives back what the driver keeps.
  void trim();

  /// Bytes that the driver has of the device for its pool, in use or kept; 0 where it does not say.
  std::uint64_t reserved();
  /// A block was taken; `before`: what was reserved before.
  void noteBlock(std::uint64_t before);

  /// So many of the bytes that may be in use, as long as it lives.
  class Reservation {
   public:
    /// Throws Failure if there are not so many.
    Reservation(Context& context, std::uint64_t bytes);
    ~Reservation();
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

   private:
    Context& context_;
    std::uint64_t bytes_;
  };

 private:
  std::shared_ptr<const Driver> driver_;
  int ordinal_;
  Device device_ = 0;
  ContextHandle handle_ = nullptr;
  bool hasPools_ = false;
  PoolHandle pool_ = nullptr;
  mutable std::mutex mutex_;
  std::string lost_;
  bool leftBehind_ = false;
  std::atomic<std::uint64_t> most_{~std::uint64_t(0)};
  std::atomic<std::uint64_t> limit_{0};
  std::uint64_t used_ = 0, peak_ = 0, blocks_ = 0, reused_ = 0, fresh_ = 0;  // of the mutex

  void openPool();
  std::uint64_t poolAttribute(int attribute);
};

/// A code image in a context.
class Module {
 public:
  /// CUBIN, PTX or a fat binary. Throws Failure with the assembler's words.
  Module(Context& context, const std::string& image);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  Context& context() const { return context_; }
  ModuleHandle handle() const { return handle_; }

 private:
  Context& context_;
  ModuleHandle handle_ = nullptr;
};

/// A kernel of a module.
class Function {
 public:
  Function(std::shared_ptr<const Module> module, const std::string& name);

  Context& context() const { return module_->context(); }
  FunctionHandle handle() const { return handle_; }
  int attribute(int which) const;
  /// How many blocks of so many threads a multiprocessor runs at a time.
  int occupancy(int blockThreads, std::size_t dynamicSharedBytes) const;
  /// Allows launches with more dynamic shared memory than every device gives.
  void allowSharedBytes(int bytes) const;

 private:
  std::shared_ptr<const Module> module_;
  FunctionHandle handle_ = nullptr;
};

}  // namespace dotcompute::cuda
