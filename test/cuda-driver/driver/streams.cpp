#include "streams.hpp"

#include "state.hpp"

namespace driver {

bool Point::reached() const { return !timeline || timeline->finished() >= count; }

void Point::reach() const {
  if (timeline) timeline->runUntil(count);
}

void Timeline::add(std::function<void()> work, std::vector<Point> after) {
  after.insert(after.end(), waits_.begin(), waits_.end());
  waits_.clear();
  queue_.push_back({std::move(work), std::move(after)});
  issued_++;
  polls = 0;
}

void Timeline::runUntil(std::uint64_t count) {
  while (finished_ < count && !queue_.empty()) {
    const Work work = std::move(queue_.front());
    queue_.pop_front();
    // What it waits for was recorded earlier, so this ends.
    for (const Point& point : work.after) point.reach();
    // A context with a sticky error runs nothing more.
    if (context.sticky == SUCCESS) work.run();
    finished_++;
  }
}

void Timeline::abandon() {
  queue_.clear();
  waits_.clear();
  finished_ = issued_;
}

}  // namespace driver
