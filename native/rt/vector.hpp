// Native vector registers of one instruction set: width, lane-wise selection and shuffles. No standard headers.
//
// g++ takes vectors wider than a register apart, lane by lane, as soon as they are selected from; so everything here is as
// wide as one register, and packs (pack.hpp) are small arrays of registers.
#pragma once

#include "abi.hpp"
#include "scalar.h"

#define RT_INLINE static inline __attribute__((always_inline, unused))
#define RT_MEMBER inline __attribute__((always_inline))
/// Inlines a lambda where it is called.
#define RT_BODY __attribute__((always_inline))
#define RT_KERNEL __attribute__((visibility("default")))
/// What a kernel is exported as. Files of several instruction sets hold it once for each, under a name of its own.
#if defined(RT_LEVEL)
#define RT_JOINED(symbol, level) symbol##_##level
#define RT_NAMED(symbol, level) RT_JOINED(symbol, level)
#define RT_ENTRY(symbol) RT_NAMED(symbol, RT_LEVEL)
#else
#define RT_ENTRY(symbol) symbol
#endif

/// Bytes in a register.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define RT_WIDTH 64
#elif defined(__AVX2__)
#define RT_WIDTH 32
#else
#define RT_WIDTH 16
#endif

/// g++ reaches mask registers only by its own builtins; clang++ finds them by itself.
#if RT_WIDTH == 64 && !defined(__clang__)
#define RT_BITMASKS 1
#else
#define RT_BITMASKS 0
#endif
#if defined(__SSE2__) && !defined(__clang__)
#define RT_GCC_X86 1
#else
#define RT_GCC_X86 0
#endif

/// Whether there are stores that go past the caches: lines are then not read before they are written.
#if defined(__clang__) || RT_GCC_X86
#define RT_STORES_AROUND 1
#else
#define RT_STORES_AROUND 0
#endif

/// Whether loops are quicker that ask for their source before they come to it. The own prefetching of Zen 4 is the better one: sums of 1e7
/// elements take 3.4 ms with ours and 2.8 without, maps of them 3.2 and 2.8. On Zen 3 sums of 1e7 take 2.2 ms with ours and 2.6 without, and
/// maps the same. Others fall to a third of the memory's speed without. Compilers that know no Zen 4 call it a Zen 3 with AVX-512.
#if defined(__znver1__) || defined(__znver2__) || defined(__znver4__) || defined(__znver5__) || (defined(__znver3__) && RT_WIDTH == 64)
#define RT_PREFETCHES 0
#else
#define RT_PREFETCHES 1
#endif

#if defined(__clang__)
#define RT_SHUFFLE(Index, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define RT_SHUFFLE(Index, a, b, ...) __builtin_shuffle(a, b, Index{__VA_ARGS__})
#endif

/// Runs `expression` for each register `i` of N; `i` is a constant each time. g++ keeps what loops over registers in memory, and at -O1 gets such loops wrong.
#define RT_REGISTER(place, expression) \
  if constexpr (N > place) {           \
    constexpr int i = place;           \
    expression;                        \
  }
#define RT_REGISTERS(expression) \
  {                              \
    RT_REGISTER(0, expression)   \
    RT_REGISTER(1, expression)   \
    RT_REGISTER(2, expression)   \
    RT_REGISTER(3, expression)   \
  }

namespace dotcompute::rt {

inline constexpr int WIDTH = RT_WIDTH;
/// Lanes and elements of the canonical order of reductions; part of the library's contract.
inline constexpr int LANES = 32;
inline constexpr int BLOCK = 1024;
/// So many elements run between two looks at the stop flag; sums of as many neighbours, of 16 bits each, have room in 32.
inline constexpr u64 STRETCH = 16 * BLOCK;

template <class T, int Bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(Bytes)));
};
/// One register of T; and half of one.
template <class T>
using Reg = typename VectorOf<T, WIDTH>::type;
template <class T>
using Half = typename VectorOf<T, WIDTH / 2>::type;

/// The signed integer as wide as T.
template <int Bytes>
struct IntOfSize {
  using type = i64;
};
template <>
struct IntOfSize<4> {
  using type = int;
};
template <>
struct IntOfSize<2> {
  using type = short;
};
template <>
struct IntOfSize<1> {
  using type = char;
};
template <class T>
using Int = typename IntOfSize<sizeof(T)>::type;

