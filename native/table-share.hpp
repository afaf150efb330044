// Parts of a table operation, done by several threads.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>

#include "team.hpp"

namespace dotcompute::table {

/// Fewer rows are moved sooner than another thread wakes.
inline constexpr std::size_t WORTH_SHARING = std::size_t(1) << 17;

/// Calls f(part, scratch) for so many parts, on the calling thread and on as many others as make `threads`, each of which has a
/// scratch of its own. What a part throws is thrown here, once nobody is at any part.
template <class Scratch, class F>
void inParts(unsigned threads, std::size_t parts, const F& f) {
  class Shared final : public Team::Work {
   public:
    explicit Shared(const F& f) : f_(f) {}
    void take(Team::Claim& claim) noexcept override {
      try {
        Scratch scratch;
        for (std::uint64_t part; claim.next(part) && !failed_;) f_(std::size_t(part), scratch);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!fault_) fault_ = std::current_exception();
        failed_ = true;
      }
    }
    void rethrow() const {
      if (fault_) std::rethrow_exception(fault_);
    }

   private:
    const F& f_;
    std::atomic<bool> failed_{false};
    std::mutex mutex_;
    std::exception_ptr fault_;
  };
  if (threads < 2 || parts < 2) {
    Scratch scratch;
    for (std::size_t part = 0; part < parts; ++part) f(part, scratch);
    return;
  }
  Shared shared(f);
  Team::ofProcess().share(shared, 0, parts, threads - 1);
  shared.rethrow();
}

struct NoScratch {};

template <class F>
void inParts(unsigned threads, std::size_t parts, const F& f) {
  inParts<NoScratch>(threads, parts, [&](std::size_t part, NoScratch&) { f(part); });
}

/// Rows cut into pieces that follow one another, for so many threads.
class Pieces {
 public:
  Pieces(std::size_t length, unsigned threads) : length_(length), threads_(length < WORTH_SHARING ? 1 : threads), count_(threads_ == 1 ? 1 : 4 * threads_) {}
  unsigned threads() const { return threads_; }
  std::size_t count() const { return count_; }
  std::size_t begin(std::size_t piece) const { return length_ / count_ * piece; }
  std::size_t end(std::size_t piece) const { return piece + 1 == count_ ? length_ : begin(piece + 1); }

 private:
  std::size_t length_;
  unsigned threads_;
  std::size_t count_;
};

}  // namespace dotcompute::table
