// Lanes of 16 or 8 bits, for integers that are proved to be small enough: a register has two or four times as many of them as of 32.
//
// A group is two registers: as many lanes of 16 bits as a register has bytes, or twice as many of 8. So a register of bytes, as it is
// loaded and stored, is a group of the former.
#pragma once

#include "mask.hpp"

namespace dotcompute::rt {

/// Lanes in a group of 16 bits, and of 8.
inline constexpr int WORDS = WIDTH;
inline constexpr int BYTES = 2 * WIDTH;
template <int G>
concept Narrowed = G == WORDS || G == BYTES;

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

/// The highest bit of each byte, the first byte's lowest.
RT_INLINE u64 byte_bits(Reg<char> bytes) {
#if RT_GCC_X86 && RT_WIDTH == 64
  return __builtin_ia32_cvtb2mask512(bytes);
#elif RT_GCC_X86 && RT_WIDTH == 32
  return u32(__builtin_ia32_pmovmskb256(bytes));
#elif RT_GCC_X86
  return u32(__builtin_ia32_pmovmskb128(bytes));
#else
  // Bytes are all bits or none: each of eight leaves its own, and a product brings them together.
  const Reg<u64> eights = (Reg<u64>)bytes & 0x8040201008040201ull;
  u64 bits = 0;
  for (int i = 0; i < WIDTH / 8; i++) bits |= (eights[i] * 0x0101010101010101ull >> 56) << (8 * i);
  return bits;
#endif
}

template <int G>
  requires Narrowed<G>
struct Mask<G> {
  using Lane = typename IntOfSize<2 * WIDTH / G>::type;
  /// Lanes in each of the two registers.
  static constexpr int HALF = G / 2;
  RegMask<Lane> raw[2];

  Mask() = default;
  RT_MEMBER Mask(bool every) {
#if RT_BITMASKS
    raw[0] = raw[1] = every ? RegMask<Lane>(-1) : RegMask<Lane>(0);
#else
    raw[0] = raw[1] = splat<Lane>(Lane(every ? -1 : 0));
#endif
  }
  /// The first `count` lanes, of fewer than all.
  static RT_MEMBER Mask first(u64 count) {
    Mask mask;
    for (int half = 0; half < 2; half++) {
      const u64 before = u64(half) * HALF, some = count < before ? 0 : count - before;
#if RT_BITMASKS
      mask.raw[half] = some >= u64(HALF) ? RegMask<Lane>(-1) : RegMask<Lane>((1ull << some) - 1);
#else
      for (int lane = 0; lane < HALF; lane++) mask.raw[half][lane] = Lane(lane);
      mask.raw[half] = (Reg<Lane>)(mask.raw[half] < Lane(some < u64(HALF) ? some : u64(HALF)));
#endif
    }
    return mask;
  }

  template <class T>
  RT_MEMBER RegMask<T> part(int part) const {
    return (RegMask<T>)raw[part];
  }
  template <class T>
  static RT_MEMBER Mask from(const RegMask<T> (&parts)[2]) {
    Mask mask;
    mask.raw[0] = (RegMask<Lane>)parts[0];
    mask.raw[1] = (RegMask<Lane>)parts[1];
    return mask;
  }
  /// A bit for each of as many lanes as a register has bytes: all lanes of 16 bits, or one of the registers of 8.
  RT_MEMBER u64 bits(int half = 0) const {
    if constexpr (G == BYTES) {
#if RT_BITMASKS
      return raw[half];
#else
      return byte_bits(raw[half]);
#endif
    } else {
#if RT_BITMASKS
      return u64(raw[0]) | u64(raw[1]) << 32;
#elif RT_GCC_X86 && RT_WIDTH == 32
      const auto bytes = (VectorOf<i64, 32>::type)__builtin_ia32_packsswb256(raw[0], raw[1]);
      return byte_bits((Reg<char>)__builtin_ia32_permdi256(bytes, 0xd8));
#elif RT_GCC_X86
      return byte_bits(__builtin_ia32_packsswb128(raw[0], raw[1]));
#else
      using Part = typename VectorOf<char, WIDTH / 2>::type;
      const Part parts[2] = {__builtin_convertvector(raw[0], Part), __builtin_convertvector(raw[1], Part)};
      Reg<char> bytes;
      __builtin_memcpy(&bytes, parts, sizeof bytes);
      return byte_bits(bytes);
#endif
    }
  }
  RT_MEMBER int count() const {
    int count = __builtin_popcountll(bits());
    if constexpr (G == BYTES) count += __builtin_popcountll(bits(1));
    return count;
  }
  RT_MEMBER bool at(int lane) const { return bits(lane / WIDTH) >> lane % WIDTH & 1; }
  /// The place of the first lane, of at least one.
  RT_MEMBER int lowest() const {
    const u64 low = bits();
    if constexpr (G == BYTES)
      if (low == 0) return WIDTH + __builtin_ctzll(bits(1));
    return __builtin_ctzll(low);
  }

#define RT_HALVES(expression)                                                \
  {                                                                          \
    Mask mask;                                                               \
    for (int i = 0; i < 2; i++) mask.raw[i] = RegMask<Lane>(expression);     \
    return mask;                                                             \
  }
  friend RT_MEMBER Mask operator&(Mask a, Mask b) RT_HALVES(a.raw[i] & b.raw[i])
  friend RT_MEMBER Mask operator|(Mask a, Mask b) RT_HALVES(a.raw[i] | b.raw[i])
  friend RT_MEMBER Mask operator^(Mask a, Mask b) RT_HALVES(a.raw[i] ^ b.raw[i])
  friend RT_MEMBER Mask operator!(Mask a) RT_HALVES(~a.raw[i])
#undef RT_HALVES
  friend RT_MEMBER bool any(Mask a) {
#if RT_BITMASKS
    return (a.raw[0] | a.raw[1]) != 0;
#elif RT_GCC_X86
    return byte_bits((Reg<char>)(a.raw[0] | a.raw[1])) != 0;
#else
    const Reg<u64> both = (Reg<u64>)(a.raw[0] | a.raw[1]);
    u64 bits = 0;
    for (int i = 0; i < WIDTH / 8; i++) bits |= both[i];
    return bits != 0;
#endif
  }
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