/// The unsigned integer as wide as a float.
template <class T>
struct UnsignedOf {
  using type = u64;
};
template <>
struct UnsignedOf<float> {
  using type = u32;
};
template <class T>
using Unsigned = typename UnsignedOf<T>::type;

template <class A, class B>
inline constexpr bool same = false;
template <class A>
inline constexpr bool same<A, A> = true;
template <class T>
inline constexpr bool is_float = same<T, double> || same<T, float>;
template <class T>
inline constexpr bool is_unsigned = T(-1) > T(0);

template <class T>
RT_INLINE Reg<T> splat(T value) {
  return value - Reg<T>{};  // -0.0 - 0.0 is -0.0
}

template <class T>
RT_INLINE Half<T> low_half(Reg<T> a) {
  Half<T> half;
  __builtin_memcpy(&half, &a, sizeof half);
  return half;
}

template <class T>
RT_INLINE Half<T> high_half(Reg<T> a) {
#if RT_GCC_X86 && RT_WIDTH == 64
  if constexpr (sizeof(T) == 4)
    return (Half<T>)__builtin_ia32_extractf32x8_mask((Reg<float>)a, 1, Half<float>{}, (unsigned char)-1);
  else
    return (Half<T>)__builtin_ia32_extractf64x4_mask((Reg<double>)a, 1, Half<double>{}, (unsigned char)-1);
#elif RT_GCC_X86 && RT_WIDTH == 32
  return (Half<T>)__builtin_ia32_vextractf128_ps256((Reg<float>)a, 1);
#else
  Half<T> half;
  __builtin_memcpy(&half, (const char*)&a + sizeof half, sizeof half);
  return half;
#endif
}

template <class T>
RT_INLINE Reg<T> join(Half<T> low, Half<T> high) {
#if RT_GCC_X86 && RT_WIDTH == 64
  if constexpr (sizeof(T) == 4) {
    Reg<float> wide = __builtin_ia32_ps512_256ps((Half<float>)low);
    return (Reg<T>)__builtin_ia32_insertf32x8_mask(wide, (Half<float>)high, 1, wide, (unsigned short)-1);
  } else {
    Reg<double> wide = __builtin_ia32_pd512_256pd((Half<double>)low);
    return (Reg<T>)__builtin_ia32_insertf64x4_mask(wide, (Half<double>)high, 1, wide, (unsigned char)-1);
  }
#elif RT_GCC_X86 && RT_WIDTH == 32
  return (Reg<T>)__builtin_ia32_vinsertf128_ps256(__builtin_ia32_ps256_ps((Half<float>)low), (Half<float>)high, 1);
#else
  Reg<T> whole;
  __builtin_memcpy(&whole, &low, sizeof low);
  __builtin_memcpy((char*)&whole + sizeof low, &high, sizeof high);
  return whole;
#endif
}

/// Half a register of 32-bit values as a register of 64-bit ones.
template <class To, class From>
RT_INLINE Reg<To> widen(Half<From> a) {
#if RT_BITMASKS
  // g++ 12 splits a generic conversion to a wider type into two of half the width.
  if constexpr (same<To, double> && same<From, float>) return __builtin_ia32_cvtps2pd512_mask(a, Reg<double>{}, -1, 4);
  else if constexpr (same<To, double> && same<From, int>) return __builtin_ia32_cvtdq2pd512_mask(a, Reg<double>{}, -1);
  else if constexpr (same<To, double> && same<From, u32>) return __builtin_ia32_cvtudq2pd512_mask((Half<int>)a, Reg<double>{}, -1);
  else if constexpr (same<From, int>) return (Reg<To>)__builtin_ia32_pmovsxdq512_mask(a, Reg<i64>{}, -1);
  else return (Reg<To>)__builtin_ia32_pmovzxdq512_mask((Half<int>)a, Reg<i64>{}, -1);
#elif RT_GCC_X86 && RT_WIDTH == 32
  if constexpr (same<To, double> && same<From, float>) return __builtin_ia32_cvtps2pd256(a);
  else if constexpr (same<To, double> && same<From, int>) return __builtin_ia32_cvtdq2pd256(a);
  else if constexpr (same<To, double>) return __builtin_convertvector(a, Reg<To>);
  else if constexpr (same<From, int>) return (Reg<To>)__builtin_ia32_pmovsxdq256(a);
  else return (Reg<To>)__builtin_ia32_pmovzxdq256((Half<int>)a);
#else
  return __builtin_convertvector(a, Reg<To>);
#endif
}

