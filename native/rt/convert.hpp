// Conversions between packs, as JavaScript converts (see `convert` in the operator table), and elements to and from packs.
#pragma once

#include "compare.hpp"
#include "narrow.hpp"
#include "small.hpp"

namespace dotcompute::rt {

/// All lanes of T at once; the machine's own conversion, right only where the value is in range.
template <class To, class From, int G>
RT_INLINE Pack<To, G> cast(Pack<From, G> a) {
  Pack<To, G> b;
  if constexpr (sizeof(To) == sizeof(From)) {
    constexpr int N = Pack<To, G>::N;
    RT_REGISTERS(b.r[i] = __builtin_convertvector(a.r[i], Reg<To>))
  } else if constexpr (sizeof(To) > sizeof(From)) {
    constexpr int N = Pack<From, G>::N;
    RT_REGISTERS(b.r[2 * i] = (widen<To, From>(low_half<From>(a.r[i]))))
    RT_REGISTERS(b.r[2 * i + 1] = (widen<To, From>(high_half<From>(a.r[i]))))
  } else {
    constexpr int N = Pack<To, G>::N;
    RT_REGISTERS(b.r[i] = join<To>(narrow<To, From>(a.r[2 * i]), narrow<To, From>(a.r[2 * i + 1])))
  }
  return b;
}

/// The same bits under another name.
template <class To, class From, int G>
RT_INLINE Pack<To, G> rename(Pack<From, G> a) {
  static_assert(sizeof(To) == sizeof(From));
  Pack<To, G> b;
  constexpr int N = Pack<To, G>::N;
  RT_REGISTERS(b.r[i] = (Reg<To>)a.r[i])
  return b;
}

/// Doubles outside the range of i32, modulo 2^32. Out of line: few kernels come here.
template <int G>
static __attribute__((noinline)) void wrap_to_i32(const double* from, int* to) {
  for (int lane = 0; lane < G; lane++) to[lane] = ::rt_to_i32(from[lane]);
}

template <class From, int G>
RT_INLINE Pack<int, G> float_to_i32(Pack<From, G> a) {
  // Nothing but NaN and values of 2^31 and more fails the test; those go lane by lane.
  if (__builtin_expect(all(rt_abs(a) < From(0x1p31)), 1)) return cast<int>(a);
  double in[G];
  int out[G];
  if constexpr (same<From, double>) a.store(in);
  else cast<double>(a).store(in);
  wrap_to_i32<G>(in, out);
  return Pack<int, G>::load(out);
}

/// 64-bit integers as doubles, correctly rounded.
template <class From, int G>
RT_INLINE Pack<double, G> big_to_f64(Pack<From, G> a) {
#if RT_WIDTH == 64
  return cast<double>(a);
#else
  // The halves become the low bits of 2^52 and 2^84; both sums but the last are exact.
  Pack<double, G> b;
  constexpr int N = Pack<double, G>::N;
  constexpr bool sign = !is_unsigned<From>;
  const Reg<u64> low_bits = splat<u64>(0xffffffffull), low_base = splat<u64>(0x4330000000000000ull);
  const Reg<u64> high_base = splat<u64>(sign ? 0x4530000080000000ull : 0x4530000000000000ull);
  const Reg<double> bases = splat<double>(sign ? 0x1p84 + 0x1p63 + 0x1p52 : 0x1p84 + 0x1p52);
  RT_REGISTERS(b.r[i] = ((Reg<double>)(((Reg<u64>)a.r[i] >> 32) ^ high_base) - bases) +
                        (Reg<double>)(((Reg<u64>)a.r[i] & low_bits) | low_base))
  return b;
#endif
}

template <int G>
RT_INLINE Pack<double, G> u32_to_f64(Pack<u32, G> a) {
#if RT_WIDTH == 64
  return cast<double>(a);
#else
  return cast<double>(rename<int>(a ^ 0x80000000u)) + 0x1p31;
#endif
}

template <int G>
RT_INLINE Pack<double, G> rt_to_f64(Pack<double, G> a) {
  return a;
}
template <int G>
RT_INLINE Pack<double, G> rt_to_f64(Pack<float, G> a) {
  return cast<double>(a);
}
template <int G>
RT_INLINE Pack<double, G> rt_to_f64(Pack<int, G> a) {
  return cast<double>(a);
}
template <int G>
RT_INLINE Pack<double, G> rt_to_f64(Pack<u32, G> a) {
  return u32_to_f64(a);
}
template <int G>
RT_INLINE Pack<double, G> rt_to_f64(Pack<i64, G> a) {
  return big_to_f64(a);
}
template <int G>
RT_INLINE Pack<double, G> rt_to_f64(Pack<u64, G> a) {
  return big_to_f64(a);
}
template <int G>
RT_INLINE Pack<double, G> rt_to_f64(Mask<G> a) {
  return rt_select(a, 1.0, 0.0);
}

template <int G>
RT_INLINE Pack<float, G> rt_to_f32(Pack<float, G> a) {
  return a;
}
/// By way of f64; for i32 the machine rounds the exact value once, which is the same.
template <class T, int G>
RT_INLINE Pack<float, G> rt_to_f32(Pack<T, G> a) {
  if constexpr (same<T, int>) return cast<float>(a);
  else return cast<float>(rt_to_f64(a));
}
template <int G>
RT_INLINE Pack<float, G> rt_to_f32(Mask<G> a) {
  return rt_select(a, 1.0f, 0.0f);
}

template <class T, int G>
RT_INLINE Pack<int, G> rt_to_i32(Pack<T, G> a) {
  if constexpr (is_float<T>) return float_to_i32(a);
  else if constexpr (sizeof(T) == 4) return rename<int>(a);
  else return cast<int>(a);
}
template <int G>
RT_INLINE Pack<int, G> rt_to_i32(Mask<G> a) {
  return rt_select(a, 1, 0);
}
template <class P>
  requires(!same<P, ScalarOf<P>>)
RT_INLINE auto rt_to_u32(P a) {
  return rename<u32>(rt_to_i32(a));
}

/// From integers; from floats it can fail: see `Group::big`.
template <class T, int G>
RT_INLINE Pack<i64, G> rt_to_i64(Pack<T, G> a) {
  if constexpr (sizeof(T) == 8) return rename<i64>(a);
  else return cast<i64>(a);
}
template <int G>
RT_INLINE Pack<i64, G> rt_to_i64(Mask<G> a) {
  return rt_select(a, i64(1), i64(0));
}
template <class P>
  requires(!same<P, ScalarOf<P>>)
RT_INLINE auto rt_to_u64(P a) {
  return rename<u64>(rt_to_i64(a));
}

template <class T, int G>
RT_INLINE Mask<G> rt_to_bool(Pack<T, G> a) {
  if constexpr (is_float<T>) return (a < T(0)) | (a > T(0));
  else return a != T(0);
}
template <int G>
RT_INLINE Mask<G> rt_to_bool(Mask<G> a) {
  return a;
}

template <class T, int G>
RT_INLINE Pack<int, G> rt_clamp_u8(Pack<T, G> a) {
  const Pack<T, G> positive = rt_select(a > T(0), a, T(0));
  return cast<int>(rt_select(positive < T(255), positive, T(255)) + WHOLE<T> - WHOLE<T>);
}

/// A pack of `T` as one of `To`, for the sinks; terms are never converted in a way that can fail.
template <class To, class T, int G>
RT_INLINE Pack<To, G> widened(Pack<T, G> a) {
  if constexpr (same<To, T>) return a;
  else if constexpr (same<To, double>) return rt_to_f64(a);
  else return rename<To>(rt_to_i64(a));
}

// --- elements -------------------------------------------------------------------------------------------------------

/// What an element of type E is once it is loaded.
template <class E>
struct LoadedAs {
  using type = E;
};
template <class E>
  requires(sizeof(E) < 4)
struct LoadedAs<E> {
  using type = int;
};
template <class E, class L>
  requires(sizeof(E) < 4)
struct LoadedAs<As<E, L>> {
  using type = L;
};
template <class E>
using Loaded = typename LoadedAs<E>::type;

template <class E, int G>
RT_INLINE Pack<Loaded<E>, G> load(const E* from) {
  if constexpr (sizeof(E) >= 4) return Pack<E, G>::load(from);
  else if constexpr (is_as<E>) {
    Pack<Loaded<E>, G> words;
    if constexpr (sizeof(E) == sizeof(Loaded<E>)) return Pack<Loaded<E>, G>::load(from);
    else widen_bytes<typename E::Element, Loaded<E>>((const typename E::Element*)from, words.r);
    return words;
  } else {
    Pack<int, G> wide;
    constexpr int N = Pack<int, G>::N;
    RT_REGISTERS(wide.r[i] = load_narrow<E>(from + i * (WIDTH / 4)))
    return wide;
  }
}

/// Stores the low bits of each lane.
template <class E, int G>
RT_INLINE void store(E* to, Pack<Loaded<E>, G> a) {
  if constexpr (sizeof(E) >= 4 || sizeof(E) == sizeof(Loaded<E>)) a.store(to);
  else if constexpr (is_as<E>) store_bytes<Loaded<E>>(to, a.r);
  else {
    constexpr int N = Pack<int, G>::N;
    RT_REGISTERS(store_narrow<E>(to + i * (WIDTH / 4), a.r[i]))
  }
}

/// Whether elements of this type can be stored past the caches, register by register, and where.
template <class E>
inline constexpr bool GOES_AROUND = RT_STORES_AROUND && sizeof(E) >= 4;
RT_INLINE bool is_register(const void* to) { return u64(to) % WIDTH == 0; }
/// `to` is a multiple of a register.
template <class E, int G>
RT_INLINE void store_around(E* to, Pack<E, G> a) {
  constexpr int N = Pack<E, G>::N;
  RT_REGISTERS(store_around<E>(to + i * (G / N), a.r[i]))
}

/// At most G elements: nothing beyond them is touched. Missing lanes are zero.
template <class E, int G>
RT_INLINE Pack<Loaded<E>, G> load_some(const E* from, u64 count) {
#if RT_BITMASKS
  if constexpr (sizeof(E) >= 4) {
    const Mask<G> some = Mask<G>::first(count);
    constexpr int N = Pack<E, G>::N, lanes = G / N;
    Pack<E, G> a;
    if constexpr (sizeof(E) == 8)
      RT_REGISTERS(a.r[i] = (Reg<E>)__builtin_ia32_loadupd512_mask((const double*)(from + i * lanes), Reg<double>{}, some.template part<E>(i)))
    else
      RT_REGISTERS(a.r[i] = (Reg<E>)__builtin_ia32_loadups512_mask((const float*)(from + i * lanes), Reg<float>{}, some.template part<E>(i)))
    return a;
  } else
#endif
  {
    E padded[G] = {};
    __builtin_memcpy(padded, from, count * sizeof(E));
    return load<E, G>(padded);
  }
}
template <class E, int G>
RT_INLINE void store_some(E* to, Pack<Loaded<E>, G> a, u64 count) {
#if RT_BITMASKS
  if constexpr (sizeof(E) >= 4) {
    const Mask<G> some = Mask<G>::first(count);
    constexpr int N = Pack<E, G>::N, lanes = G / N;
    if constexpr (sizeof(E) == 8)
      RT_REGISTERS(__builtin_ia32_storeupd512_mask((double*)(to + i * lanes), (Reg<double>)a.r[i], some.template part<E>(i)))
    else
      RT_REGISTERS(__builtin_ia32_storeups512_mask((float*)(to + i * lanes), (Reg<float>)a.r[i], some.template part<E>(i)))
  } else
#endif
  {
    E padded[G];
    store<E, G>(padded, a);
    __builtin_memcpy(to, padded, count * sizeof(E));
  }
}

}  // namespace dotcompute::rt
