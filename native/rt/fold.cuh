// Left folds: one element at a time, in order, on one thread; or, where two accumulators can be joined, each of 32 lanes on
// its own, in the canonical order.
#pragma once

#include "reduce.cuh"

namespace dotcompute::rt {

/// An accumulator and the number of elements that have gone into it. Without a seed the first element becomes its value.
template <class T>
struct Running {
  T value;
  u64 count;

  RT_MEMBER bool empty() const { return count == 0; }
  RT_MEMBER void next(T to) {
    value = to;
    count++;
  }
};

template <class T>
RT_INLINE Running<T> from_lane(Running<T> running, unsigned lane) {
  return {from_lane(running.value, lane), from_lane(running.count, lane)};
}

template <class T>
RT_INLINE void store_running(State* state, Running<T> running) {
  state->value = bits_of(running.value);
  state->count = running.count;
}

/// Goes on where the chunk before ended. U elements are loaded before the first of them is folded, for one thread has nothing
/// else to do while it waits for memory. `each(at, before, behind)` is called for every element with the accumulator.
template <class In, int U, class T, class Step, class Each>
RT_INLINE void fold_each(Source<In> source, u64 base, u64 length, State* state, const volatile int* stop, T seed, const Step& step, const Each& each) {
  Lane lane(state, stop);
  Running<T> running{seed, 0};
  if (base > 0) running = {from_bits<T>(state->value), state->count};
  const auto one = [&](u64 at, typename Source<In>::Element element) {
    if (lane.halted) return;
    lane.place = base + at;
    const T before = running.value;
    step(lane, running, element);
    each(at, before, running.value);
  };
#pragma unroll 1
  for (u64 start = 0; start < length && !lane.poll(); start += BLOCK) {
    const u64 end = length - start < BLOCK ? length : start + BLOCK;
    u64 at = start;
    if constexpr (U > 1) {
#pragma unroll 1
      for (; end - at >= U; at += U) {
        typename Source<In>::Element loaded[U];
#pragma unroll
        for (int u = 0; u < U; u++) loaded[u] = source.one(at + u);
#pragma unroll
        for (int u = 0; u < U; u++) one(at + u, loaded[u]);
      }
    }
#pragma unroll 1
    for (; at < end; at++) one(at, source.one(at));
  }
  store_running(state, running);
}

template <class In, int U, class T, class Step>
RT_INLINE void fold(Source<In> source, u64 base, u64 length, State* state, const volatile int* stop, T seed, const Step& step) {
  fold_each<In, U>(source, base, length, state, stop, seed, step, [](u64, T, T) {});
}

/// A running value for each block; those where nothing arrived are left out of what is joined.
template <class Join>
struct Joining {
  State* state;
  const volatile int* stop;
  const Join& join;

  template <class T>
  RT_MEMBER Running<T> operator()(Running<T> left, Running<T> right) const {
    if (left.empty() || right.empty()) return left.empty() ? right : left;
    Lane lane(state, stop);
    return {join(lane, left.value, right.value), left.count + right.count};
  }
};

template <class In, int U, class T, class Step, class Join>
RT_INLINE void fold_lanes(Source<In> source, u64 base, u64 length, Running<T>* blocks, State* state, const volatile int* stop, T seed, const Step& step, const Join& join) {
  Lane lane(state, stop);
  const Joining<Join> both{state, stop, join};
  for (u64 block = warp_id(); block * BLOCK < length; block += warp_count()) {
    Running<T> running{seed, 0};
    rows<U>(source, block * BLOCK, length, [&](u64 at, auto element, bool present) {
      if (!present || lane.halted) return;
      lane.place = base + at;
      step(lane, running, element);
    });
    for (unsigned half = LANES / 2; half > 0; half /= 2) {
      const Running<T> other = from_lane(running, lane_id() + half);
      if (lane_id() < half) running = both(running, other);
    }
    if (lane_id() == 0) blocks[block] = running;
  }
}

template <class T, class Join>
RT_INLINE void fold_join(const Running<T>* values, u64 size, Running<T>* joined, State* state, const volatile int* stop, T seed, const Join& join) {
  const Joining<Join> both{state, stop, join};
  join_blocks(values, size, joined, Running<T>{seed, 0}, both, [&](Running<T> value) { store_running(state, value); });
}

}  // namespace dotcompute::rt
