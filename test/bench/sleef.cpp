// The functions of SLEEF (sleef.org) that err by at most one unit in the last place, over whole arrays: the bar for the elementary
// functions. On the instruction set that kernels use.
#include <immintrin.h>
#include <sleef.h>

#include "../../native/rt/abi.hpp"

// As in native/rt/vector.hpp.
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512BW__)
using Doubles = __m512d;
using Singles = __m512;
#define DOUBLES(name, error) Sleef_##name##d8_##error##avx512f
#define SINGLES(name, error) Sleef_##name##f16_##error##avx512f
#elif defined(__AVX2__) && defined(__FMA__)
using Doubles = __m256d;
using Singles = __m256;
#define DOUBLES(name, error) Sleef_##name##d4_##error##avx2
#define SINGLES(name, error) Sleef_##name##f8_##error##avx2
#else
using Doubles = __m128d;
using Singles = __m128;
#define DOUBLES(name, error) Sleef_##name##d2_##error##sse2
#define SINGLES(name, error) Sleef_##name##f4_##error##sse2
#endif

namespace {

using namespace dotcompute;

template <class Vector, class T>
Vector load(const T* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

/// Arrays of whole vectors.
template <class Vector, class T, auto function>
Status one(Call* call) {
  const T* const in = static_cast<const T*>(call->source);
  T* const out = static_cast<T*>(call->output);
  for (u64 at = 0; at < call->length; at += sizeof(Vector) / sizeof(T)) {
    const Vector value = function(load<Vector>(in + at));
    __builtin_memcpy(out + at, &value, sizeof value);
  }
  call->count = call->length;
  return Status::Done;
}

template <class Vector, class T, auto function>
Status two(Call* call) {
  const T* const in = static_cast<const T*>(call->source);
  const T* const other = static_cast<const T*>(call->arrays[0].data);
  T* const out = static_cast<T*>(call->output);
  for (u64 at = 0; at < call->length; at += sizeof(Vector) / sizeof(T)) {
    const Vector value = function(load<Vector>(in + at), load<Vector>(other + at));
    __builtin_memcpy(out + at, &value, sizeof value);
  }
  call->count = call->length;
  return Status::Done;
}

}  // namespace

#define FUNCTION(arguments, name, error)                                                                                  \
  extern "C" Status name##_f64(Call* call) { return arguments<Doubles, double, DOUBLES(name, error)>(call); }             \
  extern "C" Status name##_f32(Call* call) { return arguments<Singles, float, SINGLES(name, error)>(call); }

FUNCTION(one, exp, u10)
FUNCTION(one, exp2, u10)
FUNCTION(one, expm1, u10)
FUNCTION(one, log, u10)
FUNCTION(one, log1p, u10)
FUNCTION(one, log2, u10)
FUNCTION(one, log10, u10)
FUNCTION(one, sin, u10)
FUNCTION(one, cos, u10)
FUNCTION(one, tan, u10)
FUNCTION(one, asin, u10)
FUNCTION(one, acos, u10)
FUNCTION(one, atan, u10)
FUNCTION(two, atan2, u10)
FUNCTION(one, sinh, u10)
FUNCTION(one, cosh, u10)
FUNCTION(one, tanh, u10)
FUNCTION(one, asinh, u10)
FUNCTION(one, acosh, u10)
FUNCTION(one, atanh, u10)
FUNCTION(one, cbrt, u10)
FUNCTION(two, hypot, u05)
FUNCTION(two, pow, u10)
