// Lanes of 16 bits, for integers that are proved to be small enough: a register has twice as many of them as of 32 bits.
//
// A group is as many lanes as a register has bytes: one register of bytes, as they are loaded and stored, is two of lanes.
#pragma once

#include "mask.hpp"

namespace dotcompute::rt {

/// Lanes in a group.
inline constexpr int WORDS = WIDTH;

/// An element that computes in lanes of another type: its bits, as many as the lane has.
template <class E, class L>
struct As {
  using Element = E;
  using Lane = L;
  E value;
};
template <class E>
inline constexpr bool is_as = false;
template <class E, class L>
inline constexpr bool is_as<As<E, L>> = true;

template <>
struct Mask<WORDS> {
  RegMask<short> raw[2];

  Mask() = default;
  RT_MEMBER Mask(bool every) {
#if RT_BITMASKS
    raw[0] = raw[1] = every ? RegMask<short>(-1) : RegMask<short>(0);
#else
    raw[0] = raw[1] = splat<short>(every ? -1 : 0);
#endif
  }
  /// The first `count` lanes, of fewer than all.
  static RT_MEMBER Mask first(u64 count) {
    Mask mask;
#if RT_BITMASKS
    const u64 bits = (1ull << count) - 1;
    mask.raw[0] = RegMask<short>(bits);
    mask.raw[1] = RegMask<short>(bits >> 32);
#else
    Reg<short> places;
    for (int lane = 0; lane < WORDS / 2; lane++) places[lane] = short(lane);
    mask.raw[0] = compare<Relation::Lt, short>(places, splat<short>(short(count)));
    mask.raw[1] = compare<Relation::Lt, short>(places, splat<short>(short(int(count) - WORDS / 2)));
#endif
    return mask;
  }

