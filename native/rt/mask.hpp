// Mask<G>: a truth value for each of G lanes. In mask registers where the machine has them, else a register of integers.
#pragma once

#include "vector.hpp"

namespace dotcompute::rt {

/// How many of so many bits are set.
template <int Bits>
RT_INLINE int bits_in(unsigned bits) {
#if !defined(__POPCNT__)
  // Else few bits would be counted by a call, or in another kind of register.
  if constexpr (Bits <= 4) return int(0x4332322132212110ull >> (4 * bits) & 15);
  else
#endif
    return __builtin_popcount(bits);
}

#if RT_BITMASKS

template <int G>
struct Mask {
  static_assert(G == WIDTH / 8 || G == WIDTH / 4 || G == WIDTH / 2);
  /// Sixteen lanes at a time.
  static constexpr int WORDS = G == WIDTH / 2 ? 2 : 1;
  using Bits = RegMask<typename IntOfSize<G == WIDTH / 8 ? 8 : 4>::type>;
  Bits raw[WORDS];

  Mask() = default;
  RT_MEMBER Mask(bool every) {
    for (Bits& word : raw) word = every ? Bits(-1) : Bits(0);
  }
  static RT_MEMBER Mask of(unsigned bits) {
    Mask mask;
    mask.raw[0] = Bits(bits);
    if constexpr (WORDS == 2) mask.raw[1] = Bits(bits >> 16);
    return mask;
  }
  /// The first `count` lanes; `count` is at most G.
  static RT_MEMBER Mask first(u64 count) { return of(unsigned((1ull << count) - 1)); }
  static RT_MEMBER Mask only(int lane) { return of(1u << lane); }

