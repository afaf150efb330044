// Reductions in the canonical order: a warp folds a block of 1024 elements, blocks combine as a balanced tree.
#pragma once

#include "lane.cuh"

namespace dotcompute::rt {

template <class T>
RT_INLINE T least() {
  if constexpr (same<T, double> || same<T, float>) return T(-RT_INFINITY);
  else if constexpr (same<T, int>) return -2147483647 - 1;
  else if constexpr (same<T, i64>) return -9223372036854775807ll - 1;
  else return T(0);
}
template <class T>
RT_INLINE T most() {
  if constexpr (same<T, double> || same<T, float>) return T(RT_INFINITY);
  else if constexpr (same<T, int>) return 2147483647;
  else if constexpr (same<T, i64>) return 9223372036854775807ll;
  else return T(~T(0));
}

/// Signed sums and products wrap.
template <class T>
inline constexpr bool WRAPS = same<T, int> || same<T, i64>;

struct Add {
  template <class T>
  static RT_MEMBER T identity() {
    return same<T, double> || same<T, float> ? T(-0.0) : T(0);
  }
  template <class T>
  static RT_MEMBER T join(T a, T b) {
    if constexpr (WRAPS<T>) return rt_add(a, b);
    else return a + b;
  }
};
struct Mul {
  template <class T>
  static RT_MEMBER T identity() {
    return T(1);
  }
  template <class T>
  static RT_MEMBER T join(T a, T b) {
    if constexpr (WRAPS<T>) return rt_mul(a, b);
    else return a * b;
  }
};
struct Min {
  template <class T>
  static RT_MEMBER T identity() {
    return most<T>();
  }
  template <class T>
  static RT_MEMBER T join(T a, T b) {
    return rt_min(a, b);
  }
};
struct Max {
  template <class T>
  static RT_MEMBER T identity() {
    return least<T>();
  }
  template <class T>
  static RT_MEMBER T join(T a, T b) {
    return rt_max(a, b);
  }
};
struct And {
  template <class T>
  static RT_MEMBER T identity() {
    if constexpr (same<T, bool>) return true;
    else return T(~T(0));
  }
  template <class T>
  static RT_MEMBER T join(T a, T b) {
    return T(a & b);
  }
};
struct Or {
  template <class T>
  static RT_MEMBER T identity() {
    return T(0);
  }
  template <class T>
  static RT_MEMBER T join(T a, T b) {
    return T(a | b);
  }
};
struct Xor {
  template <class T>
  static RT_MEMBER T identity() {
    return T(0);
  }
  template <class T>
  static RT_MEMBER T join(T a, T b) {
    return T(a ^ b);
  }
};

/// Folds what is yielded with Op, a value for each block. Lanes without elements hold the operator's exact identity, which
/// changes nothing. `blocks` is the value of the source's first block.
template <class Op, class In, class Term, class Type, int U, bool Counted, class Body>
RT_INLINE void reduce(Source<In> source, u64 base, u64 length, Type* blocks, State* state, const volatile int* stop, const Body& body) {
  Lane lane(state, stop);
  u64 count = 0;
  for (u64 block = warp_id(); block * BLOCK < length; block += warp_count()) {
    Type sum = Op::template identity<Type>();
    rows<U>(source, block * BLOCK, length, [&](u64 at, auto element, bool present) {
      Term term{};
      if (!present || !lane.run(body, base + at, element, term)) return;
      sum = Op::join(sum, Type(term));
      if (Counted) count++;
    });
    for (unsigned half = LANES / 2; half > 0; half /= 2) sum = Op::join(sum, from_lane(sum, lane_id() + half));
    if (lane_id() == 0) blocks[block] = sum;
  }
  if (Counted) add_up(&state->count, count);
}

/// Joins the values of the first `size` lanes as adjacent pairs, again and again, an odd last one carried on: in lane 0. All
/// lanes must call it together.
template <class T, class Join>
RT_INLINE T join_pairs(T value, u64 size, const Join& join) {
  const unsigned lane = lane_id();
  for (unsigned step = 1; step < LANES; step *= 2) {
    const T next = from_lane(value, lane + step);
    if (lane % (2 * step) == 0 && lane + step < size) value = join(value, next);
  }
  return value;
}

/// Passing again and again over adjacent pairs gives the tree that splits at the largest power of two. This is ten such
/// passes: a warp joins 1024 values and stores one in `joined`, or hands the last one of all over to `finish`.
template <class T, class Join, class Finish>
RT_INLINE void join_blocks(const T* values, u64 size, T* joined, const T& nothing, const Join& join, const Finish& finish) {
  const u64 tile = warp_id(), lane = lane_id();
  if (tile > 0 && tile * BLOCK >= size) return;
  T mine = nothing;
  u64 count = 0;
#pragma unroll 1
  for (u64 row = tile * BLOCK; row < (tile + 1) * BLOCK && row < size; row += LANES, count++) {
    const T value = join_pairs(row + lane < size ? values[row + lane] : nothing, size - row, join);
    const T whole = from_lane(value, 0);
    if (lane == count) mine = whole;
  }
  const T value = join_pairs(mine, count, join);
  if (lane != 0) return;
  if (joined != nullptr) joined[tile] = value;
  else finish(value);
}

/// The reduction's value, once all of its blocks have theirs.
template <class Op, class Type>
RT_INLINE void reduce_join(const Type* values, u64 size, Type* joined, State* state) {
  const auto join = [](Type a, Type b) { return Op::join(a, b); };
  join_blocks(values, size, joined, Op::template identity<Type>(), join, [&](Type value) { state->value = bits_of(value); });
}

}  // namespace dotcompute::rt