  template <class T>
  RT_MEMBER RegMask<T> part(int part) const {
    return (RegMask<T>)raw[part];
  }
  template <class T>
  static RT_MEMBER Mask from(const RegMask<T> (&parts)[2]) {
    Mask mask;
    mask.raw[0] = (RegMask<short>)parts[0];
    mask.raw[1] = (RegMask<short>)parts[1];
    return mask;
  }
  RT_MEMBER u64 bits() const {
#if RT_BITMASKS
    return u64(raw[0]) | u64(raw[1]) << 32;
#elif RT_GCC_X86 && RT_WIDTH == 32
    const auto bytes = (VectorOf<i64, 32>::type)__builtin_ia32_packsswb256(raw[0], raw[1]);
    return u32(__builtin_ia32_pmovmskb256((VectorOf<char, 32>::type)__builtin_ia32_permdi256(bytes, 0xd8)));
#elif RT_GCC_X86
    return u32(__builtin_ia32_pmovmskb128(__builtin_ia32_packsswb128(raw[0], raw[1])));
#else
    u64 bits = 0;
    for (int lane = 0; lane < WORDS; lane++) bits |= u64(raw[lane / (WORDS / 2)][lane % (WORDS / 2)] & 1) << lane;
    return bits;
#endif
  }
  RT_MEMBER int count() const { return __builtin_popcountll(bits()); }

#define RT_HALVES(expression)                                                \
  {                                                                          \
    Mask mask;                                                               \
    for (int i = 0; i < 2; i++) mask.raw[i] = RegMask<short>(expression);    \
    return mask;                                                             \
  }
  friend RT_MEMBER Mask operator&(Mask a, Mask b) RT_HALVES(a.raw[i] & b.raw[i])
  friend RT_MEMBER Mask operator|(Mask a, Mask b) RT_HALVES(a.raw[i] | b.raw[i])
  friend RT_MEMBER Mask operator^(Mask a, Mask b) RT_HALVES(a.raw[i] ^ b.raw[i])
  friend RT_MEMBER Mask operator!(Mask a) RT_HALVES(~a.raw[i])
#undef RT_HALVES
  friend RT_MEMBER bool any(Mask a) { return a.bits() != 0; }
  RT_MEMBER Mask& operator&=(Mask b) { return *this = *this & b; }
  RT_MEMBER Mask& operator|=(Mask b) { return *this = *this | b; }
};

/// A register's bytes as two registers of lanes; with their signs for `signed char`.
template <class E, class L>
RT_INLINE void widen_bytes(const E* from, Reg<L> (&words)[2]) {
  Reg<short> low, high;
  constexpr bool sign = !is_unsigned<E>;
#if RT_GCC_X86 && RT_WIDTH > 16
  using Part = typename VectorOf<char, WIDTH / 2>::type;
  Part a, b;
  __builtin_memcpy(&a, from, sizeof a);
  __builtin_memcpy(&b, from + WIDTH / 2, sizeof b);
#if RT_WIDTH == 64
  low = sign ? __builtin_ia32_pmovsxbw512_mask(a, Reg<short>{}, ~0u) : __builtin_ia32_pmovzxbw512_mask(a, Reg<short>{}, ~0u);
  high = sign ? __builtin_ia32_pmovsxbw512_mask(b, Reg<short>{}, ~0u) : __builtin_ia32_pmovzxbw512_mask(b, Reg<short>{}, ~0u);
#else
  low = sign ? __builtin_ia32_pmovsxbw256(a) : __builtin_ia32_pmovzxbw256(a);
  high = sign ? __builtin_ia32_pmovsxbw256(b) : __builtin_ia32_pmovzxbw256(b);
#endif
#elif RT_GCC_X86
  Reg<char> a;
  __builtin_memcpy(&a, from, sizeof a);
  // Beside zeros; or above themselves, and shifted down with their sign.
  const Reg<char> beside = sign ? a : Reg<char>{};
  low = (Reg<short>)(sign ? __builtin_ia32_punpcklbw128(beside, a) : __builtin_ia32_punpcklbw128(a, beside));
  high = (Reg<short>)(sign ? __builtin_ia32_punpckhbw128(beside, a) : __builtin_ia32_punpckhbw128(a, beside));
  if constexpr (sign) low >>= 8, high >>= 8;
#else
  typename VectorOf<E, WIDTH / 2>::type a, b;
  __builtin_memcpy(&a, from, sizeof a);
  __builtin_memcpy(&b, from + WIDTH / 2, sizeof b);
  low = __builtin_convertvector(a, Reg<short>);
  high = __builtin_convertvector(b, Reg<short>);
#endif
  words[0] = (Reg<L>)low;
  words[1] = (Reg<L>)high;
}

/// Stores the low bytes of two registers of lanes.
template <class L>
RT_INLINE void store_bytes(void* to, const Reg<L> (&words)[2]) {
  const Reg<short> low = (Reg<short>)words[0], high = (Reg<short>)words[1];
#if RT_BITMASKS
  using Part = VectorOf<char, 32>::type;
  const Part a = __builtin_ia32_pmovwb512_mask(low, Part{}, ~0u), b = __builtin_ia32_pmovwb512_mask(high, Part{}, ~0u);
  __builtin_memcpy(to, &a, sizeof a);
  __builtin_memcpy((char*)to + sizeof a, &b, sizeof b);
#elif RT_GCC_X86 && RT_WIDTH == 32
  // Packing works in each half: the middle quarters change places.
  const auto bytes = __builtin_ia32_permdi256((VectorOf<i64, 32>::type)__builtin_ia32_packuswb256(low & 0xff, high & 0xff), 0xd8);
  __builtin_memcpy(to, &bytes, sizeof bytes);
#elif RT_GCC_X86
  const auto bytes = __builtin_ia32_packuswb128(low & 0xff, high & 0xff);
  __builtin_memcpy(to, &bytes, sizeof bytes);
#else
  const auto a = __builtin_convertvector(low, VectorOf<u8, WIDTH / 2>::type), b = __builtin_convertvector(high, VectorOf<u8, WIDTH / 2>::type);
  __builtin_memcpy(to, &a, sizeof a);
  __builtin_memcpy((char*)to + sizeof a, &b, sizeof b);
#endif
}

}  // namespace dotcompute::rt