  /// The lanes that register `part` of a pack of T holds.
  template <class T>
  RT_MEMBER RegMask<T> part(int part) const {
    if constexpr (sizeof(T) == 4 || G == WIDTH / 8) return raw[part];
    else return RegMask<T>(raw[part / 2] >> (part % 2 * 8));
  }
  /// The mask whose parts for packs of T these are.
  template <class T, int N>
  static RT_MEMBER Mask from(const RegMask<T> (&parts)[N]) {
    Mask mask;
    for (int word = 0; word < WORDS; word++)
      if constexpr (N == WORDS) mask.raw[word] = parts[word];
      else mask.raw[word] = Bits(__builtin_ia32_kunpckhi(parts[2 * word + 1], parts[2 * word]));
    return mask;
  }
  RT_MEMBER unsigned bits() const {
    if constexpr (WORDS == 2) return unsigned(raw[0]) | unsigned(raw[1]) << 16;
    else return raw[0];
  }

#define RT_WORDS(expression)                                       \
  {                                                                \
    Mask mask;                                                     \
    for (int i = 0; i < WORDS; i++) mask.raw[i] = Bits(expression); \
    return mask;                                                   \
  }
  friend RT_MEMBER Mask operator&(Mask a, Mask b) RT_WORDS(a.raw[i] & b.raw[i])
  friend RT_MEMBER Mask operator|(Mask a, Mask b) RT_WORDS(a.raw[i] | b.raw[i])
  friend RT_MEMBER Mask operator^(Mask a, Mask b) RT_WORDS(a.raw[i] ^ b.raw[i])
  friend RT_MEMBER Mask operator!(Mask a) RT_WORDS(~a.raw[i])
#undef RT_WORDS
  friend RT_MEMBER bool any(Mask a) {
    // Asked in so many words, g++ keeps the masks where they are.
    if constexpr (WORDS == 2) return !__builtin_ia32_kortestzhi(a.raw[0], a.raw[1]);
    else return a.raw[0] != 0;
  }
  friend RT_MEMBER bool all(Mask a) {
    if constexpr (WORDS == 2) return Bits(a.raw[0] & a.raw[1]) == Bits(-1);
    else return a.raw[0] == Bits(-1);
  }
#else

/// The low halves of all lanes of two registers, side by side.
RT_INLINE Reg<int> low_halves(Reg<int> a, Reg<int> b) {
  using Index [[maybe_unused]] = Reg<int>;
#if RT_WIDTH == 64
  return RT_SHUFFLE(Index, a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif RT_GCC_X86 && RT_WIDTH == 32
  // g++ would permute both and blend them.
  const Reg<float> halves = __builtin_ia32_shufps256((Reg<float>)a, (Reg<float>)b, 0x88);
  return (Reg<int>)__builtin_ia32_permdi256((Reg<i64>)halves, 0xd8);
#elif RT_WIDTH == 32
  return RT_SHUFFLE(Index, a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return RT_SHUFFLE(Index, a, b, 0, 2, 4, 6);
#endif
}

template <int G>
struct Mask {
  static_assert(G == WIDTH / 8 || G == WIDTH / 4 || G == WIDTH / 2);
  using Lane = typename IntOfSize<G == WIDTH / 8 ? 8 : 4>::type;
  /// Registers, and the lanes of each.
  static constexpr int N = G * int(sizeof(Lane)) / WIDTH, EACH = G / N;
  Reg<Lane> raw[N];

  Mask() = default;
  RT_MEMBER Mask(bool every) {
    RT_REGISTERS(raw[i] = splat<Lane>(every ? -1 : 0))
  }
  /// The lanes whose number has this relation to a number.
  template <Relation R>
  static RT_MEMBER Mask where(int number) {
    Mask mask;
    RT_REGISTERS(mask.raw[i] = (compare<R, Lane>(iota<Lane>(), splat<Lane>(Lane(number - i * EACH)))))
    return mask;
  }
  static RT_MEMBER Mask first(u64 count) { return where<Relation::Lt>(int(count)); }
  static RT_MEMBER Mask only(int lane) { return where<Relation::Eq>(lane); }

  /// Packs of types wider than the mask's lanes take twice as many registers: each lane of the mask is doubled.
  template <class T>
  RT_MEMBER RegMask<T> part(int part) const {
    if constexpr (sizeof(T) == sizeof(Lane)) return (RegMask<T>)raw[part];
    else {
      using Index [[maybe_unused]] = Reg<int>;
      const Reg<Lane> both = raw[part / 2];
#if RT_WIDTH == 64
      return part % 2 == 0 ? (RegMask<T>)RT_SHUFFLE(Index, both, both, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7)
                           : (RegMask<T>)RT_SHUFFLE(Index, both, both, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15);
#elif RT_WIDTH == 32
      return part % 2 == 0 ? (RegMask<T>)RT_SHUFFLE(Index, both, both, 0, 0, 1, 1, 2, 2, 3, 3)
                           : (RegMask<T>)RT_SHUFFLE(Index, both, both, 4, 4, 5, 5, 6, 6, 7, 7);
#else
      return part % 2 == 0 ? (RegMask<T>)RT_SHUFFLE(Index, both, both, 0, 0, 1, 1) : (RegMask<T>)RT_SHUFFLE(Index, both, both, 2, 2, 3, 3);
#endif
    }
  }
  template <class T, int Parts>
  static RT_MEMBER Mask from(const RegMask<T> (&parts)[Parts]) {
    Mask mask;
    if constexpr (Parts == N) RT_REGISTERS(mask.raw[i] = (Reg<Lane>)parts[i])
    else RT_REGISTERS(mask.raw[i] = (Reg<Lane>)low_halves((Reg<int>)parts[2 * i], (Reg<int>)parts[2 * i + 1]))
    return mask;
  }
  /// Bit j is lane j.
  RT_MEMBER unsigned bits() const {
    if constexpr (N == 2) return bits_of(raw[0]) | bits_of(raw[1]) << EACH;
    else return bits_of(raw[0]);
  }

#define RT_EACH(expression)                   \
  {                                           \
    Mask mask;                                \
    RT_REGISTERS(mask.raw[i] = (expression))  \
    return mask;                              \
  }
  friend RT_MEMBER Mask operator&(Mask a, Mask b) RT_EACH(a.raw[i] & b.raw[i])
  friend RT_MEMBER Mask operator|(Mask a, Mask b) RT_EACH(a.raw[i] | b.raw[i])
  friend RT_MEMBER Mask operator^(Mask a, Mask b) RT_EACH(a.raw[i] ^ b.raw[i])
  friend RT_MEMBER Mask operator!(Mask a) RT_EACH(~a.raw[i])
#undef RT_EACH
  friend RT_MEMBER bool any(Mask a) {
    Reg<Lane> some = a.raw[0];
    if constexpr (N == 2) some = some | a.raw[1];
#if RT_WIDTH == 16 && !defined(__SSE2__)
    const Reg<u64> halves = (Reg<u64>)some;
    return (halves[0] | halves[1]) != 0;
#else
    return bits_of(some) != 0;
#endif
  }
  friend RT_MEMBER bool all(Mask a) {
    Reg<Lane> every = a.raw[0];
    if constexpr (N == 2) every = every & a.raw[1];
#if RT_WIDTH == 16 && !defined(__SSE2__)
    const Reg<u64> halves = (Reg<u64>)every;
    return (halves[0] & halves[1]) == ~0ull;
#else
    return bits_of(every) == (1u << EACH) - 1;
#endif
  }

 private:
  static RT_MEMBER unsigned bits_of(Reg<Lane> a) {
#if RT_WIDTH == 32
    if constexpr (sizeof(Lane) == 4) return unsigned(__builtin_ia32_movmskps256((Reg<float>)a));
    else return unsigned(__builtin_ia32_movmskpd256((Reg<double>)a));
#elif defined(__SSE2__) && RT_WIDTH == 16
    if constexpr (sizeof(Lane) == 4) return unsigned(__builtin_ia32_movmskps((Reg<float>)a));
    else return unsigned(__builtin_ia32_movmskpd((Reg<double>)a));
#elif RT_WIDTH == 16
    // Each lane leaves its own bit; then the halves come together.
    Reg<Lane> own;
    if constexpr (sizeof(Lane) == 4) own = Reg<Lane>{1, 2, 4, 8};
    else own = Reg<Lane>{1, 2};
    const Reg<u64> halves = (Reg<u64>)(a & own);
    const u64 joined = halves[0] | halves[1];
    return unsigned(joined | joined >> 32);
#else
    if constexpr (sizeof(Lane) == 4) return unsigned(__builtin_ia32_cvtd2mask512((Reg<int>)a));
    else return unsigned(__builtin_ia32_cvtq2mask512((Reg<i64>)a));
#endif
  }

 public:
#endif

  RT_MEMBER Mask& operator&=(Mask b) { return *this = *this & b; }
  RT_MEMBER Mask& operator|=(Mask b) { return *this = *this | b; }
  RT_MEMBER int count() const { return bits_in<G>(bits()); }
  RT_MEMBER bool at(int lane) const { return bits() >> lane & 1; }
};

}  // namespace dotcompute::rt
