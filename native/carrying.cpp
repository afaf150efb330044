#include <algorithm>

#include "ordered.hpp"

namespace dotcompute {

namespace {

/// Running values have 64 bits at most.
constexpr std::size_t VALUE_BYTES = 8;

}  // namespace

Carrying::Carrying(const Kernel& kernel, const Call& call, std::uint64_t part, std::uint64_t parts)
    : Ordered(parts, part * VALUE_BYTES), kernel_(kernel), call_(call), part_(part), blocks_(part / BLOCK), carries_(parts + 1), totals_(parts * (1 + blocks_)) {}

/// The elements of a part, which begins with what is carried into it.
Call Carrying::partOf(std::uint64_t part) const {
  Call call = call_;
  call.from = part * part_;
  call.length = std::min(call.from + part_, call_.length);
  if (part > 0) call.partials = &carries_[part];
  return call;
}

Call Carrying::place(std::uint64_t part, char* room, bool direct) {
  if (direct) return partOf(part);
  Call call = partOf(part);
  call.partials = nullptr;
  call.locals = room;
  call.values = &totals_[part * (1 + blocks_) + 1];
  return call;
}

void Carrying::settle(std::uint64_t part, char* room) {
  Call call = partOf(part);
  call.locals = room;
  call.values = nullptr;
  kernel_.entry(&call);
}

void Carrying::advance(std::uint64_t part, const Outcome& outcome, bool direct) {
  if (direct) {
    carries_[part + 1] = outcome.value;
    return;
  }
  // Of the first part the place is always known.
  Scalar* const totals = &totals_[part * (1 + blocks_)];
  totals[0] = carries_[part];
  const Call whole = partOf(part);
  Call join = call_;
  join.parts = 1 + (whole.length - whole.from + BLOCK - 1) / BLOCK;
  join.partials = totals;
  kernel_.entry(&join);
  carries_[part + 1] = join.value;
}

}  // namespace dotcompute
