// The functions of the C library over whole arrays, element by element: what a plain loop in C++ takes.
#include <cmath>

#include "../../native/rt/abi.hpp"

namespace {

using namespace dotcompute;

template <class T, class F>
Status one(Call* call, F function) {
  const T* const in = static_cast<const T*>(call->source);
  T* const out = static_cast<T*>(call->output);
  for (u64 at = 0; at < call->length; at++) out[at] = function(in[at]);
  call->count = call->length;
  return Status::Done;
}

template <class T, class F>
Status two(Call* call, F function) {
  const T* const in = static_cast<const T*>(call->source);
  const T* const other = static_cast<const T*>(call->arrays[0].data);
  T* const out = static_cast<T*>(call->output);
  for (u64 at = 0; at < call->length; at++) out[at] = function(in[at], other[at]);
  call->count = call->length;
  return Status::Done;
}

}  // namespace

#define FUNCTION(arguments, name)                                                                                               \
  extern "C" Status name##_f64(Call* call) { return arguments<double>(call, [](auto... values) { return std::name(values...); }); } \
  extern "C" Status name##_f32(Call* call) { return arguments<float>(call, [](auto... values) { return std::name(values...); }); }

FUNCTION(one, exp)
FUNCTION(one, exp2)
FUNCTION(one, expm1)
FUNCTION(one, log)
FUNCTION(one, log1p)
FUNCTION(one, log2)
FUNCTION(one, log10)
FUNCTION(one, sin)
FUNCTION(one, cos)
FUNCTION(one, tan)
FUNCTION(one, asin)
FUNCTION(one, acos)
FUNCTION(one, atan)
FUNCTION(two, atan2)
FUNCTION(one, sinh)
FUNCTION(one, cosh)
FUNCTION(one, tanh)
FUNCTION(one, asinh)
FUNCTION(one, acosh)
FUNCTION(one, atanh)
FUNCTION(one, cbrt)
FUNCTION(two, hypot)
FUNCTION(two, pow)
