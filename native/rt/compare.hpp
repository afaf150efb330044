// Lanes of integers, compared with a number that is the same for all of them: with the integer that compares the same.
//
// Beyond all integers that a lane holds, and for NaN, one truth is that of all lanes; so is whether the number is an integer at all.
// All of it is computed once, before the loop.
#pragma once

#include "math.hpp"

namespace dotcompute::rt {

template <class T>
inline constexpr double LOWEST = is_unsigned<T> ? 0.0 : -double(1ull << (8 * sizeof(T) - 1));
template <class T>
inline constexpr double HIGHEST = double((1ull << (8 * sizeof(T) - (is_unsigned<T> ? 0 : 1))) - 1);

/// An integral number, or the lane's own limit that is nearest to it.
template <class T>
RT_INLINE T within(double whole, T of_nan) {
  if (whole != whole) return of_nan;
  return T(whole < HIGHEST<T> ? (whole > LOWEST<T> ? whole : LOWEST<T>) : HIGHEST<T>);
}

template <class T, int G>
RT_INLINE Mask<G> rt_gt(Pack<T, G> a, double b) {
  return (a > within<T>(::rt_floor(b), T(HIGHEST<T>))) | Mask<G>(b < LOWEST<T>);
}
template <class T, int G>
RT_INLINE Mask<G> rt_lt(Pack<T, G> a, double b) {
  return (a < within<T>(::rt_ceil(b), T(LOWEST<T>))) | Mask<G>(b > HIGHEST<T>);
}
template <class T, int G>
RT_INLINE Mask<G> rt_ge(Pack<T, G> a, double b) {
  return (a >= within<T>(::rt_ceil(b), T(0))) & Mask<G>(b <= HIGHEST<T>);
}
template <class T, int G>
RT_INLINE Mask<G> rt_le(Pack<T, G> a, double b) {
  return (a <= within<T>(::rt_floor(b), T(0))) & Mask<G>(b >= LOWEST<T>);
}
template <class T, int G>
RT_INLINE Mask<G> rt_eq(Pack<T, G> a, double b) {
  return (a == within<T>(::rt_floor(b), T(0))) & Mask<G>(b == ::rt_floor(b) && b >= LOWEST<T> && b <= HIGHEST<T>);
}
template <class T, int G>
RT_INLINE Mask<G> rt_ne(Pack<T, G> a, double b) {
  return !rt_eq(a, b);
}

}  // namespace dotcompute::rt
