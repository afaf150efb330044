// JavaScript's operators on scalars, where C's own spelling means something else.
//
// Written once for every dialect of the C family: the scalar code of C++ kernels, CUDA C and OpenCL C. A dialect may define
// RT_FN (function qualifiers), RT_MATH(name) (how its mathematical functions are called), RT_CONSTANT (where tables live),
// RT_CLZ (leading zeros of an unsigned that is not 0) and RT_BITS_OF_FLOATS (it has its own rt_bits and rt_from_bits) before
// including this file. No standard headers.
#pragma once

#ifndef RT_FN
#define RT_FN static inline __attribute__((always_inline, unused))
#endif
#ifndef RT_MATH
#define RT_MATH(name) __builtin_##name
#endif
#ifndef RT_CONSTANT
#define RT_CONSTANT
#endif
#ifndef RT_CLZ
#define RT_CLZ __builtin_clz
#endif
#ifndef RT_INFINITY
#define RT_INFINITY __builtin_inf()
#define RT_NAN __builtin_nan("")
#endif

typedef long long rt_i64;
typedef unsigned long long rt_u64;

RT_FN double rt_select(bool test, double yes, double no) { return test ? yes : no; }
RT_FN float rt_select(bool test, float yes, float no) { return test ? yes : no; }
RT_FN int rt_select(bool test, int yes, int no) { return test ? yes : no; }
RT_FN unsigned rt_select(bool test, unsigned yes, unsigned no) { return test ? yes : no; }
RT_FN rt_i64 rt_select(bool test, rt_i64 yes, rt_i64 no) { return test ? yes : no; }
RT_FN rt_u64 rt_select(bool test, rt_u64 yes, rt_u64 no) { return test ? yes : no; }
RT_FN bool rt_select(bool test, bool yes, bool no) { return test ? yes : no; }

// --- integers that wrap, for dialects where signed overflow has no meaning ------------------------------------------

RT_FN int rt_add(int a, int b) { return (int)((unsigned)a + (unsigned)b); }
RT_FN rt_i64 rt_add(rt_i64 a, rt_i64 b) { return (rt_i64)((rt_u64)a + (rt_u64)b); }
RT_FN int rt_sub(int a, int b) { return (int)((unsigned)a - (unsigned)b); }
RT_FN rt_i64 rt_sub(rt_i64 a, rt_i64 b) { return (rt_i64)((rt_u64)a - (rt_u64)b); }
RT_FN int rt_mul(int a, int b) { return (int)((unsigned)a * (unsigned)b); }
RT_FN rt_i64 rt_mul(rt_i64 a, rt_i64 b) { return (rt_i64)((rt_u64)a * (rt_u64)b); }
RT_FN int rt_neg(int a) { return (int)(0u - (unsigned)a); }
RT_FN rt_i64 rt_neg(rt_i64 a) { return (rt_i64)(0ull - (rt_u64)a); }

// --- rounding and sign: exact in both float types -------------------------------------------------------------------

RT_FN double rt_abs(double a) { return RT_MATH(fabs)(a); }
RT_FN float rt_abs(float a) { return RT_MATH(fabsf)(a); }
RT_FN int rt_abs(int a) { return a < 0 ? (int)(0u - (unsigned)a) : a; }
RT_FN double rt_floor(double a) { return RT_MATH(floor)(a); }
RT_FN float rt_floor(float a) { return RT_MATH(floorf)(a); }
RT_FN double rt_ceil(double a) { return RT_MATH(ceil)(a); }
RT_FN float rt_ceil(float a) { return RT_MATH(ceilf)(a); }
RT_FN double rt_trunc(double a) { return RT_MATH(trunc)(a); }
RT_FN float rt_trunc(float a) { return RT_MATH(truncf)(a); }
RT_FN double rt_sqrt(double a) { return RT_MATH(sqrt)(a); }
RT_FN float rt_sqrt(float a) { return RT_MATH(sqrtf)(a); }
RT_FN double rt_copysign(double a, double sign) { return RT_MATH(copysign)(a, sign); }
RT_FN float rt_copysign(float a, float sign) { return RT_MATH(copysignf)(a, sign); }

// Math.round: halves go up, and what rounds to zero from below is -0. floor(a + 0.5) is wrong for 0.49999999999999994.
RT_FN double rt_round(double a) {
  double below = rt_floor(a);
  return rt_copysign(a - below >= 0.5 ? below + 1.0 : below, a);
}
RT_FN float rt_round(float a) {
  float below = rt_floor(a);
  return rt_copysign(a - below >= 0.5f ? below + 1.0f : below, a);
}