/// 64-bit values in half the room: floats rounded, integers by their low bits, floats to integers only where they fit.
template <class To, class From>
RT_INLINE Half<To> narrow(Reg<From> a) {
#if RT_BITMASKS
  if constexpr (sizeof(To) == 4 && !is_float<From>)
    return (Half<To>)__builtin_ia32_pmovqd512_mask((Reg<i64>)a, Half<int>{}, (unsigned char)-1);
  else
#endif
    return __builtin_convertvector(a, Half<To>);
}

/// Stores past the caches; `to` is a multiple of a register. Other threads see it after `settle_stores`.
template <class T>
RT_INLINE void store_around(void* to, Reg<T> a) {
#if defined(__clang__)
  __builtin_nontemporal_store(a, (Reg<T>*)to);
#elif RT_GCC_X86 && RT_WIDTH == 64
  __builtin_ia32_movntps512((float*)to, (Reg<float>)a);
#elif RT_GCC_X86 && RT_WIDTH == 32
  __builtin_ia32_movntps256((float*)to, (Reg<float>)a);
#elif RT_GCC_X86
  __builtin_ia32_movntps((float*)to, (Reg<float>)a);
#else
  __builtin_memcpy(to, &a, WIDTH);
#endif
}
/// A locked instruction waits for them.
RT_INLINE void settle_stores() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// Lane j of the result is lane j + By of `a`, around the end.
template <int By, class T>
RT_INLINE Reg<T> rotate(Reg<T> a) {
  using Index [[maybe_unused]] = Reg<Int<T>>;
  constexpr int N = WIDTH / sizeof(T);
#define RT_AT(j) ((j + By) % N)
  if constexpr (N == 2) return RT_SHUFFLE(Index, a, a, RT_AT(0), RT_AT(1));
  if constexpr (N == 4) return RT_SHUFFLE(Index, a, a, RT_AT(0), RT_AT(1), RT_AT(2), RT_AT(3));
  if constexpr (N == 8) return RT_SHUFFLE(Index, a, a, RT_AT(0), RT_AT(1), RT_AT(2), RT_AT(3), RT_AT(4), RT_AT(5), RT_AT(6), RT_AT(7));
  if constexpr (N == 16)
    return RT_SHUFFLE(Index, a, a, RT_AT(0), RT_AT(1), RT_AT(2), RT_AT(3), RT_AT(4), RT_AT(5), RT_AT(6), RT_AT(7), RT_AT(8), RT_AT(9),
                      RT_AT(10), RT_AT(11), RT_AT(12), RT_AT(13), RT_AT(14), RT_AT(15));
#undef RT_AT
}

/// 0, 1, 2 … in every lane.
template <class T>
RT_INLINE Reg<T> iota() {
  constexpr int N = WIDTH / sizeof(T);
  if constexpr (N == 2) return Reg<T>{0, 1};
  if constexpr (N == 4) return Reg<T>{0, 1, 2, 3};
  if constexpr (N == 8) return Reg<T>{0, 1, 2, 3, 4, 5, 6, 7};
  if constexpr (N == 16) return Reg<T>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
}

enum class Relation { Lt, Le, Gt, Ge, Eq, Ne };

#if RT_BITMASKS

/// A comparison's result: a bit for every lane.
template <class T>
struct BitsOf {
  using type = unsigned char;
};
template <class T>
  requires(sizeof(T) == 4)
struct BitsOf<T> {
  using type = unsigned short;
};
template <class T>
  requires(sizeof(T) == 2)
struct BitsOf<T> {
  using type = u32;
};
template <class T>
  requires(sizeof(T) == 1)
struct BitsOf<T> {
  using type = u64;
};
template <class T>
using RegMask = typename BitsOf<T>::type;

