#include "team.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace dotcompute {

namespace {

/// Enough for any machine, and for whoever asks for more threads than there are processors.
constexpr std::size_t MOST_THREADS = 255;
/// How often a thread looks whether the last helpers are done before it sleeps: some twenty microseconds.
constexpr int LOOKS = 1000;

/// A wait of so many nanoseconds, and so many times what a part takes, is a stall.
constexpr std::int64_t STALL = 50'000, PATIENCE = 4;
/// How many times as long as a stall nobody asks for help; and nanoseconds, at most.
constexpr std::int64_t ALONE = 50, MOST_ALONE = 1'000'000'000;

std::int64_t now() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

bool Team::Claim::next(std::uint64_t& part) {
  // Jobs that run at the same time have their turns.
  if (helps_ && done_ > 0 && team_.open_.load(std::memory_order_relaxed) > 1) return false;
  part = job_.next.fetch_add(1, std::memory_order_relaxed);
  ++done_;
  if (part >= job_.end) return false;
  if (helps_) team_.helped_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

/// Never destroyed: its threads may outlive every environment, and end with the process.
Team& Team::ofProcess() {
  static Team& team = *new Team;
  return team;
}

/// Fewer threads will do where no more can be had.
void Team::grow(std::size_t threads) {
  try {
    while (threads_.size() < std::min(threads, MOST_THREADS)) threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
}

void Team::share(Work& work, std::uint64_t begin, std::uint64_t end, unsigned others) {
  if (now() < alone_.load(std::memory_order_relaxed) && !persistent_.load(std::memory_order_relaxed)) others = 0;
  Job job{work, begin, end, others};
  std::size_t calls;
  {
    const std::lock_guard lock(mutex_);
    grow(others);
    jobs_.push_back(&job);
    open_.store(jobs_.size(), std::memory_order_relaxed);
    calls = std::min({idle_, std::size_t(others), std::size_t(end - begin)});
  }
  for (; calls > 0; --calls) wanted_.notify_one();

  Claim claim(*this, job, false);
  const std::int64_t began = now();
  work.take(claim);
  const std::int64_t usual = (now() - began) / std::int64_t(std::max<std::uint64_t>(1, claim.done_));

  std::unique_lock lock(mutex_);
  jobs_.remove(&job);
  open_.store(jobs_.size(), std::memory_order_relaxed);
  lock.unlock();
  await(job, usual);
}

/// Whoever takes many times as long for a part as it takes here shares a processor with others, and would do so again the next time.
void Team::await(Job& job, std::int64_t usual) {
  const auto done = [&] { return job.helpers.load(std::memory_order_acquire) == 0; };
  for (int look = 0; look < LOOKS && !done(); ++look) pause();
  const std::int64_t began = now();
  std::unique_lock lock(mutex_);
  if (done()) return;
  while (!done()) job.left.wait_for(lock, std::chrono::seconds(1));
  const std::int64_t waited = now() - began;
  if (waited < STALL + PATIENCE * usual) return;
  stalls_.fetch_add(1, std::memory_order_relaxed);
  alone_.store(now() + std::min(ALONE * waited, MOST_ALONE), std::memory_order_relaxed);
}

/// A job that has room and parts left, which then is the last in the queue. Called with the lock held.
Team::Job* Team::choose() {
  for (auto place = jobs_.begin(); place != jobs_.end(); ++place) {
    Job* const job = *place;
    if (job->room == 0 || job->next.load(std::memory_order_relaxed) >= job->end) continue;
    jobs_.splice(jobs_.end(), jobs_, place);
    return job;
  }
  return nullptr;
}

void Team::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job;
    ++idle_;
    // An untimed wait would ask for the libstdc++ of GCC 12, which not every system has that could load this addon.
    while (!(job = choose())) wanted_.wait_for(lock, std::chrono::hours(1));
    --idle_;
    --job->room;
    job->helpers.fetch_add(1, std::memory_order_relaxed);
    lock.unlock();
    Claim claim(*this, *job, true);
    job->work.take(claim);
    lock.lock();
    ++job->room;
    // The job is gone as soon as its thread has seen this and the lock is free.
    if (job->helpers.fetch_sub(1, std::memory_order_release) == 1) job->left.notify_one();
  }
}

}  // namespace dotcompute