// Math.sign keeps NaN and both zeros.
RT_FN double rt_sign(double a) { return a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : a; }
RT_FN float rt_sign(float a) { return a > 0.0f ? 1.0f : a < 0.0f ? -1.0f : a; }

// Math.min and Math.max: NaN wins, and -0 is less than +0.
RT_FN double rt_min(double a, double b) {
  if (a != a || b != b) return a + b;
  if (a == b) return rt_copysign(1.0, a) < 0.0 ? a : b;
  return a < b ? a : b;
}
RT_FN float rt_min(float a, float b) {
  if (a != a || b != b) return a + b;
  if (a == b) return rt_copysign(1.0f, a) < 0.0f ? a : b;
  return a < b ? a : b;
}
RT_FN int rt_min(int a, int b) { return a < b ? a : b; }
RT_FN unsigned rt_min(unsigned a, unsigned b) { return a < b ? a : b; }
RT_FN rt_i64 rt_min(rt_i64 a, rt_i64 b) { return a < b ? a : b; }
RT_FN rt_u64 rt_min(rt_u64 a, rt_u64 b) { return a < b ? a : b; }
RT_FN double rt_max(double a, double b) {
  if (a != a || b != b) return a + b;
  if (a == b) return rt_copysign(1.0, a) < 0.0 ? b : a;
  return a > b ? a : b;
}
RT_FN float rt_max(float a, float b) {
  if (a != a || b != b) return a + b;
  if (a == b) return rt_copysign(1.0f, a) < 0.0f ? b : a;
  return a > b ? a : b;
}
RT_FN int rt_max(int a, int b) { return a > b ? a : b; }
RT_FN unsigned rt_max(unsigned a, unsigned b) { return a > b ? a : b; }
RT_FN rt_i64 rt_max(rt_i64 a, rt_i64 b) { return a > b ? a : b; }
RT_FN rt_u64 rt_max(rt_u64 a, rt_u64 b) { return a > b ? a : b; }

// The remainder has the dividend's sign, also when it is zero.
RT_FN double rt_rem(double a, double b) { return RT_MATH(fmod)(a, b); }
RT_FN float rt_rem(float a, float b) { return RT_MATH(fmodf)(a, b); }

// BigInt division; the caller has dealt with zero. The smallest value divided by -1 wraps, where the machine would trap.
RT_FN rt_i64 rt_div(rt_i64 a, rt_i64 b) { return b == -1 ? (rt_i64)(0ull - (rt_u64)a) : a / b; }
RT_FN rt_u64 rt_div(rt_u64 a, rt_u64 b) { return a / b; }
RT_FN rt_i64 rt_rem(rt_i64 a, rt_i64 b) { return b == -1 ? 0 : a % b; }
RT_FN rt_u64 rt_rem(rt_u64 a, rt_u64 b) { return a % b; }

// --- predicates -----------------------------------------------------------------------------------------------------

RT_FN bool rt_is_nan(double a) { return a != a; }
RT_FN bool rt_is_nan(float a) { return a != a; }
RT_FN bool rt_is_finite(double a) { return a - a == 0.0; }
RT_FN bool rt_is_finite(float a) { return a - a == 0.0f; }
RT_FN bool rt_is_integer(double a) { return a - rt_trunc(a) == 0.0; }
RT_FN bool rt_is_integer(float a) { return a - rt_trunc(a) == 0.0f; }
RT_FN bool rt_is_safe_integer(double a) { return rt_is_integer(a) && rt_abs(a) <= 9007199254740991.0; }
RT_FN bool rt_is_safe_integer(float a) { return rt_is_safe_integer((double)a); }

// --- conversions ----------------------------------------------------------------------------------------------------

// ToInt32: modulo 2^32 for every finite value, 0 for NaN and the infinities.
RT_FN int rt_to_i32(double a) {
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
  // g++ takes (double)(int)a for trunc(a), which has the sign of -0.5; but not by way of more bits.
  if (a > -2147483649.0 && a < 2147483648.0) return (int)(rt_i64)a;
#else
  if (a > -2147483649.0 && a < 2147483648.0) return (int)a;
#endif
  double whole = rt_trunc(a);
  double low = whole - rt_floor(whole * 0x1p-32) * 0x1p32;
  return low == low ? (int)(unsigned)low : 0;
}
RT_FN int rt_to_i32(float a) { return rt_to_i32((double)a); }
RT_FN int rt_to_i32(int a) { return a; }
RT_FN int rt_to_i32(unsigned a) { return (int)a; }
RT_FN int rt_to_i32(rt_i64 a) { return (int)a; }
RT_FN int rt_to_i32(rt_u64 a) { return (int)a; }
RT_FN int rt_to_i32(bool a) { return a; }
RT_FN unsigned rt_to_u32(double a) { return (unsigned)rt_to_i32(a); }
RT_FN unsigned rt_to_u32(float a) { return (unsigned)rt_to_i32(a); }
RT_FN unsigned rt_to_u32(int a) { return (unsigned)a; }
RT_FN unsigned rt_to_u32(unsigned a) { return a; }
RT_FN unsigned rt_to_u32(rt_i64 a) { return (unsigned)a; }
RT_FN unsigned rt_to_u32(rt_u64 a) { return (unsigned)a; }
RT_FN unsigned rt_to_u32(bool a) { return a; }

