// Tasks on threads of our own, in the order they came. Not on libuv's: an environment waits for those when it ends.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace dotcompute::cuda {

/// With one thread, tasks run one after the other. All but the tasks is used on the environment's own thread.
class Executor {
 public:
  using Task = std::function<void()>;

  explicit Executor(std::size_t mostThreads) : mostThreads_(mostThreads) {}
  ~Executor() { close(); }
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Threads begin with the first task. Throws std::system_error if none can be started. Once closed, tasks are dropped.
  void add(Task task);
  /// Whether all that was added has ended. Stays so until something is added.
  bool isIdle();
  /// Waits for that. Gives up, and returns false, once `giveUp` says so, which is asked now and then.
  bool waitIdle(const std::function<bool()>& giveUp);
  /// Drops what has not begun and waits for what has.
  void close();

 private:
  std::size_t mostThreads_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  std::size_t busy_ = 0;
  std::size_t idle_ = 0;
  bool closing_ = false;

  void serve();
};

}  // namespace dotcompute::cuda
