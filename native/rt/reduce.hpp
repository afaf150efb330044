// Reductions in the canonical order: 32 lanes fold side by side, blocks of 1024 elements combine as a balanced tree.
//
// The order is part of the library's contract, so the result is the same for every width of register: a row of 32 elements
// is held as 32 / G packs. Lanes and blocks without elements hold the operator's exact identity, which changes nothing.
#pragma once

#include "map.hpp"

namespace dotcompute::rt {

template <class T>
inline constexpr T LEAST = is_float<T> ? T(-RT_INFINITY) : is_unsigned<T> ? T(0) : T(T(1) << (sizeof(T) * 8 - 1));
template <class T>
inline constexpr T MOST = is_float<T> ? T(RT_INFINITY) : is_unsigned<T> ? T(-1) : T(~LEAST<T>);
template <>
inline constexpr double LEAST<double> = -RT_INFINITY;
template <>
inline constexpr float LEAST<float> = -__builtin_inff();
template <>
inline constexpr double MOST<double> = RT_INFINITY;
template <>
inline constexpr float MOST<float> = __builtin_inff();

struct Add {
  template <class T>
  static constexpr T identity = is_float<T> ? T(-0.0) : T(0);
  template <class P>
  static RT_MEMBER P join(P a, P b) {
    return a + b;
  }
};
struct Mul {
  template <class T>
  static constexpr T identity = T(1);
  template <class P>
  static RT_MEMBER P join(P a, P b) {
    return a * b;
  }
};
struct Min {
  template <class T>
  static constexpr T identity = MOST<T>;
  template <class P>
  static RT_MEMBER P join(P a, P b) {
    return rt_min(a, b);
  }
};
struct Max {
  template <class T>
  static constexpr T identity = LEAST<T>;
  template <class P>
  static RT_MEMBER P join(P a, P b) {
    return rt_max(a, b);
  }
};
struct And {
  template <class T>
  static constexpr T identity = T(-1);
  template <class P>
  static RT_MEMBER P join(P a, P b) {
    return a & b;
  }
};
template <>
inline constexpr bool And::identity<bool> = true;
struct Or {
  template <class T>
  static constexpr T identity = T(0);
  template <class P>
  static RT_MEMBER P join(P a, P b) {
    return a | b;
  }
};
struct Xor {
  template <class T>
  static constexpr T identity = T(0);
  template <class P>
  static RT_MEMBER P join(P a, P b) {
    return a ^ b;
  }
};

/// Joins block values in index order as a balanced tree: equal sizes merge as soon as they meet, as bits carry in a counter.
template <class T>
struct Tree {
  T waiting[64];
  int depth = 0;
  u64 blocks = 0;

  template <class Join>
  RT_MEMBER void push(T value, Join join) {
    for (u64 carry = blocks++; carry & 1; carry >>= 1) value = join(waiting[--depth], value);
    waiting[depth++] = value;
  }
  /// The tree's value; `none` if nothing was pushed.
  template <class Join>
  RT_MEMBER T finish(T none, Join join) const {
    if (depth == 0) return none;
    T value = waiting[depth - 1];
    for (int i = depth - 2; i >= 0; i--) value = join(waiting[i], value);
    return value;
  }
};

/// The 32 lanes, folded by halves: lane j with lane j + 16, then 8, 4, 2, 1.
template <class Op, class T, int P, int G>
RT_INLINE T fold_lanes(const Pack<T, G> (&packs)[P]) {
  constexpr int N = Pack<T, G>::N;
  constexpr int REGISTERS = P * N;
  Pack<T, WIDTH / int(sizeof(T))> r[REGISTERS];
  for (int pack = 0; pack < P; pack++) {
    RT_REGISTERS(r[pack * N + i].r[0] = packs[pack].r[i])
  }
#pragma GCC unroll 8
  for (int half = REGISTERS / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; i++) r[i] = Op::join(r[i], r[i + half]);
  auto a = r[0], b = a;
#define RT_FOLD(by)                           \
  if constexpr (WIDTH / sizeof(T) > by) {     \
    b.r[0] = rotate<by, T>(a.r[0]);           \
    a = Op::join(a, b);                       \
  }
  RT_FOLD(8)
  RT_FOLD(4)
  RT_FOLD(2)
  RT_FOLD(1)
#undef RT_FOLD
  return T(a.r[0][0]);
}
template <class Op, class T, int P, int G>
RT_INLINE bool fold_lanes(const Mask<G> (&masks)[P]) {
  bool value = Op::template identity<bool>;  // exact in any order
  for (int i = 0; i < P; i++) {
    const unsigned bits = masks[i].bits();
    if constexpr (same<Op, And>) value &= all(masks[i]);
    else if constexpr (same<Op, Or>) value |= bits != 0;
    else value ^= __builtin_popcount(bits) & 1;
  }
  return value;
}

template <class T>
RT_INLINE Scalar scalar(T value) {
  Scalar result;
  result.u64_ = 0;
  if constexpr (same<T, double>) result.f64 = value;
  else if constexpr (same<T, float>) result.f32 = value;
  else if constexpr (same<T, int>) result.i32 = value;
  else result.u64_ = u64(value);
  return result;
}

template <class T>
RT_INLINE T value_of(Scalar from) {
  if constexpr (same<T, double>) return from.f64;
  else if constexpr (same<T, float>) return from.f32;
  else return T(from.u64_);
}

template <class To, int G>
RT_INLINE Mask<G> widened(Mask<G> a) {
  return a;
}

/// Terms, folded by an operator in accumulators of a type; within a block in those of another, where that has room for all of it.
template <class O, class T, class A, class H = A>
struct Reduction {
  using Op = O;
  using Term = T;
  using Type = A;
  using Held = H;
  static RT_MEMBER Type join(Type a, Type b) { return Op::join(a, b); }
};

/// The 32 lanes of a block, for one reduction or for each of several.
template <int G, class R, class... More>
struct Block {
  using Terms = Values<G, typename R::Term, typename More::Term...>;
  Block<G, R> first;
  Block<G, More...> rest;

