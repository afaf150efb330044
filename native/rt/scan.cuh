// Scans: the running values of a reduction. In the canonical scan order in three steps: what each block of 1024 elements comes to;
// what stands before each block, one after the other; then the body runs again and every element joins what stands before it.
#pragma once

#include "fold.cuh"

namespace dotcompute::rt {

/// Kogge and Stone: each lane joins the one before it, then the one two before, four, eight and sixteen, all at once. All lanes
/// must call it together.
template <class Op, class T>
RT_INLINE T scan_row(T value) {
  const unsigned lane = lane_id();
#pragma unroll
  for (unsigned by = 1; by < LANES; by *= 2) {
    const T left = from_lane(value, lane - by);
    if (lane >= by) value = Op::join(left, value);
  }
  return value;
}

/// Calls `each(at, value, present)` for the elements of a block: `value` is the running value within the block. What is past the
/// end, or fails, is the identity.
template <class Op, class Term, class Type, int U, class In, class Body, class Each>
RT_INLINE void scan_block(const Source<In>& source, u64 base, u64 start, u64 length, Lane& lane, const Body& body, Each each) {
  Type before = Op::template identity<Type>();
  rows<U>(source, start, length, [&](u64 at, auto element, bool present) {
    Term term{};
    const bool yields = present && lane.run(body, base + at, element, term);
    const Type value = Op::join(before, scan_row<Op>(yields ? Type(term) : Op::template identity<Type>()));
    before = from_lane(value, LANES - 1);
    each(at, value, present);
  });
}

/// What each block comes to.
template <class Op, class In, class Term, class Type, int U, class Body>
RT_INLINE void scan_totals(Source<In> source, u64 base, u64 length, Type* totals, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  for (u64 block = warp_id(); block * BLOCK < length; block += warp_count()) {
    Type total{};
    scan_block<Op, Term, Type, U>(source, base, block * BLOCK, length, lane, body, [&](u64, Type value, bool) { total = value; });
    if (lane_id() == LANES - 1) totals[block] = total;
  }
}

/// In place of each block's total what stands before the block; the chunk before has left what stands before this one. One warp
/// loads 32 totals at once and joins them one after the other.
template <class Op, class Type>
RT_INLINE void scan_carry(Type* totals, u64 size, u64 base, State* state, Type seed) {
  if (warp_id() > 0) return;
  const unsigned lane = lane_id();
  Type before = base > 0 ? from_bits<Type>(state->value) : seed;
#pragma unroll 1
  for (u64 row = 0; row < size; row += LANES) {
    const bool present = row + lane < size;
    const Type total = present ? totals[row + lane] : Op::template identity<Type>();
    Type mine = before;
#pragma unroll
    for (unsigned from = 0; from < LANES; from++) {
      if (lane == from) mine = before;
      before = Op::join(before, from_lane(total, from));
    }
    if (present) totals[row + lane] = mine;
  }
  if (lane == 0) state->value = bits_of(before);
}

/// Stores what `stored` makes of the running values.
template <class Op, class In, class Term, class Type, class Out, bool Exclusive, int U, class Body, class Stored>
RT_INLINE void scan(Source<In> source, u64 base, u64 length, const Type* carries, Out* output, State* state, const volatile int* stop, const Body& body, const Stored& stored) {
  Lane lane(state, stop);
  for (u64 block = warp_id(); block * BLOCK < length; block += warp_count()) {
    const Type carried = carries[block];
    Type last = carried;
    scan_block<Op, Term, Type, U>(source, base, block * BLOCK, length, lane, body, [&](u64 at, Type value, bool present) {
      Type result = Op::join(carried, value);
      if constexpr (Exclusive) {
        const Type left = from_lane(result, lane_id() - 1), newest = from_lane(result, LANES - 1);
        result = lane_id() == 0 ? last : left;
        last = newest;
      }
      if (present) output[at] = Out(stored(result));
    });
  }
}

/// From left to right, on one thread.
template <class In, class Out, bool Exclusive, int U, class T, class Step, class Stored>
RT_INLINE void scan_left(Source<In> source, u64 base, u64 length, Out* output, State* state, const volatile int* stop, T seed, const Step& step, const Stored& stored) {
  fold_each<In, U>(source, base, length, state, stop, seed, step, [&](u64 at, T before, T behind) { output[at] = Out(stored(Exclusive ? before : behind)); });
}

}  // namespace dotcompute::rt
