// A stream of commands to a device, and the memory they work on.
//
// Commands take effect in the order in which they were given, be they given to run now, or on the stream's own thread. The
// stream is therefore busy with a queue as long as commands for later wait in it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "cuda-context.hpp"
#include "cuda-executor.hpp"

namespace dotcompute::cuda {

class Stream;

/// Memory of the device. Given back in the order of the stream it was made for.
class Allocation {
 public:
  /// Throws Failure.
  Allocation(Stream& stream, std::size_t bytes);
  ~Allocation();
  Allocation(const Allocation&) = delete;
  Allocation& operator=(const Allocation&) = delete;

  Stream& stream() const { return stream_; }
  Address address() const { return address_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Stream& stream_;
  Context::Reservation reservation_;
  Address address_ = 0;
  std::size_t bytes_;
};

/// A word of the host's memory that kernels see while they run.
class Flag {
 public:
  /// It is 0. Throws Failure.
  explicit Flag(Context& context);
  ~Flag();
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

  void set(int value) { __atomic_store_n(word_, value, __ATOMIC_RELAXED); }
  /// Where the device sees it.
  Address address() const { return address_; }

 private:
  Context& context_;
  int* word_ = nullptr;
  Address address_ = 0;
};

/// A point in a stream, which other streams can wait for.
class Event {
 public:
  Event(Context& context, bool timed);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  Context& context() const { return context_; }
  EventHandle handle() const { return handle_; }

  /// A recording was asked for; its number.
  unsigned long long announce();
  /// It has been handed to the driver, or never will be.
  void settle(unsigned long long recording);
  /// The number of the last that was asked for, if it or one before has not been handed over yet; else 0.
  unsigned long long pending();
  /// Until those up to this number have been handed over: before, the driver knows nothing of them, and would not wait. Later
  /// ones may be behind the wait itself.
  void awaitRecordings(unsigned long long last, const GiveUp& giveUp);

 private:
  Context& context_;
  EventHandle handle_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned long long last_ = 0;
  std::set<unsigned long long> unsettled_;
};

/// Pinned memory, through which all bytes pass between JavaScript's arrays and the device: while one piece is on its way the
/// next is copied, and nothing of JavaScript's is ever in the driver's hands.
struct Slot {
  void* memory = nullptr;
  EventHandle event = nullptr;
  unsigned long long used = 0;  // when, counted; 0: never
  bool waiting = false;         // its event may not have come to pass
  bool held = false;            // its bytes are still to be read
};

class Stream {
 public:
  static constexpr std::size_t SLOT_BYTES = std::size_t(4) << 20;
  static constexpr std::size_t SLOTS = 4;

  /// Throws Failure.
  explicit Stream(Context& context);
  /// No task may be running.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Context& context() const { return context_; }

  // How commands are given, on the environment's thread.

  /// Runs it here, after all that was given before. Throws what failed, be it this or one before.
  void now(const GiveUp& giveUp, const std::function<void()>& command);
  /// Runs it here if nothing waits, else on the stream's thread; what fails there is thrown by the next command that can.
  void soon(std::function<void()> command);
  /// As `soon`, but on the stream's thread in any case.
  void later(std::function<void()> command);
  bool isIdle() { return queue_.isIdle(); }
  /// Gives memory back on the stream's thread, after all that was given before.
  void giveBack(std::shared_ptr<Allocation> allocation);
  /// Whether memory is on its way back.
  bool isGivingBack() const { return returning_ > 0; }
  /// For tasks that see to failures themselves, after a look for earlier ones.
  Executor& queue() { return queue_; }
  /// The failure of an earlier command that nobody has heard of yet is thrown.
  void raise();
  /// Whether tasks on the stream's thread are to give up waiting.
  GiveUp closing() {
    return [this] { return closing_.load(std::memory_order_relaxed); };
  }
  void startClosing() { closing_ = true; }
  /// Ends the thread.
  void close() { queue_.close(); }

  // The commands; on whichever thread.

  /// Returns once `from` has been read.
  void write(Address to, const void* from, std::size_t bytes, const GiveUp& giveUp);
  /// Returns once all has been written to `to`.
  void read(void* to, Address from, std::size_t bytes, const GiveUp& giveUp);
  void copy(Address to, Address from, std::size_t bytes);
  /// From another device's memory, which this one reaches.
  void copyPeer(Address to, const Context& peer, Address from, std::size_t bytes);
  /// `count` units of 1 or 4 bytes.
  void fill(Address to, unsigned value, std::size_t count, unsigned unit);
  struct Launch {
    unsigned grid[3];
    unsigned block[3];
    unsigned sharedBytes;
  };
  void launch(const Function& function, const Launch& shape, const void* parameters, std::size_t bytes);
  void record(Event& event);
  /// For the event's recordings up to this number.
  void await(Event& event, unsigned long long last, const GiveUp& giveUp);
  /// Gives its page-locked memory back, once nothing on its way needs it.
  void unpin() noexcept;
  /// Waits for all that the device was given.
  void finish(const GiveUp& giveUp);
  /// Whether the device has done all; false also if it is not known.
  bool isDone() noexcept;

 private:
  friend class Allocation;
  Context& context_;
  StreamHandle handle_ = nullptr;
  std::vector<Slot> slots_;
  bool unpinned_ = false;  // no pinned memory could be had
  unsigned long long uses_ = 0;
  std::mutex mutex_;
  std::optional<Failure> unheard_;
  std::atomic<bool> closing_{false};
  std::atomic<unsigned> returning_{0};
  Executor queue_{1};

  bool isFailed();
  void note(const Failure& failure);
  Slot* acquire(const GiveUp& giveUp);
  Slot* addSlot();
  void mark(Slot& slot);
  void awaitSlot(Slot& slot, const GiveUp& giveUp);
};

}  // namespace dotcompute::cuda
