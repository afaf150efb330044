#include "cuda-executor.hpp"

#include <chrono>
#include <system_error>
#include <utility>

namespace dotcompute::cuda {

void Executor::add(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    if (idle_ <= waiting_.size() && threads_.size() < mostThreads_) {
      try {
        threads_.emplace_back([this] { serve(); });
      } catch (const std::system_error&) {
        if (threads_.empty()) throw;  // else the threads that there are will come to it
      }
    }
    waiting_.push_back(std::move(task));
  }
  work_.notify_one();
}

bool Executor::isIdle() {
  const std::lock_guard lock(mutex_);
  return busy_ == 0 && waiting_.empty();
}

bool Executor::waitIdle(const std::function<bool()>& giveUp) {
  std::unique_lock lock(mutex_);
  while (busy_ > 0 || !waiting_.empty()) {
    changed_.wait_for(lock, std::chrono::milliseconds(20));
    lock.unlock();
    const bool ends = giveUp();
    lock.lock();
    if (ends) return false;
  }
  return true;
}

void Executor::close() {
  std::deque<Task> dropped;  // its destruction may need the lock
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    dropped.swap(waiting_);
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Executor::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    // An untimed wait would ask for the libstdc++ of GCC 12, which not every system has that could load this addon.
    while (!closing_ && waiting_.empty()) work_.wait_for(lock, std::chrono::hours(1));
    --idle_;
    if (closing_) return;
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes while others still count it as running
    lock.lock();
    --busy_;
    changed_.notify_all();
  }
}

}  // namespace dotcompute::cuda