  RT_MEMBER void start() {
    first.start();
    rest.start();
  }
  template <bool Every>
  RT_MEMBER void add(int part, const Terms& terms, Mask<G> live) {
    first.template add<Every>(part, terms.first, live);
    rest.template add<Every>(part, terms.rest, live);
  }
};
template <int G, class R>
struct Block<G, R> {
  static constexpr int P = LANES / G;
  using Op = typename R::Op;
  using Terms = Values<G, typename R::Term>;
  PackOf<typename R::Held, G> sums[P];

  RT_MEMBER void start() {
#pragma GCC unroll 16
    for (int part = 0; part < P; part++) sums[part] = Op::template identity<typename R::Held>;
  }
  /// Rejected terms become the identity before they are widened to the accumulator's type.
  template <bool Every>
  RT_MEMBER void add(int part, Terms terms, Mask<G> live) {
    if constexpr (!Every) terms = rt_select(live, terms, Terms(Op::template identity<typename R::Term>));
    sums[part] = Op::join(sums[part], widened<typename R::Held>(terms));
  }
  RT_MEMBER typename R::Type value() const { return typename R::Type(fold_lanes<Op, typename R::Held>(sums)); }
};

/// The values of all blocks, for one reduction or for each of several.
template <class R, class... More>
struct Forest {
  Forest<R> first;
  Forest<More...> rest;

  template <class B>
  RT_MEMBER void push(const B& block) {
    first.push(block.first);
    rest.push(block.rest);
  }
  RT_MEMBER void push_partial(const Scalar* partial) {
    first.push_partial(partial);
    rest.push_partial(partial + 1);
  }
  RT_MEMBER void finish(Scalar* values) const {
    first.finish(values);
    rest.finish(values + 1);
  }
};
template <class R>
struct Forest<R> {
  using Type = typename R::Type;
  Tree<Type> tree;

  template <class B>
  RT_MEMBER void push(const B& block) {
    tree.push(block.value(), R::join);
  }
  RT_MEMBER void push_partial(const Scalar* partial) { tree.push(value_of<Type>(partial[0]), R::join); }
  RT_MEMBER void finish(Scalar* values) const { values[0] = scalar(tree.finish(R::Op::template identity<Type>, R::join)); }
};

/// Where the values of one reduction, or of several, go.
template <class... R>
RT_INLINE Scalar* values_of(Call* call) {
  return sizeof...(R) == 1 ? &call->value : call->values;
}

/// Each part but the last is a power of two of blocks, a whole subtree: they join as blocks do.
template <class... R>
RT_INLINE Status join_parts(Call* call) {
  Forest<R...> forest;
  for (u64 part = 0; part < call->parts; part++) forest.push_partial(call->partials + part * sizeof...(R));
  forest.finish(values_of<R...>(call));
  return Status::Done;
}

/// Folds what is yielded, by one reduction or by several.
template <int G, class In, Shape S, class... R, class Body>
RT_INLINE Status reduce(Call* call, Body body) {
  constexpr int P = LANES / G;
  using Terms = Values<G, typename R::Term...>;
  if (call->parts > 0) return join_parts<R...>(call);
  Forest<R...> forest;
  const Source<In, G> source(call);
  Group<G> lanes(call);
  u64 count = 0;
  for (u64 start = call->from; start < call->length; start += BLOCK) {
    if (*call->stop) return Status::Stopped;
    const u64 left = call->length - start, end = start + (left < BLOCK ? left : BLOCK);
    Block<G, R...> block;
    block.start();
    u64 at = start;
    for (; end - at >= LANES; at += LANES) {
      source.template prefetch<LANES>(at);
      const auto group = [&](int part) RT_BODY {
        const u64 place = at + u64(part * G);
        lanes.start(place, true);
        const Terms terms = body(lanes, source.whole(lanes, place));
        if constexpr (S.counted && S.filtered) count += u64(lanes.live.count());
        block.template add<!S.filtered>(part, terms, lanes.live);
        return !S.fallible || lanes.status == Status::Done;
      };
      if constexpr (UNROLLED<G, S>) {
#pragma GCC unroll 16
        for (int part = 0; part < P; part++)
          if (!group(part)) return ended(call, lanes);
      } else {
#pragma GCC unroll 1
        for (int part = 0; part < P; part++)
          if (!group(part)) return ended(call, lanes);
      }
    }
    if constexpr (S.counted && !S.filtered) count += end - start;
    if (at == end) {
      forest.push(block);
      continue;
    }
    // Less than a row is left. The packs are copied, since indexing them by a variable would keep them in memory above.
    Block<G, R...> last = block;
    for (int part = 0; at < end; at += G, part++) {
      const u64 some = end - at < u64(G) ? end - at : u64(G);
      lanes.start(at, Mask<G>::first(some));
      const Terms terms = body(lanes, source.some(lanes, at, some));
      if constexpr (S.fallible)
        if (lanes.status != Status::Done) return ended(call, lanes);
      if constexpr (S.counted && S.filtered) count += u64(lanes.live.count());
      last.template add<false>(part, terms, lanes.live);
    }
    forest.push(last);
  }
  call->count = count;
  forest.finish(values_of<R...>(call));
  return Status::Done;
}

}  // namespace dotcompute::rt
