// Pack<T, G>: G lanes of T in one, two or four registers, with the operators that C and JavaScript spell alike.
#pragma once

#include "words.hpp"

namespace dotcompute::rt {

template <class T, int G>
struct Pack;

template <class T, int G>
RT_INLINE Pack<T, G> pack_min(Pack<T, G> a, Pack<T, G> b);
template <class T, int G>
RT_INLINE Pack<T, G> pack_max(Pack<T, G> a, Pack<T, G> b);
template <class T, int G>
RT_INLINE Pack<T, G> pack_rem(Pack<T, G> a, Pack<T, G> b);
template <class T, int G>
RT_INLINE Pack<T, G> pack_shift(Pack<T, G> a, Pack<T, G> count, bool left);
template <class T, int G>
RT_INLINE Pack<T, G> pack_copysign(Pack<T, G> a, Pack<T, G> sign);
template <class T, int G>
RT_INLINE Pack<T, G> pack_scale(Pack<T, G> a, Pack<T, G> n);
template <class T, int G>
RT_INLINE Pack<T, G> pack_add_within(Pack<T, G> a, Pack<T, G> b);
template <class T, int G>
RT_INLINE Pack<T, G> pack_sub_within(Pack<T, G> a, Pack<T, G> b);
template <class T, int G, class F>
RT_INLINE Pack<T, G> each_lane(Pack<T, G> a, Pack<T, G> b, F f);

template <class T, int G>
struct Pack {
  static constexpr int N = G * int(sizeof(T)) / WIDTH;
  static_assert(N == 1 || N == 2 || N == 4);
  Reg<T> r[N];

  Pack() = default;
  /// The same value in every lane.
  RT_MEMBER Pack(T value) { RT_REGISTERS(r[i] = splat<T>(value)) }

  // Register by register: g++ copies a larger array by way of memory.
  static RT_MEMBER Pack load(const void* from) {
    Pack a;
    RT_REGISTERS(__builtin_memcpy(&a.r[i], (const char*)from + i * WIDTH, WIDTH))
    return a;
  }
  RT_MEMBER void store(void* to) const { RT_REGISTERS(__builtin_memcpy((char*)to + i * WIDTH, &r[i], WIDTH)) }

#define RT_INFIX(op)                                   \
  friend RT_MEMBER Pack operator op(Pack a, Pack b) {  \
    RT_REGISTERS(a.r[i] = a.r[i] op b.r[i]) return a;  \
  }
  RT_INFIX(+)
  RT_INFIX(-)
  RT_INFIX(*)
  RT_INFIX(/)
  RT_INFIX(&)
  RT_INFIX(|)
  RT_INFIX(^)
#undef RT_INFIX
  friend RT_MEMBER Pack operator-(Pack a) { RT_REGISTERS(a.r[i] = -a.r[i]) return a; }
  friend RT_MEMBER Pack operator~(Pack a) { RT_REGISTERS(a.r[i] = ~a.r[i]) return a; }

#define RT_COMPARISON(op, relation)                                            \
  friend RT_MEMBER Mask<G> operator op(Pack a, Pack b) {                       \
    RegMask<T> parts[N];                                                       \
    RT_REGISTERS(parts[i] = (compare<Relation::relation, T>(a.r[i], b.r[i])))  \
    return Mask<G>::template from<T>(parts);                                   \
  }
  RT_COMPARISON(<, Lt)
  RT_COMPARISON(<=, Le)
  RT_COMPARISON(>, Gt)
  RT_COMPARISON(>=, Ge)
  RT_COMPARISON(==, Eq)
  RT_COMPARISON(!=, Ne)
#undef RT_COMPARISON

