// Array sinks: one result for every element, or what is yielded, in order.
#pragma once

#include "lane.cuh"

namespace dotcompute::rt {

/// One result for every element: each is loaded once and stored once, by vectors. The output may be the source itself, if
/// their elements are equally wide: a thread stores only where it has loaded.
template <class In, class Out, int V, int U, class Body>
RT_INLINE void map(Source<In> source, u64 base, u64 length, Out* output, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  const auto more = [&](u64) { return !lane.halted; };
  sweep<V, U>(source, length, more, [&](u64 at, const auto& elements) {
    constexpr int count = sizeof(elements.at) / sizeof(elements.at[0]);
    Vector<Out, count> results;
#pragma unroll
    for (int i = 0; i < count; i++) {
      Loaded<Out> result{};
      lane.run(body, base + at + i, typename Source<In>::Element(elements.at[i]), result);
      results.at[i] = Out(result);
    }
    *(Vector<Out, count>*)(output + at) = results;
  });
}

// What is yielded, in order, in three steps: how many each block of 1024 elements yields; sums of those before each; then
// the body runs again and every lane knows its place. It reads the source twice. A single pass in which blocks wait for the
// sums of earlier ones would read it once, but relies on all of them making progress at the same time and on a fixed order
// of starting; here no thread ever waits for another, and any step can be repeated.

/// How many elements yield, for each block.
template <class In, class Out, int U, class Body>
RT_INLINE void filter_count(Source<In> source, u64 base, u64 length, u64* counts, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  for (u64 block = warp_id(); block * BLOCK < length; block += warp_count()) {
    unsigned count = 0;
    rows<U>(source, block * BLOCK, length, [&](u64 at, auto element, bool present) {
      Loaded<Out> result{};
      if (present && lane.run(body, base + at, element, result)) count++;
    });
    const u64 sum = warp_sum(count);
    if (lane_id() == 0) counts[block] = sum;
  }
}

/// In place of each of up to 1024 counts, the sum of those before it; their sum goes to `totals`, whose sums come next. Where
/// there are no more counts than that, they come after what earlier chunks have yielded.
RT_INLINE void filter_scan(u64* counts, u64 size, u64* totals, State* state) {
  const u64 tile = warp_id(), lane = lane_id();
  if (tile * BLOCK >= size) return;
  u64 before = totals != nullptr ? 0 : state->count;
#pragma unroll 1
  for (u64 row = tile * BLOCK; row < (tile + 1) * BLOCK && row < size; row += LANES) {
    const bool present = row + lane < size;
    const u64 count = present ? counts[row + lane] : 0;
    u64 sum = count;
    for (unsigned by = 1; by < LANES; by *= 2) {
      const u64 left = from_lane(sum, lane - by);
      if (lane >= by) sum += left;
    }
    if (present) counts[row + lane] = before + sum - count;
    before += from_lane(sum, LANES - 1);
  }
  if (lane == 0) (totals != nullptr ? totals[tile] : state->count) = before;
}

/// How many elements yield before a block: its own sum, its tile's, its tile of tiles' …, which lie one after the other.
RT_INLINE u64 filter_place(const u64* sums, u64 blocks, u64 block) {
  u64 place = 0;
  for (u64 size = blocks;; size = (size + BLOCK - 1) / BLOCK, block /= BLOCK) {
    place += sums[block];
    if (size <= BLOCK) return place;
    sums += size;
  }
}

template <class In, class Out, int U, class Body>
RT_INLINE void filter_write(Source<In> source, u64 base, u64 length, const u64* sums, Out* output, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  const u64 blocks = (length + BLOCK - 1) / BLOCK;
  const unsigned earlier = (1u << lane_id()) - 1;
  for (u64 block = warp_id(); block < blocks; block += warp_count()) {
    Out* next = output + filter_place(sums, blocks, block);
    rows<U>(source, block * BLOCK, length, [&](u64 at, auto element, bool present) {
      Loaded<Out> result{};
      const bool yields = present && lane.run(body, base + at, element, result);
      const unsigned kept = __ballot_sync(EVERY_LANE, yields);
      if (yields) next[__popc(kept & earlier)] = Out(result);
      next += __popc(kept);
    });
  }
}

}  // namespace dotcompute::rt
