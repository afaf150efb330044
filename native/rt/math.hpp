// The operators of JavaScript on packs that C spells otherwise, or not at all: each equals its scalar.h namesake lane by lane.
#pragma once

#include "pack.hpp"

namespace dotcompute::rt {

template <class T>
inline constexpr T SIGN = T(-0.0);
/// From here on every float of the type is an integer.
template <class T>
inline constexpr T WHOLE = T(sizeof(T) == 8 ? 0x1p52 : 0x1p23);

template <class T>
RT_INLINE Reg<T> reg_abs(Reg<T> a) {
  return (Reg<T>)((Reg<Int<T>>)a & ~(Reg<Int<T>>)splat<T>(SIGN<T>));
}
template <class T>
RT_INLINE Reg<T> reg_copysign(Reg<T> a, Reg<T> sign) {
  const Reg<Int<T>> bit = (Reg<Int<T>>)splat<T>(SIGN<T>);
  return (Reg<T>)(((Reg<Int<T>>)a & ~bit) | ((Reg<Int<T>>)sign & bit));
}

enum class Rounding { Floor = 9, Ceil = 10, Trunc = 11 };  // as x86 numbers them, without exceptions

template <Rounding R, class T>
RT_INLINE Reg<T> reg_round(Reg<T> a) {
#if RT_BITMASKS
  if constexpr (sizeof(T) == 8) return __builtin_ia32_rndscalepd_mask(a, int(R), a, -1, 4);
  else return __builtin_ia32_rndscaleps_mask(a, int(R), a, -1, 4);
#elif defined(__clang__)
  if constexpr (R == Rounding::Floor) return __builtin_elementwise_floor(a);
  else if constexpr (R == Rounding::Ceil) return __builtin_elementwise_ceil(a);
  else return __builtin_elementwise_trunc(a);
#elif RT_WIDTH == 32
  if constexpr (sizeof(T) == 8) return __builtin_ia32_roundpd256(a, int(R));
  else return __builtin_ia32_roundps256(a, int(R));
#elif defined(__SSE4_1__)
  if constexpr (sizeof(T) == 8) return __builtin_ia32_roundpd(a, int(R));
  else return __builtin_ia32_roundps(a, int(R));
#else
  // Adding and taking away 2^52 rounds to an integer; then one step in the right direction, and the sign of a zero result.
  const Reg<T> whole = splat<T>(WHOLE<T>), one = splat<T>(1), size = reg_abs<T>(a);
  Reg<T> near = size + whole - whole;
  if constexpr (R == Rounding::Trunc) near = near - blend<T>(compare<Relation::Gt, T>(near, size), one, Reg<T>{});
  near = reg_copysign<T>(near, a);
  if constexpr (R == Rounding::Floor) near = near - blend<T>(compare<Relation::Gt, T>(near, a), one, Reg<T>{});
  if constexpr (R == Rounding::Ceil) near = near + blend<T>(compare<Relation::Lt, T>(near, a), one, Reg<T>{});
  return blend<T>(compare<Relation::Lt, T>(size, whole), reg_copysign<T>(near, a), a);
#endif
}

template <class T>
RT_INLINE Reg<T> reg_sqrt(Reg<T> a) {
#if RT_BITMASKS
  if constexpr (sizeof(T) == 8) return __builtin_ia32_sqrtpd512_mask(a, a, -1, 4);
  else return __builtin_ia32_sqrtps512_mask(a, a, -1, 4);
#elif RT_GCC_X86 && RT_WIDTH == 32
  if constexpr (sizeof(T) == 8) return __builtin_ia32_sqrtpd256(a);
  else return __builtin_ia32_sqrtps256(a);
#elif RT_GCC_X86
  if constexpr (sizeof(T) == 8) return __builtin_ia32_sqrtpd(a);
  else return __builtin_ia32_sqrtps(a);
#else
  for (int lane = 0; lane < WIDTH / int(sizeof(T)); lane++) a[lane] = ::rt_sqrt(T(a[lane]));
  return a;
#endif
}

/// The machine's minimum: `a < b ? a : b`, so `b` for NaN and for two zeros.
template <class T>
RT_INLINE Reg<T> reg_least(Reg<T> a, Reg<T> b) {
#if RT_BITMASKS
  if constexpr (same<T, double>) return __builtin_ia32_minpd512_mask(a, b, a, -1, 4);
  else if constexpr (same<T, float>) return __builtin_ia32_minps512_mask(a, b, a, -1, 4);
  else
#elif RT_GCC_X86 && RT_WIDTH == 32
  if constexpr (same<T, double>) return __builtin_ia32_minpd256(a, b);
  else if constexpr (same<T, float>) return __builtin_ia32_minps256(a, b);
  else
#elif RT_GCC_X86
  if constexpr (same<T, double>) return __builtin_ia32_minpd(a, b);
  else if constexpr (same<T, float>) return __builtin_ia32_minps(a, b);
  else
#endif
  if constexpr (sizeof(T) <= 2) return a < b ? a : b;
  else return blend<T>(compare<Relation::Lt, T>(a, b), a, b);
}
template <class T>
RT_INLINE Reg<T> reg_greatest(Reg<T> a, Reg<T> b) {
#if RT_BITMASKS
  if constexpr (same<T, double>) return __builtin_ia32_maxpd512_mask(a, b, a, -1, 4);
  else if constexpr (same<T, float>) return __builtin_ia32_maxps512_mask(a, b, a, -1, 4);
  else
#elif RT_GCC_X86 && RT_WIDTH == 32
  if constexpr (same<T, double>) return __builtin_ia32_maxpd256(a, b);
  else if constexpr (same<T, float>) return __builtin_ia32_maxps256(a, b);
  else
#elif RT_GCC_X86
  if constexpr (same<T, double>) return __builtin_ia32_maxpd(a, b);
  else if constexpr (same<T, float>) return __builtin_ia32_maxps(a, b);
  else
#endif
  if constexpr (sizeof(T) <= 2) return a > b ? a : b;
  else return blend<T>(compare<Relation::Gt, T>(a, b), a, b);
}

// The two orders of the machine's minimum differ only for NaN and for unequal zeros. Or-ing their bits keeps a NaN a NaN and
// the sign of a -0, which is what Math.min wants. Math.max wants the other zero: subtracting the differing bits, as a float,
// turns -0 into +0 and leaves the rest (and any NaN) alone.
template <class T, int G>
RT_INLINE Pack<T, G> pack_min(Pack<T, G> a, Pack<T, G> b) {
  constexpr int N = Pack<T, G>::N;
  if constexpr (is_float<T>)
    RT_REGISTERS(a.r[i] = (Reg<T>)((Reg<Int<T>>)reg_least<T>(a.r[i], b.r[i]) | (Reg<Int<T>>)reg_least<T>(b.r[i], a.r[i])))
  else RT_REGISTERS(a.r[i] = reg_least<T>(a.r[i], b.r[i]))
  return a;
}
template <class T>
RT_INLINE Reg<T> reg_max(Reg<T> a, Reg<T> b) {
  const Reg<Int<T>> one = (Reg<Int<T>>)reg_greatest<T>(a, b), other = (Reg<Int<T>>)reg_greatest<T>(b, a);
  return (Reg<T>)(one | other) - (Reg<T>)(one ^ other);
}
template <class T, int G>
RT_INLINE Pack<T, G> pack_max(Pack<T, G> a, Pack<T, G> b) {
  constexpr int N = Pack<T, G>::N;
  if constexpr (is_float<T>) RT_REGISTERS(a.r[i] = reg_max<T>(a.r[i], b.r[i]))
  else RT_REGISTERS(a.r[i] = reg_greatest<T>(a.r[i], b.r[i]))
  return a;
}

template <class T, int G>
RT_INLINE Pack<T, G> rt_abs(Pack<T, G> a) {
  constexpr int N = Pack<T, G>::N;
  if constexpr (is_float<T>) RT_REGISTERS(a.r[i] = reg_abs<T>(a.r[i]))
  else if constexpr (sizeof(T) <= 2 && !is_unsigned<T>) RT_REGISTERS(a.r[i] = reg_greatest<T>(a.r[i], -a.r[i]))
  else if constexpr (!is_unsigned<T>) RT_REGISTERS(a.r[i] = blend<T>(compare<Relation::Lt, T>(a.r[i], Reg<T>{}), -a.r[i], a.r[i]))
  return a;
}

#define RT_UNARY(name, expression)               \
  template <class T, int G>                      \
  RT_INLINE Pack<T, G> name(Pack<T, G> a) {      \
    constexpr int N = Pack<T, G>::N;             \
    RT_REGISTERS(a.r[i] = expression) return a;  \
  }
RT_UNARY(rt_floor, (reg_round<Rounding::Floor, T>(a.r[i])))
RT_UNARY(rt_ceil, (reg_round<Rounding::Ceil, T>(a.r[i])))
RT_UNARY(rt_trunc, (reg_round<Rounding::Trunc, T>(a.r[i])))
RT_UNARY(rt_sqrt, (reg_sqrt<T>(a.r[i])))
#undef RT_UNARY

template <class T, int G>
RT_INLINE Pack<T, G> pack_copysign(Pack<T, G> a, Pack<T, G> sign) {
  constexpr int N = Pack<T, G>::N;
  RT_REGISTERS(a.r[i] = reg_copysign<T>(a.r[i], sign.r[i]))
  return a;
}
template <class T, int G>
RT_INLINE Pack<T, G> rt_round(Pack<T, G> a) {
  const Pack<T, G> below = rt_floor(a);
  return rt_copysign(below + rt_select(a - below >= T(0.5), T(1), T(0)), a);
}
template <class T, int G>
RT_INLINE Pack<T, G> rt_sign(Pack<T, G> a) {
  return rt_select((a < T(0)) | (a > T(0)), rt_copysign(Pack<T, G>(1), a), a);
}

template <class T, int G>
RT_INLINE Mask<G> rt_is_nan(Pack<T, G> a) {
  return a != a;
}
template <class T, int G>
RT_INLINE Mask<G> rt_is_finite(Pack<T, G> a) {
  return a - a == T(0);
}
template <class T, int G>
RT_INLINE Mask<G> rt_is_integer(Pack<T, G> a) {
  return a - rt_trunc(a) == T(0);
}
template <class T, int G>
RT_INLINE Mask<G> rt_is_safe_integer(Pack<T, G> a) {
  // The next float above the largest safe integer is 2^53 in both types.
  return rt_is_integer(a) & (rt_abs(a) < T(0x1p53));
}

/// Out of line: few kernels come here, and not often.
template <class T, int G>
static __attribute__((noinline)) void rem_slowly(T* a, const T* b) {
  for (int lane = 0; lane < G; lane++) a[lane] = ::rt_rem(a[lane], b[lane]);
}
template <class T, int G>
RT_INLINE Pack<T, G> pack_rem(Pack<T, G> a, Pack<T, G> b) {
  if constexpr (is_float<T>) {
    // Integers below 2^52 (2^23): the quotient cannot round up to an integer that it does not reach, so this is exact.
    const Pack<T, G> limit = WHOLE<T>;
    const Mask<G> plain = rt_is_integer(a) & rt_is_integer(b) & (rt_abs(a) < limit) & (rt_abs(b) < limit) & (b != T(0));
    if (__builtin_expect(all(plain), 1)) return rt_copysign(a - rt_trunc(a / b) * b, a);
    T left[G], right[G];
    a.store(left);
    b.store(right);
    rem_slowly<T, G>(left, right);
    return Pack<T, G>::load(left);
  } else {
    return each_lane(a, b, [](T x, T y) { return ::rt_rem(x, y); });
  }
}

// --- bits -----------------------------------------------------------------------------------------------------------

template <class T, int G>
RT_INLINE Pack<T, G> pack_shift(Pack<T, G> a, Pack<T, G> count, bool left) {
  constexpr int N = Pack<T, G>::N;
  if constexpr (sizeof(T) == 4) {
    if (left) RT_REGISTERS(a.r[i] = a.r[i] << (count.r[i] & 31))
    else RT_REGISTERS(a.r[i] = a.r[i] >> (count.r[i] & 31))
    return a;
  } else {
    const Pack<T, G> zero = T(0), most = T(63);
    const Mask<G> negative = count < zero;
    Pack<u64, G> far;  // a negative count reverses the direction
    const Pack<T, G> size = is_unsigned<T> ? count : rt_select(negative, zero - count, count);
    RT_REGISTERS(far.r[i] = (Reg<u64>)size.r[i])
    const Mask<G> near = far <= u64(63);
    const Pack<T, G> by = rt_select(near, size, most);
    Pack<T, G> up, down;
    RT_REGISTERS(up.r[i] = a.r[i] << by.r[i])
    RT_REGISTERS(down.r[i] = a.r[i] >> by.r[i])
    up = rt_select(near, up, zero);
    if constexpr (is_unsigned<T>) return left ? up : rt_select(near, down, zero);
    else return left ? rt_select(negative, down, up) : rt_select(negative, up, down);
  }
}
// Shifts of 32-bit packs by one count for all lanes need no variable shift.
template <int G>
RT_INLINE Pack<int, G> rt_shl(Pack<int, G> a, int count) {
  constexpr int N = Pack<int, G>::N;
  RT_REGISTERS(a.r[i] = a.r[i] << (count & 31))
  return a;
}
template <int G>
RT_INLINE Pack<int, G> rt_shr(Pack<int, G> a, int count) {
  constexpr int N = Pack<int, G>::N;
  RT_REGISTERS(a.r[i] = a.r[i] >> (count & 31))
  return a;
}
template <int G>
RT_INLINE Pack<u32, G> rt_ushr(Pack<int, G> a, int count) {
  Pack<u32, G> b;
  constexpr int N = Pack<int, G>::N;
  RT_REGISTERS(b.r[i] = (Reg<u32>)a.r[i] >> (count & 31))
  return b;
}
template <int G>
RT_INLINE Pack<u32, G> rt_ushr(Pack<int, G> a, Pack<int, G> count) {
  Pack<u32, G> b;
  constexpr int N = Pack<int, G>::N;
  RT_REGISTERS(b.r[i] = (Reg<u32>)a.r[i] >> (Reg<u32>)(count.r[i] & 31))
  return b;
}
template <int G>
RT_INLINE Pack<u32, G> rt_ushr(int a, Pack<int, G> count) {
  return rt_ushr(Pack<int, G>(a), count);
}
template <int G>
RT_INLINE Pack<int, G> rt_clz32(Pack<int, G> a) {
#if RT_BITMASKS && defined(__AVX512CD__)
  constexpr int N = Pack<int, G>::N;
  RT_REGISTERS(a.r[i] = __builtin_ia32_vplzcntd_512_mask(a.r[i], a.r[i], -1))
  return a;
#else
  return each_lane<int>(a, [](int x) { return ::rt_clz32(x); });
#endif
}

template <int G>
RT_INLINE Pack<int, G> rt_wrap_i8(Pack<int, G> a) {
  return rt_shr(rt_shl(a, 24), 24);
}
template <int G>
RT_INLINE Pack<int, G> rt_wrap_u8(Pack<int, G> a) {
  return a & 255;
}
template <int G>
RT_INLINE Pack<int, G> rt_wrap_i16(Pack<int, G> a) {
  return rt_shr(rt_shl(a, 16), 16);
}
template <int G>
RT_INLINE Pack<int, G> rt_wrap_u16(Pack<int, G> a) {
  return a & 65535;
}

// --- the bits of floats ---------------------------------------------------------------------------------------------

template <class T>
inline constexpr int FRACTION = sizeof(T) == 8 ? 52 : 23;
template <class T>
inline constexpr int BIAS = sizeof(T) == 8 ? 1023 : 127;
/// The bits of a float that hold its exponent.
template <class T>
inline constexpr Int<T> EXPONENT = Int<T>(2 * BIAS<T> + 1) << FRACTION<T>;

template <class T>
RT_INLINE Reg<T> reg_exponent(Reg<T> a) {
  // As the last bits of a number so large that its units are ones.
  using Bits = Reg<Unsigned<T>>;
  return (Reg<T>)(((Bits)a << 1 >> (FRACTION<T> + 1)) | (Bits)splat<T>(WHOLE<T>)) - splat<T>(WHOLE<T> + BIAS<T>);
}
template <class T>
RT_INLINE Reg<T> reg_significand(Reg<T> a) {
  return (Reg<T>)(((Reg<Int<T>>)a & ~EXPONENT<T>) | (Reg<Int<T>>)splat<T>(1));
}
template <class T>
RT_INLINE Reg<T> reg_power_of_two(Reg<T> n) {
  return (Reg<T>)((Reg<Int<T>>)(n + splat<T>(WHOLE<T> + BIAS<T>)) << FRACTION<T>);
}
template <class T>
RT_INLINE Reg<T> reg_scale(Reg<T> a, Reg<T> n) {
#if RT_BITMASKS
  if constexpr (sizeof(T) == 8) return __builtin_ia32_scalefpd512_mask(a, n, a, -1, 4);
  else return __builtin_ia32_scalefps512_mask(a, n, a, -1, 4);
#else
  const Reg<T> half = reg_round<Rounding::Trunc, T>(n * T(0.5));
  return a * reg_power_of_two<T>(half) * reg_power_of_two<T>(n - half);
#endif
}

#define RT_UNARY(name, expression)               \
  template <class T, int G>                      \
  RT_INLINE Pack<T, G> name(Pack<T, G> a) {      \
    constexpr int N = Pack<T, G>::N;             \
    RT_REGISTERS(a.r[i] = expression) return a;  \
  }
RT_UNARY(rt_exponent, (reg_exponent<T>(a.r[i])))
RT_UNARY(rt_significand, (reg_significand<T>(a.r[i])))
RT_UNARY(rt_head, (Reg<T>)((Reg<Int<T>>)a.r[i] & Int<T>(-1ll << 27)))
#undef RT_UNARY

template <class T, int G>
RT_INLINE Pack<T, G> pack_scale(Pack<T, G> a, Pack<T, G> n) {
  constexpr int N = Pack<T, G>::N;
  RT_REGISTERS(a.r[i] = reg_scale<T>(a.r[i], n.r[i]))
  return a;
}
/// Out of line: only arguments of more than a million come here.
template <int G>
static __attribute__((noinline)) void two_over_pi_each(double* a) {
  for (int lane = 0; lane < G; lane++) a[lane] = ::rt_two_over_pi(a[lane]);
}
template <int G>
RT_INLINE Pack<double, G> rt_two_over_pi(Pack<double, G> a) {
  double places[G];
  a.store(places);
  two_over_pi_each<G>(places);
  return Pack<double, G>::load(places);
}

}  // namespace dotcompute::rt
