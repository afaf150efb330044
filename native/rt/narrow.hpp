// Registers of 32-bit lanes from elements of 8 or 16 bits, and back by their low bits.
#pragma once

#include "vector.hpp"

namespace dotcompute::rt {

template <class E>
using Narrow = typename VectorOf<E, WIDTH / 4 * int(sizeof(E))>::type;
#if RT_GCC_X86 && RT_WIDTH < 64
using Bytes = VectorOf<char, 16>::type;
using Words = VectorOf<short, 16>::type;
/// The first elements of a vector. By way of an integer: from less than a vector in memory g++ goes by way of the stack, which stalls.
template <int Count>
RT_INLINE Bytes load_first(const void* from) {
  if constexpr (Count == 4) {
    int few;
    __builtin_memcpy(&few, from, 4);
    return (Bytes)VectorOf<int, 16>::type{few, 0, 0, 0};
  } else if constexpr (Count == 8) {
    i64 few;
    __builtin_memcpy(&few, from, 8);
    return (Bytes)VectorOf<i64, 16>::type{few, 0};
  } else {
    Bytes all;
    __builtin_memcpy(&all, from, 16);
    return all;
  }
}
#endif

template <class E>
RT_INLINE Reg<int> load_narrow(const E* from) {
#if RT_GCC_X86 && RT_WIDTH < 64
  const Bytes low = load_first<WIDTH / 4 * int(sizeof(E))>(from);
#else
  Narrow<E> a;
  __builtin_memcpy(&a, from, sizeof a);
#endif
  // g++ 12 takes conversions from bytes apart, lane by lane.
#if RT_BITMASKS
  if constexpr (same<E, signed char>) return __builtin_ia32_pmovsxbd512_mask((Narrow<char>)a, Reg<int>{}, (unsigned short)-1);
  else if constexpr (same<E, u8>) return __builtin_ia32_pmovzxbd512_mask((Narrow<char>)a, Reg<int>{}, (unsigned short)-1);
  else if constexpr (same<E, short>) return __builtin_ia32_pmovsxwd512_mask(a, Reg<int>{}, (unsigned short)-1);
  else return __builtin_ia32_pmovzxwd512_mask((Narrow<short>)a, Reg<int>{}, (unsigned short)-1);
#elif RT_GCC_X86 && RT_WIDTH == 32
  if constexpr (same<E, signed char>) return __builtin_ia32_pmovsxbd256(low);
  else if constexpr (same<E, u8>) return __builtin_ia32_pmovzxbd256(low);
  else if constexpr (same<E, short>) return __builtin_ia32_pmovsxwd256((Words)low);
  else return __builtin_ia32_pmovzxwd256((Words)low);
#elif RT_GCC_X86
  // Unsigned elements beside zeros; signed ones above themselves, and shifted down with their sign.
  if constexpr (same<E, u8>) return (Reg<int>)__builtin_ia32_punpcklwd128((Words)__builtin_ia32_punpcklbw128(low, Bytes{}), Words{});
  else if constexpr (same<E, signed char>) {
    const Words words = (Words)__builtin_ia32_punpcklbw128(low, low);
    return (Reg<int>)__builtin_ia32_punpcklwd128(words, words) >> 24;
  } else if constexpr (same<E, short>) return (Reg<int>)__builtin_ia32_punpcklwd128((Words)low, (Words)low) >> 16;
  else return (Reg<int>)__builtin_ia32_punpcklwd128((Words)low, Words{});
#else
  return __builtin_convertvector(a, Reg<int>);
#endif
}

template <class E>
RT_INLINE void store_narrow(E* to, Reg<int> a) {
#if RT_BITMASKS
  using Stored = typename VectorOf<typename IntOfSize<sizeof(E)>::type, WIDTH / 4 * int(sizeof(E))>::type;
  Stored narrow;
  if constexpr (sizeof(E) == 1) narrow = (Stored)__builtin_ia32_pmovdb512_mask(a, Narrow<char>{}, (unsigned short)-1);
  else narrow = (Stored)__builtin_ia32_pmovdw512_mask(a, Narrow<short>{}, (unsigned short)-1);
#elif RT_GCC_X86 && RT_WIDTH == 32
  // Packing works in each half; the two parts that matter are joined.
  const Reg<int> kept = a & (sizeof(E) == 1 ? 0xff : 0xffff);
  const VectorOf<short, 32>::type words = (VectorOf<short, 32>::type)__builtin_ia32_packusdw256(kept, kept);
  const VectorOf<i64, 32>::type quads = (VectorOf<i64, 32>::type)words;
  const VectorOf<i64, 16>::type joined = {quads[0], quads[2]};
  Narrow<E> narrow;
  if constexpr (sizeof(E) == 2) narrow = (Narrow<E>)joined;
  else {
    const auto bytes = __builtin_ia32_packuswb128((VectorOf<short, 16>::type)joined, (VectorOf<short, 16>::type)joined);
    __builtin_memcpy(&narrow, &bytes, sizeof narrow);
  }
#elif RT_GCC_X86
  // Packing clips to the range of the result, so that only its bits may be left.
  const Reg<int> kept = sizeof(E) == 1 ? a & 0xff : a << 16 >> 16;
  const Words words = __builtin_ia32_packssdw128(kept, kept);
  Narrow<E> narrow;
  if constexpr (sizeof(E) == 2) __builtin_memcpy(&narrow, &words, sizeof narrow);
  else {
    const Bytes bytes = __builtin_ia32_packuswb128(words, words);
    __builtin_memcpy(&narrow, &bytes, sizeof narrow);
  }
#else
  const Narrow<E> narrow = __builtin_convertvector(a, Narrow<E>);
#endif
  __builtin_memcpy(to, &narrow, sizeof narrow);
}

}  // namespace dotcompute::rt