// BigInt.asUintN(64, BigInt(a)); the caller has checked that a is integral.
RT_FN rt_u64 rt_to_u64(double a) {
  if (rt_abs(a) < 0x1p63) return (rt_u64)(rt_i64)(a + 0.0);  // the same of -0
  double low = a - rt_floor(a * 0x1p-64) * 0x1p64;
  return low == low ? (rt_u64)low : 0;
}
RT_FN rt_u64 rt_to_u64(float a) { return rt_to_u64((double)a); }
RT_FN rt_u64 rt_to_u64(int a) { return (rt_u64)(rt_i64)a; }
RT_FN rt_u64 rt_to_u64(unsigned a) { return a; }
RT_FN rt_u64 rt_to_u64(rt_i64 a) { return (rt_u64)a; }
RT_FN rt_u64 rt_to_u64(rt_u64 a) { return a; }
RT_FN rt_u64 rt_to_u64(bool a) { return a; }
RT_FN rt_i64 rt_to_i64(double a) { return (rt_i64)rt_to_u64(a); }
RT_FN rt_i64 rt_to_i64(float a) { return (rt_i64)rt_to_u64(a); }
RT_FN rt_i64 rt_to_i64(int a) { return a; }
RT_FN rt_i64 rt_to_i64(unsigned a) { return a; }
RT_FN rt_i64 rt_to_i64(rt_i64 a) { return a; }
RT_FN rt_i64 rt_to_i64(rt_u64 a) { return (rt_i64)a; }
RT_FN rt_i64 rt_to_i64(bool a) { return a; }

RT_FN double rt_to_f64(double a) { return a; }
RT_FN double rt_to_f64(float a) { return a; }
RT_FN double rt_to_f64(int a) { return a; }
RT_FN double rt_to_f64(unsigned a) { return a; }
RT_FN double rt_to_f64(rt_i64 a) { return (double)a; }
RT_FN double rt_to_f64(rt_u64 a) { return (double)a; }
RT_FN double rt_to_f64(bool a) { return a; }
// By way of f64, as Math.fround(Number(a)) is.
RT_FN float rt_to_f32(double a) { return (float)a; }
RT_FN float rt_to_f32(float a) { return a; }
RT_FN float rt_to_f32(int a) { return (float)(double)a; }
RT_FN float rt_to_f32(unsigned a) { return (float)(double)a; }
RT_FN float rt_to_f32(rt_i64 a) { return (float)(double)a; }
RT_FN float rt_to_f32(rt_u64 a) { return (float)(double)a; }
RT_FN float rt_to_f32(bool a) { return a; }

RT_FN bool rt_to_bool(double a) { return a < 0.0 || a > 0.0; }
RT_FN bool rt_to_bool(float a) { return a < 0.0f || a > 0.0f; }
RT_FN bool rt_to_bool(int a) { return a != 0; }
RT_FN bool rt_to_bool(unsigned a) { return a != 0; }
RT_FN bool rt_to_bool(rt_i64 a) { return a != 0; }
RT_FN bool rt_to_bool(rt_u64 a) { return a != 0; }
RT_FN bool rt_to_bool(bool a) { return a; }

// What a Uint8ClampedArray stores: rounded to the nearest byte, halves to even, NaN to 0.
RT_FN int rt_clamp_u8(double a) {
  double bounded = !(a > 0.0) ? 0.0 : a < 255.0 ? a : 255.0;
  return (int)(bounded + 0x1p52 - 0x1p52);
}
RT_FN int rt_clamp_u8(float a) { return rt_clamp_u8((double)a); }
RT_FN int rt_wrap_i8(int a) { return (signed char)a; }
RT_FN int rt_wrap_u8(int a) { return a & 255; }
RT_FN int rt_wrap_i16(int a) { return (short)a; }
RT_FN int rt_wrap_u16(int a) { return a & 65535; }

// --- bits -----------------------------------------------------------------------------------------------------------

