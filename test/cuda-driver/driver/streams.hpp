// Streams: work in order, which runs at once, or in deferred mode only when something waits for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace driver {

class Context;
class Timeline;

/// A point in a stream: the end of its first so many pieces of work.
struct Point {
  std::shared_ptr<Timeline> timeline;
  std::uint64_t count = 0;

  bool reached() const;
  void reach() const;
};

/// The work of one stream.
class Timeline : public std::enable_shared_from_this<Timeline> {
 public:
  Timeline(Context& context, bool blocking) : context(context), blocking(blocking) {}

  void add(std::function<void()> work, std::vector<Point> after);
  Point end() { return {shared_from_this(), issued_}; }
  std::uint64_t finished() const { return finished_; }
  bool idle() const { return finished_ == issued_; }
  /// Runs its work up to there, and whatever of other streams that waits for.
  void runUntil(std::uint64_t count);
  /// The next work added comes after that point.
  void wait(Point point) { waits_.push_back(std::move(point)); }
  /// Forgets the work: its device or context is gone.
  void abandon();

  Context& context;
  const bool blocking;   // takes turns with the default stream
  unsigned polls = 0;    // questions without an answer since work was last added

 private:
  struct Work {
    std::function<void()> run;
    std::vector<Point> after;
  };
  std::deque<Work> queue_;
  std::vector<Point> waits_;
  std::uint64_t issued_ = 0;
  std::uint64_t finished_ = 0;
};

struct Stream {
  std::shared_ptr<Timeline> timeline;
};

struct Event {
  Context* context;
  bool timed;
  Point point;
  std::shared_ptr<std::chrono::steady_clock::time_point> time;
};

}  // namespace driver
