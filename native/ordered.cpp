#include "ordered.hpp"

#include <chrono>
#include <new>

namespace dotcompute {

Ordered::Ordered(std::uint64_t parts, std::size_t roomBytes) : roomBytes_(roomBytes), spare_(new char[roomBytes]), ended_(parts) {}

void Ordered::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  known_.notify_all();
}

/// Whether all before a part have ended; of an abandoned run nothing more will be known.
bool Ordered::isKnown(std::uint64_t part, bool wait) {
  std::unique_lock lock(mutex_);
  while (wait && frontier_ < part && !abandoned_) known_.wait_for(lock, std::chrono::seconds(1));
  return frontier_ >= part;
}

void Ordered::ended(std::uint64_t part, const Outcome& outcome, bool direct) {
  const std::lock_guard lock(mutex_);
  ended_[part] = {outcome, true, direct};
  if (part != frontier_) return;
  for (; frontier_ < ended_.size() && ended_[frontier_].known; ++frontier_) advance(frontier_, ended_[frontier_].outcome, ended_[frontier_].direct);
  known_.notify_all();
}

Ordered::Hand::Hand(Ordered& all, bool helps) : all_(all) {
  if (!helps) free_ = std::move(all.spare_);
}

Ordered::Hand::~Hand() {
  while (count_ > 0) settle(true);
}

bool Ordered::Hand::ready() {
  settle(false);
  if (count_ == MOST) settle(true);
  if (!free_) free_.reset(new (std::nothrow) char[all_.roomBytes_]);
  // What waits has rooms that can be used again.
  if (!free_ && count_ > 0) settle(true);
  return free_ != nullptr;
}

Call Ordered::Hand::begin(std::uint64_t part) {
  direct_ = all_.isKnown(part, false);
  return all_.place(part, free_.get(), direct_);
}

void Ordered::Hand::end(std::uint64_t part, const Outcome& outcome) {
  if (outcome.status != Status::Done) return;
  if (!direct_) waiting_[(first_ + count_++) % MOST] = {part, std::move(free_)};
  all_.ended(part, outcome, direct_);
}

/// Settles what has its place by now; with `wait`, at least the first. Nothing is settled of an abandoned run.
void Ordered::Hand::settle(bool wait) {
  for (; count_ > 0; wait = false) {
    Waiting& first = waiting_[first_];
    const bool known = all_.isKnown(first.part, wait);
    if (!known && !wait) return;
    if (known) all_.settle(first.part, first.room.get());
    free_ = std::move(first.room);
    first_ = (first_ + 1) % MOST;
    --count_;
  }
}

}  // namespace dotcompute
