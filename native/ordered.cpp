#include "ordered.hpp"

#include <chrono>
#include <cstring>
#include <new>

namespace dotcompute {

namespace {

constexpr std::uint64_t NONE = ~std::uint64_t(0);
constexpr std::size_t CACHE_LINE = 64;

}  // namespace

Ordered::Ordered(const Signature& signature, const Call& call, std::uint64_t part, std::uint64_t parts)
    : call_(call), part_(part), starts_(parts + 1), counts_(parts, NONE) {
  if (signature.output) {
    bytes_.push_back(signature.output->bytes);
    outputs_.push_back(static_cast<char*>(call.output));
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    bytes_.push_back(signature.outputs[i]->bytes);
    outputs_.push_back(static_cast<char*>(call.outputs[i]));
  }
  addressBytes_ = (outputs_.size() * sizeof(void*) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
  roomBytes_ = addressBytes_;
  for (const std::size_t bytes : bytes_) roomBytes_ += bytes * part;
  spare_.reset(new char[roomBytes_]);
}

void Ordered::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  known_.notify_all();
}

/// Where what a part keeps begins, if all before it have ended; of an abandoned run nothing is known.
std::optional<std::uint64_t> Ordered::startOf(std::uint64_t part, bool wait) {
  std::unique_lock lock(mutex_);
  while (wait && frontier_ < part && !abandoned_) known_.wait_for(lock, std::chrono::seconds(1));
  if (frontier_ < part) return std::nullopt;
  return starts_[part];
}

void Ordered::counted(std::uint64_t part, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  counts_[part] = count;
  if (part != frontier_) return;
  for (; frontier_ < counts_.size() && counts_[frontier_] != NONE; ++frontier_) starts_[frontier_ + 1] = starts_[frontier_] + counts_[frontier_];
  known_.notify_all();
}

Ordered::Hand::Hand(Ordered& all, bool helps) : all_(all) {
  if (!helps) free_ = std::move(all.spare_);
}

Ordered::Hand::~Hand() {
  while (count_ > 0) place(true);
}

bool Ordered::Hand::ready() {
  place(false);
  if (count_ == MOST) place(true);
  if (!free_) free_.reset(new (std::nothrow) char[all_.roomBytes_]);
  // What waits has rooms that can be used again.
  if (!free_ && count_ > 0) place(true);
  return free_ != nullptr;
}

Call Ordered::Hand::begin(std::uint64_t part) {
  const std::optional<std::uint64_t> start = all_.startOf(part, false);
  direct_ = start.has_value();
  void** const addresses = reinterpret_cast<void**>(free_.get());
  char* room = free_.get() + all_.addressBytes_;
  for (std::size_t i = 0; i < all_.bytes_.size(); ++i) {
    addresses[i] = direct_ ? all_.outputs_[i] + *start * all_.bytes_[i] : room;
    room += all_.part_ * all_.bytes_[i];
  }
  Call call = all_.call_;
  call.output = addresses[0];
  call.outputs = addresses;
  return call;
}

void Ordered::Hand::end(std::uint64_t part, std::uint64_t count) {
  if (!direct_) waiting_[(first_ + count_++) % MOST] = {part, count, std::move(free_)};
  all_.counted(part, count);
}

/// Moves what has its place by now; with `wait`, at least the first. Nothing is moved of an abandoned run.
void Ordered::Hand::place(bool wait) {
  for (; count_ > 0; wait = false) {
    Waiting& first = waiting_[first_];
    const std::optional<std::uint64_t> start = all_.startOf(first.part, wait);
    if (!start && !wait) return;
    if (start) {
      const char* room = first.room.get() + all_.addressBytes_;
      for (std::size_t i = 0; i < all_.bytes_.size(); ++i) {
        std::memcpy(all_.outputs_[i] + *start * all_.bytes_[i], room, first.count * all_.bytes_[i]);
        room += all_.part_ * all_.bytes_[i];
      }
    }
    free_ = std::move(first.room);
    first_ = (first_ + 1) % MOST;
    --count_;
  }
}

}  // namespace dotcompute
