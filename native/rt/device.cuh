// What CUDA C has of its own, as far as kernels use it: scalar.h's dialect, warps, and the words that all threads share.
//
// NVRTC compiles this without standard headers. Of CUDA's mathematical functions only those are called that are exact and
// become instructions (rounding, sign, absolute value, correctly rounded square root): PTX of kernels holds no fused
// multiply-add and nothing approximate.
#pragma once

#define RT_FN __device__ __forceinline__
#define RT_INLINE __device__ __forceinline__
#define RT_MEMBER __device__ __forceinline__
#define RT_CONSTANT __constant__
#define RT_CLZ(a) __clz((int)(a))
#define RT_NAN __longlong_as_double(0x7ff8000000000000ll)
#define RT_INFINITY __longlong_as_double(0x7ff0000000000000ll)
#define RT_MATH(name) rt_exact_##name

#define RT_BITS_OF_FLOATS
RT_FN unsigned long long rt_bits(double a) { return (unsigned long long)__double_as_longlong(a); }
RT_FN unsigned rt_bits(float a) { return (unsigned)__float_as_int(a); }
RT_FN double rt_from_bits(unsigned long long bits) { return __longlong_as_double((long long)bits); }
RT_FN float rt_from_bits(unsigned bits) { return __int_as_float((int)bits); }

RT_FN double rt_exact_fabs(double a) { return fabs(a); }
RT_FN float rt_exact_fabsf(float a) { return fabsf(a); }
RT_FN double rt_exact_floor(double a) { return floor(a); }
RT_FN float rt_exact_floorf(float a) { return floorf(a); }
RT_FN double rt_exact_ceil(double a) { return ceil(a); }
RT_FN float rt_exact_ceilf(float a) { return ceilf(a); }
RT_FN double rt_exact_trunc(double a) { return trunc(a); }
RT_FN float rt_exact_truncf(float a) { return truncf(a); }
RT_FN double rt_exact_sqrt(double a) { return __dsqrt_rn(a); }
RT_FN float rt_exact_sqrtf(float a) { return __fsqrt_rn(a); }
RT_FN double rt_exact_copysign(double a, double sign) { return copysign(a, sign); }
RT_FN float rt_exact_copysignf(float a, float sign) { return copysignf(a, sign); }

/// The remainder by long division of the significands: CUDA's own fmodf divides approximately and corrects by fused
/// multiply-adds. A turn gives a bit of the quotient.
static __device__ __noinline__ double rt_exact_fmod(double a, double b) {
  typedef unsigned long long u64;
  constexpr u64 infinity = 0x7ffull << 52, hidden = 1ull << 52;
  const u64 x = rt_bits(a) & ~(1ull << 63), y = rt_bits(b) & ~(1ull << 63);
  if (x >= infinity || y > infinity || y == 0) return RT_NAN;
  if (x < y) return a;
  // As significand times a power of two, the significand's leading bit in place, also of a subnormal.
  int ex = (int)(x >> 52), ey = (int)(y >> 52);
  u64 mx = x & (hidden - 1), my = y & (hidden - 1);
  if (ex > 0) mx |= hidden;
  else {
    const int by = __clzll((long long)mx) - 11;
    mx <<= by;
    ex = 1 - by;
  }
  if (ey > 0) my |= hidden;
  else {
    const int by = __clzll((long long)my) - 11;
    my <<= by;
    ey = 1 - by;
  }
  for (; ex > ey && mx != 0; ex--) {
    if (mx >= my) mx -= my;
    mx <<= 1;
  }
  if (mx >= my) mx -= my;
  if (mx == 0) return copysign(0.0, a);
  const int by = __clzll((long long)mx) - 11;
  mx <<= by;
  ey -= by;
  const u64 bits = ey > 0 ? (mx - hidden) | (u64)ey << 52 : mx >> (1 - ey);
  return copysign(rt_from_bits(bits), a);
}
/// The remainder of two floats is a float: what f64 gives is exact.
RT_FN float rt_exact_fmodf(float a, float b) { return (float)rt_exact_fmod((double)a, (double)b); }

#include "scalar.h"

namespace dotcompute::rt {

using u32 = unsigned;
using u64 = unsigned long long;
using i64 = long long;

/// The constants of the canonical order (fusion/types.ts): a warp has as many lanes.
inline constexpr unsigned LANES = 32;
inline constexpr u64 BLOCK = 1024;
/// Threads of a thread block, in every launch that has more than one. fusion/emit/cuda-plan.ts sizes grids by it.
inline constexpr unsigned THREADS = 256;
inline constexpr unsigned WARPS = THREADS / LANES;
inline constexpr unsigned EVERY_LANE = 0xffffffffu;
/// No element's place.
inline constexpr u64 NOWHERE = ~0ull;

/// What a run gives, in device memory. It begins as NOWHERE, NOWHERE and zeros; fusion/emit/cuda-plan.ts reads it.
struct State {
  u64 failed;    // the smallest place of an element that failed
  u64 position;  // first and last sinks: the place of the element that yielded
  u64 count;     // array, count, counted reduce and fold sinks
  u64 rank;      // ranked first sinks
  u64 value;     // reduce, fold, scan, first and last sinks, in the low bytes
  u64 stopped;   // the stop flag was seen: nothing else counts
};

template <class A, class B>
inline constexpr bool same = false;
template <class A>
inline constexpr bool same<A, A> = true;

RT_INLINE u64 bits_of(double value) { return rt_bits(value); }
RT_INLINE u64 bits_of(float value) { return rt_bits(value); }
RT_INLINE u64 bits_of(int value) { return u32(value); }
RT_INLINE u64 bits_of(u32 value) { return value; }
RT_INLINE u64 bits_of(i64 value) { return u64(value); }
RT_INLINE u64 bits_of(u64 value) { return value; }
RT_INLINE u64 bits_of(bool value) { return value; }

template <class T>
RT_INLINE T from_bits(u64 bits) {
  if constexpr (same<T, double>) return rt_from_bits(bits);
  else if constexpr (same<T, float>) return rt_from_bits(u32(bits));
  else return T(bits);
}

RT_INLINE unsigned lane_id() { return threadIdx.x % LANES; }
/// This warp's place among all of the launch.
RT_INLINE u64 warp_id() { return u64(blockIdx.x) * WARPS + threadIdx.x / LANES; }
RT_INLINE u64 warp_count() { return u64(gridDim.x) * WARPS; }

/// What another lane of the warp holds (counted modulo 32). All lanes must call it together.
template <class T>
RT_INLINE T from_lane(T value, unsigned lane) {
  return T(__shfl_sync(EVERY_LANE, value, int(lane)));
}

/// The sum over the warp, in lane 0. All lanes must call it together.
RT_INLINE u64 warp_sum(u64 value) {
  for (unsigned half = LANES / 2; half > 0; half /= 2) value += from_lane(value, lane_id() + half);
  return value;
}

/// Adds what the lanes have counted. All lanes must call it together.
RT_INLINE void add_up(u64* total, u64 count) {
  const u64 sum = warp_sum(count);
  if (lane_id() == 0 && sum != 0) atomicAdd(total, sum);
}

}  // namespace dotcompute::rt
