// Least and greatest values and sums of integers in lanes of 16 or 8 bits. These are the same in any order, so no canonical one is kept.
#pragma once

#include "reduce.hpp"

namespace dotcompute::rt {

/// Sums of neighbours, in lanes of 32 bits.
template <class T>
RT_INLINE Reg<int> joined(Reg<T> a) {
  if constexpr (sizeof(T) == 2) {
#if RT_GCC_X86
    if constexpr (same<T, short>) {
#if RT_WIDTH == 64
      return __builtin_ia32_pmaddwd512_mask(a, splat<short>(1), Reg<int>{}, (unsigned short)-1);
#elif RT_WIDTH == 32
      return __builtin_ia32_pmaddwd256(a, splat<short>(1));
#else
      return __builtin_ia32_pmaddwd128(a, splat<short>(1));
#endif
    }
#endif
    if constexpr (is_unsigned<T>) return (Reg<int>)(((Reg<u32>)a & 0xffff) + ((Reg<u32>)a >> 16));
    else return ((Reg<int>)a << 16 >> 16) + ((Reg<int>)a >> 16);
  } else {
#if RT_GCC_X86
    // Eight unsigned bytes at once, in the low half of 64 bits; signed ones are 128 more, each.
    const Reg<char> bytes = is_unsigned<T> ? (Reg<char>)a : (Reg<char>)(a ^ T(-128));
#if RT_WIDTH == 64
    const Reg<int> sums = (Reg<int>)__builtin_ia32_psadbw512(bytes, Reg<char>{});
#elif RT_WIDTH == 32
    const Reg<int> sums = (Reg<int>)__builtin_ia32_psadbw256(bytes, Reg<char>{});
#else
    const Reg<int> sums = (Reg<int>)__builtin_ia32_psadbw128(bytes, Reg<char>{});
#endif
    return is_unsigned<T> ? sums : sums - (Reg<int>)splat<i64>(8 * 128);
#else
    using Pair = typename IntOfSize<2>::type;
    if constexpr (is_unsigned<T>) return joined<unsigned short>(((Reg<unsigned short>)a & 0xff) + ((Reg<unsigned short>)a >> 8));
    else return joined<Pair>(((Reg<Pair>)a << 8 >> 8) + ((Reg<Pair>)a >> 8));
#endif
  }
}

/// What a stretch of elements comes to, for one reduction or for each of several.
template <int G, class R, class... More>
struct Totals {
  using Terms = Values<G, typename R::Term, typename More::Term...>;
  Totals<G, R> first;
  Totals<G, More...> rest;

  RT_MEMBER void start() {
    first.start();
    rest.start();
  }
  template <bool Every>
  RT_MEMBER void add(const Terms& terms, Mask<G> live) {
    first.template add<Every>(terms.first, live);
    rest.template add<Every>(terms.rest, live);
  }
};
template <int G, class R>
struct Totals<G, R> {
  using Op = typename R::Op;
  using Term = typename R::Term;
  using Type = typename R::Type;
  using Terms = Pack<Term, G>;
  static constexpr bool ADDS = same<Op, Add>;
  Terms held;
  Reg<int> sums[2];

  RT_MEMBER void start() {
    if constexpr (ADDS) sums[0] = sums[1] = Reg<int>{};
    else held = Op::template identity<Term>;
  }
  template <bool Every>
  RT_MEMBER void add(Terms terms, Mask<G> live) {
    if constexpr (!Every) terms = rt_select(live, terms, Terms(Op::template identity<Term>));
    if constexpr (ADDS) {
      sums[0] += joined<Term>(terms.r[0]);
      sums[1] += joined<Term>(terms.r[1]);
    } else held = Op::join(held, terms);
  }
  RT_MEMBER Type value() const {
    if constexpr (ADDS) {
      const Reg<int> both = sums[0] + sums[1];
      Type sum = 0;
      for (int lane = 0; lane < WIDTH / 4; lane++) sum += both[lane];
      return sum;
    } else {
      Pack<Term, G / 2> a, b;
      a.r[0] = held.r[0];
      b.r[0] = held.r[1];
      a = Op::join(a, b);
#define RT_FOLD(by)                                              \
  if constexpr (WIDTH / 8 > by) {                                \
    b.r[0] = (Reg<Term>)rotate<by, i64>((Reg<i64>)a.r[0]);       \
    a = Op::join(a, b);                                          \
  }
      RT_FOLD(4)
      RT_FOLD(2)
      RT_FOLD(1)
#undef RT_FOLD
      Term lanes[8 / sizeof(Term)];
      __builtin_memcpy(lanes, &a.r[0], sizeof lanes);
      Type value = lanes[0];
      for (const Term lane : lanes) value = R::join(value, lane);
      return value;
    }
  }
};

/// Folds what is yielded, by one reduction or by several.
template <int G, class In, Shape S, class... R, class Body>
RT_INLINE Status total(Call* call, Body body) {
  if (call->parts > 0) return join_parts<R...>(call);
  const Source<In, G> source(call);
  Group<G> lanes(call);
  Forest<R...> forest;
  u64 count = 0;
  for (u64 at = call->from; at < call->length;) {
    if (*call->stop) return Status::Stopped;
    const u64 left = call->length - at, end = at + (left < STRETCH ? left : STRETCH);
    if constexpr (S.counted && !S.filtered) count += end - at;
    Totals<G, R...> totals;
    totals.start();
    for (; end - at >= u64(G); at += G) {
      source.template prefetch<G>(at);
      lanes.start(at, true);
      const auto terms = body(lanes, source.whole(lanes, at));
      if constexpr (S.counted && S.filtered) count += u64(lanes.live.count());
      totals.template add<!S.filtered>(terms, lanes.live);
    }
    if (at < end) {
      lanes.start(at, Mask<G>::first(end - at));
      const auto terms = body(lanes, source.some(lanes, at, end - at));
      if constexpr (S.counted && S.filtered) count += u64(lanes.live.count());
      totals.template add<false>(terms, lanes.live);
      at = end;
    }
    forest.push(totals);
  }
  // Nothing leaves what is nothing in lanes of 32 bits.
  if constexpr (S.counted)
    if (count == 0) forest = {};
  call->count = count;
  forest.finish(values_of<R...>(call));
  return Status::Done;
}

}  // namespace dotcompute::rt
