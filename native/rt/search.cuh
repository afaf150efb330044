// Counting what is yielded, and finding the first or last element that yields.
#pragma once

#include "lane.cuh"

namespace dotcompute::rt {

/// The result of a body that yields no value.
struct Nothing {};

/// Calls `each(yields)` for every element, in order on each thread.
template <class In, class Type, int V, int U, class More, class Body, class Each>
RT_INLINE void run_all(const Source<In>& source, u64 base, u64 length, Lane& lane, const Body& body, More more, Each each) {
  sweep<V, U>(source, length, more, [&](u64 at, const auto& elements) {
    constexpr int count = sizeof(elements.at) / sizeof(elements.at[0]);
#pragma unroll
    for (int i = 0; i < count; i++) {
      Type result{};
      each(lane.run(body, base + at + i, typename Source<In>::Element(elements.at[i]), result));
    }
  });
}

template <class In, int V, int U, class Body>
RT_INLINE void count(Source<In> source, u64 base, u64 length, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  u64 found = 0;
  run_all<In, Nothing, V, U>(source, base, length, lane, body, [](u64) { return true; }, [&](bool yields) { found += yields; });
  add_up(&state->count, found);
}

/// The place of the first element that yields. Tiles behind it are left out as soon as it is known. A warp says it once for
/// all of its lanes; with `Loops` each lane says it at once, since others may wait for it in a loop without an end.
template <class In, class Type, int V, int U, bool Loops, class Body>
RT_INLINE void find_first(Source<In> source, u64 base, u64 length, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop, true);
  const volatile State* seen = state;
  u64 found = NOWHERE;
  const auto more = [&](u64 start) {
    const u64 at = base + start;
    return !__any_sync(EVERY_LANE, found != NOWHERE || lane.halted || seen->position < at || seen->failed < at);
  };
  run_all<In, Type, V, U>(source, base, length, lane, body, more, [&](bool yields) {
    if (!yields) return;
    found = lane.place;
    lane.halted = true;  // later elements are of no interest
    if (Loops) atomicMin(&state->position, found);
  });
  for (unsigned half = LANES / 2; half > 0; half /= 2) {
    const u64 other = from_lane(found, lane_id() + half);
    if (other < found) found = other;
  }
  if (lane_id() == 0 && found != NOWHERE) atomicMin(&state->position, found);
}

/// How many elements pass `visit` before the one that was found: all before it have yielded nothing, and run once more.
template <class In, class Type, int V, int U, class Body>
RT_INLINE void rank_first(Source<In> source, u64 base, u64 length, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  const u64 position = state->position, before = position > base ? position - base : 0;
  u64 visits = 0;
  const auto more = [](u64) { return true; };
  run_all<In, Type, V, U>(source, base, before < length ? before : length, lane, body, more, [&](bool) {
    visits += lane.visited;
    lane.visited = false;
  });
  add_up(&state->rank, visits);
}

/// The place of the last element that yields. All elements run, since any of them may fail.
template <class In, class Type, int V, int U, class Body>
RT_INLINE void find_last(Source<In> source, u64 base, u64 length, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  u64 behind = 0;  // the place behind the last one
  run_all<In, Type, V, U>(source, base, length, lane, body, [](u64) { return true; }, [&](bool yields) {
    if (yields) behind = lane.place + 1;
  });
  for (unsigned half = LANES / 2; half > 0; half /= 2) {
    const u64 other = from_lane(behind, lane_id() + half);
    if (other > behind) behind = other;
  }
  // As signed numbers, NOWHERE is before all places.
  if (lane_id() == 0 && behind != 0) atomicMax((i64*)&state->position, i64(behind - 1));
}

/// The value of the element that was found, if it is one of these: it runs once more, on one thread.
template <class In, class Type, class Body>
RT_INLINE void take_found(Source<In> source, u64 base, u64 length, State* state, const volatile int* stop, const Body& body) {
  const u64 position = state->position;
  if (position == NOWHERE || position < base || position - base >= length) return;
  Lane lane(state, stop);
  Type result{};
  if (lane.run(body, position, source.one(position - base), result)) state->value = bits_of(result);
}

}  // namespace dotcompute::rt
