// Left folds: one element at a time, in order; or, where two accumulators can be joined, each of 32 lanes on its own.
#pragma once

#include "reduce.hpp"

namespace dotcompute::rt {

/// An accumulator and the number of elements that have gone into it. Without a seed the first element becomes its value.
template <class T>
struct Running {
  T value;
  u64 count = 0;

  RT_MEMBER bool empty() const { return count == 0; }
  RT_MEMBER void next(T to) {
    value = to;
    count++;
  }
};

/// What comes of a fold that ended early. An element's failure may depend on all before it, so the whole is to be repeated.
RT_INLINE Status fold_ended(Call* call, Status status) {
  call->position = 0;
  return status;
}

template <class In, class T, class Step>
RT_INLINE Status fold(Call* call, T seed, Step step) {
  const Source<In, 1> source(call);
  Group<1> lanes(call);
  Running<T> running{seed};
  for (u64 at = 0; at < call->length; at++) {
    if (at % BLOCK == 0 && *call->stop) return Status::Stopped;
    lanes.base = at;
    step(lanes, running, source.one(at));
    if (lanes.status != Status::Done) return fold_ended(call, lanes.status);
  }
  call->count = running.count;
  call->value = scalar(running.value);
  return Status::Done;
}

/// In the canonical order of reductions; lanes and blocks where nothing arrived are left out.
template <class In, class T, class Step, class Join>
RT_INLINE Status fold_lanes(Call* call, T seed, Step step, Join join) {
  const Source<In, 1> source(call);
  Group<1> lanes(call);
  const auto both = [&](Running<T> left, Running<T> right) -> Running<T> {
    if (left.empty() || right.empty()) return left.empty() ? right : left;
    return {join(lanes, left.value, right.value), left.count + right.count};
  };
  Tree<Running<T>> tree;
  for (u64 part = 0; part < call->parts; part++) tree.push({value_of<T>(call->partials[2 * part]), call->partials[2 * part + 1].u64_}, both);
  for (u64 start = call->parts > 0 ? call->length : call->from; start < call->length; start += BLOCK) {
    if (*call->stop) return Status::Stopped;
    const u64 end = call->length - start < BLOCK ? call->length : start + BLOCK;
    Running<T> running[LANES];
    for (int lane = 0; lane < LANES; lane++) running[lane] = {seed};
    for (u64 at = start; at < end; at++) {
      lanes.base = at;
      step(lanes, running[at % LANES], source.one(at));
      if (lanes.status != Status::Done) return fold_ended(call, lanes.status);
    }
    for (int half = LANES / 2; half > 0; half /= 2)
      for (int lane = 0; lane < half; lane++) running[lane] = both(running[lane], running[lane + half]);
    tree.push(running[0], both);
  }
  const Running<T> result = tree.finish({seed}, both);
  if (lanes.status != Status::Done) return fold_ended(call, lanes.status);
  call->count = result.count;
  call->value = scalar(result.value);
  return Status::Done;
}

}  // namespace dotcompute::rt