  // Operators of two operands are friends, so that either may be a plain scalar.
  friend RT_MEMBER Pack rt_min(Pack a, Pack b) { return pack_min(a, b); }
  friend RT_MEMBER Pack rt_max(Pack a, Pack b) { return pack_max(a, b); }
  friend RT_MEMBER Pack rt_rem(Pack a, Pack b) { return pack_rem(a, b); }
  friend RT_MEMBER Pack rt_shl(Pack a, Pack b) { return pack_shift(a, b, true); }
  friend RT_MEMBER Pack rt_shr(Pack a, Pack b) { return pack_shift(a, b, false); }
  friend RT_MEMBER Pack rt_div(Pack a, Pack b) { return each_lane(a, b, [](T x, T y) { return ::rt_div(x, y); }); }
  friend RT_MEMBER Pack rt_add_within(Pack a, Pack b) { return pack_add_within(a, b); }
  friend RT_MEMBER Pack rt_sub_within(Pack a, Pack b) { return pack_sub_within(a, b); }
  friend RT_MEMBER Pack rt_copysign(Pack a, Pack sign) { return pack_copysign(a, sign); }
  friend RT_MEMBER Pack rt_scale(Pack a, Pack n) { return pack_scale(a, n); }
};

/// What holds G values of T: a mask for booleans.
template <class T, int G>
struct LanesOf {
  using type = Pack<T, G>;
};
template <int G>
struct LanesOf<bool, G> {
  using type = Mask<G>;
};
template <class T, int G>
using PackOf = typename LanesOf<T, G>::type;

/// The scalar type of one lane.
template <class P>
struct ScalarOfPack {
  using type = P;
};
template <class T, int G>
struct ScalarOfPack<Pack<T, G>> {
  using type = T;
};
template <int G>
struct ScalarOfPack<Mask<G>> {
  using type = bool;
};
template <class P>
using ScalarOf = typename ScalarOfPack<P>::type;

template <class T, int G>
RT_INLINE Pack<T, G> choose(Mask<G> test, Pack<T, G> yes, Pack<T, G> no) {
  constexpr int N = Pack<T, G>::N;
  RT_REGISTERS(yes.r[i] = blend<T>(test.template part<T>(i), yes.r[i], no.r[i]))
  return yes;
}
template <int G>
RT_INLINE Mask<G> choose(Mask<G> test, Mask<G> yes, Mask<G> no) {
  return (test & yes) | (!test & no);
}

/// `test ? yes : no` in every lane; the branches may be scalars.
template <int G, class A, class B>
RT_INLINE PackOf<ScalarOf<A>, G> rt_select(Mask<G> test, A yes, B no) {
  using P = PackOf<ScalarOf<A>, G>;
  return choose(test, P(yes), P(no));
}
/// Narrow lanes may be signed or not: a plain number is what the other branch is.
template <int G, class T>
  requires(sizeof(T) <= 2)
RT_INLINE Pack<T, G> rt_select(Mask<G> test, int yes, Pack<T, G> no) {
  return choose(test, Pack<T, G>(T(yes)), no);
}
/// One test for all lanes.
template <class T, int G, class B>
RT_INLINE Pack<T, G> rt_select(bool test, Pack<T, G> yes, B no) {
  return test ? yes : Pack<T, G>(no);
}
template <class T, int G>
RT_INLINE Pack<T, G> rt_select(bool test, T yes, Pack<T, G> no) {
  return test ? Pack<T, G>(yes) : no;
}
template <class T, int G>
  requires(sizeof(T) <= 2)
RT_INLINE Pack<T, G> rt_select(bool test, int yes, Pack<T, G> no) {
  return test ? Pack<T, G>(T(yes)) : no;
}
template <int G, class B>
RT_INLINE Mask<G> rt_select(bool test, Mask<G> yes, B no) {
  return test ? yes : Mask<G>(no);
}
template <int G>
RT_INLINE Mask<G> rt_select(bool test, bool yes, Mask<G> no) {
  return test ? Mask<G>(yes) : no;
}

/// Lane by lane on scalars, for what has no vector form.
template <class R, class T, int G, class F>
RT_INLINE Pack<R, G> each_lane(Pack<T, G> a, F f) {
  T in[G];
  R out[G];
  a.store(in);
  for (int lane = 0; lane < G; lane++) out[lane] = f(in[lane]);
  return Pack<R, G>::load(out);
}
template <class T, int G, class F>
RT_INLINE Pack<T, G> each_lane(Pack<T, G> a, Pack<T, G> b, F f) {
  T left[G], right[G];
  a.store(left);
  b.store(right);
  for (int lane = 0; lane < G; lane++) left[lane] = f(left[lane], right[lane]);
  return Pack<T, G>::load(left);
}

}  // namespace dotcompute::rt