template <Relation R, class T>
RT_INLINE RegMask<T> compare(Reg<T> a, Reg<T> b) {
  constexpr int floats[] = {17, 18, 30, 29, 0, 4};  // quiet, false for NaN except Ne
  constexpr int ints[] = {1, 2, 6, 5, 0, 4};
  constexpr int f = floats[int(R)], i = ints[int(R)];
  constexpr RegMask<T> every = -1;
  if constexpr (same<T, double>) return __builtin_ia32_cmppd512_mask(a, b, f, every, 4);
  if constexpr (same<T, float>) return __builtin_ia32_cmpps512_mask(a, b, f, every, 4);
  if constexpr (same<T, int>) return __builtin_ia32_cmpd512_mask(a, b, i, every);
  if constexpr (same<T, u32>) return __builtin_ia32_ucmpd512_mask((Reg<int>)a, (Reg<int>)b, i, every);
  if constexpr (same<T, i64>) return __builtin_ia32_cmpq512_mask(a, b, i, every);
  if constexpr (same<T, u64>) return __builtin_ia32_ucmpq512_mask((Reg<i64>)a, (Reg<i64>)b, i, every);
  if constexpr (same<T, short>) return __builtin_ia32_cmpw512_mask(a, b, i, every);
  if constexpr (same<T, unsigned short>) return __builtin_ia32_ucmpw512_mask((Reg<short>)a, (Reg<short>)b, i, every);
  if constexpr (same<T, signed char>) return __builtin_ia32_cmpb512_mask((Reg<char>)a, (Reg<char>)b, i, every);
  if constexpr (same<T, u8>) return __builtin_ia32_ucmpb512_mask((Reg<char>)a, (Reg<char>)b, i, every);
}

template <class T>
RT_INLINE Reg<T> blend(RegMask<T> mask, Reg<T> yes, Reg<T> no) {
  if constexpr (same<T, double>) return __builtin_ia32_blendmpd_512_mask(no, yes, mask);
  else if constexpr (same<T, float>) return __builtin_ia32_blendmps_512_mask(no, yes, mask);
  else if constexpr (sizeof(T) == 1) return (Reg<T>)__builtin_ia32_blendmb_512_mask((Reg<char>)no, (Reg<char>)yes, mask);
  else if constexpr (sizeof(T) == 2) return (Reg<T>)__builtin_ia32_blendmw_512_mask((Reg<short>)no, (Reg<short>)yes, mask);
  else if constexpr (sizeof(T) == 4) return (Reg<T>)__builtin_ia32_blendmd_512_mask((Reg<int>)no, (Reg<int>)yes, mask);
  else return (Reg<T>)__builtin_ia32_blendmq_512_mask((Reg<i64>)no, (Reg<i64>)yes, mask);
}

#else

/// A comparison's result: all bits of a lane, or none.
template <class T>
using RegMask = Reg<Int<T>>;

template <Relation R, class T>
RT_INLINE RegMask<T> compare(Reg<T> a, Reg<T> b) {
  if constexpr (R == Relation::Lt) return (RegMask<T>)(a < b);
  if constexpr (R == Relation::Le) return (RegMask<T>)(a <= b);
  if constexpr (R == Relation::Gt) return (RegMask<T>)(a > b);
  if constexpr (R == Relation::Ge) return (RegMask<T>)(a >= b);
  if constexpr (R == Relation::Eq) return (RegMask<T>)(a == b);
  if constexpr (R == Relation::Ne) return (RegMask<T>)(a != b);
}

template <class T>
RT_INLINE Reg<T> blend(RegMask<T> mask, Reg<T> yes, Reg<T> no) {
#if defined(__clang__)
  return mask ? yes : no;
#elif RT_GCC_X86 && RT_WIDTH == 32
  if constexpr (sizeof(T) <= 2) return (Reg<T>)__builtin_ia32_pblendvb256((Reg<char>)no, (Reg<char>)yes, (Reg<char>)mask);
  else if constexpr (sizeof(T) == 4) return (Reg<T>)__builtin_ia32_blendvps256((Reg<float>)no, (Reg<float>)yes, (Reg<float>)mask);
  else return (Reg<T>)__builtin_ia32_blendvpd256((Reg<double>)no, (Reg<double>)yes, (Reg<double>)mask);
#else
  return (Reg<T>)((mask & (RegMask<T>)yes) | (~mask & (RegMask<T>)no));
#endif
}

#endif

}  // namespace dotcompute::rt