RT_FN int rt_shl(int a, int count) { return (int)((unsigned)a << (count & 31)); }
RT_FN int rt_shr(int a, int count) { return a >> (count & 31); }
RT_FN unsigned rt_ushr(int a, int count) { return (unsigned)a >> (count & 31); }
RT_FN int rt_clz32(int a) { return a == 0 ? 32 : RT_CLZ((unsigned)a); }

// BigInt shifts take any count; a negative one reverses the direction.
RT_FN rt_i64 rt_shift_left(rt_i64 a, rt_u64 count) { return count < 64 ? (rt_i64)((rt_u64)a << count) : 0; }
RT_FN rt_i64 rt_shift_right(rt_i64 a, rt_u64 count) { return a >> (count < 64 ? count : 63); }
RT_FN rt_i64 rt_shl(rt_i64 a, rt_i64 count) { return count < 0 ? rt_shift_right(a, 0 - (rt_u64)count) : rt_shift_left(a, (rt_u64)count); }
RT_FN rt_i64 rt_shr(rt_i64 a, rt_i64 count) { return count < 0 ? rt_shift_left(a, 0 - (rt_u64)count) : rt_shift_right(a, (rt_u64)count); }
RT_FN rt_u64 rt_shl(rt_u64 a, rt_u64 count) { return count < 64 ? a << count : 0; }
RT_FN rt_u64 rt_shr(rt_u64 a, rt_u64 count) { return count < 64 ? a >> count : 0; }

// --- the bits of floats, for the elementary functions (fusion/math/bits.ts says for which arguments) -------------------

#ifndef RT_BITS_OF_FLOATS
RT_FN rt_u64 rt_bits(double a) {
  rt_u64 bits;
  __builtin_memcpy(&bits, &a, sizeof bits);
  return bits;
}
RT_FN unsigned rt_bits(float a) {
  unsigned bits;
  __builtin_memcpy(&bits, &a, sizeof bits);
  return bits;
}
RT_FN double rt_from_bits(rt_u64 bits) {
  double a;
  __builtin_memcpy(&a, &bits, sizeof a);
  return a;
}
RT_FN float rt_from_bits(unsigned bits) {
  float a;
  __builtin_memcpy(&a, &bits, sizeof a);
  return a;
}
#endif

RT_FN double rt_exponent(double a) { return (double)((int)(rt_bits(a) << 1 >> 53) - 1023); }
RT_FN float rt_exponent(float a) { return (float)((int)(rt_bits(a) << 1 >> 24) - 127); }
RT_FN double rt_significand(double a) { return rt_from_bits((rt_bits(a) & ~(0x7ffull << 52)) | 0x3ffull << 52); }
RT_FN float rt_significand(float a) { return rt_from_bits((rt_bits(a) & ~(0xffu << 23)) | 0x7fu << 23); }
RT_FN double rt_head(double a) { return rt_from_bits(rt_bits(a) & ~0ull << 27); }

// 2^n by the bits of a sum: its last ones are n and the bias.
RT_FN double rt_power_of_two(double n) { return rt_from_bits(rt_bits(n + (0x1p52 + 1023)) << 52); }
RT_FN float rt_power_of_two(float n) { return rt_from_bits(rt_bits(n + (0x1p23f + 127)) << 23); }
RT_FN double rt_scale(double a, double n) {
  double half = rt_trunc(n * 0.5);
  return a * rt_power_of_two(half) * rt_power_of_two(n - half);
}
RT_FN float rt_scale(float a, float n) {
  float half = rt_trunc(n * 0.5f);
  return a * rt_power_of_two(half) * rt_power_of_two(n - half);
}

RT_FN double rt_two_over_pi(double i) {
  static RT_CONSTANT const int digits[] = {
      0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041, 0xfe5163, 0xabdebb, 0xc561b7, 0x246e3a,
      0x424dd2, 0xe00649, 0x2eea09, 0xd1921c, 0xfe1deb, 0x1cb129, 0xa73ee8, 0x8235f5, 0x2ebb44, 0x84e99c, 0x7026b4, 0x5f7e41,
      0x3991d6, 0x398353, 0x39f49c, 0x845f8b, 0xbdf928, 0x3b1ff8, 0x97ffde, 0x05980f, 0xef2f11, 0x8b5a0a, 0x6d1f6d, 0x367ecf,
      0x27cb09, 0xb74f46, 0x3f669e, 0x5fea2d, 0x7527ba, 0xc7ebe5, 0xf17b3d, 0x0739f7, 0x8a5292, 0xea6bfb, 0x5fb11f, 0x8d5d08};
  return i >= 0.0 && i < 48.0 ? (double)digits[(int)i] : 0.0;
}
