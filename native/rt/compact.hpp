// Moving the lanes that are kept to the front, and storing them.
#pragma once

#include "convert.hpp"

namespace dotcompute::rt {

/// Whether the lanes of a register that are kept can be moved to its front at once: by an instruction, or as a table says.
#if RT_WIDTH > 16 || defined(__SSSE3__) || defined(__aarch64__)
#define RT_COMPRESSES 1
#else
#define RT_COMPRESSES 0
#endif

#if RT_WIDTH == 64
/// The lanes of `mask` side by side at the front. (Compressing into memory at once is slow on some machines.)
template <class T>
RT_INLINE Reg<T> compress(Reg<T> a, unsigned mask) {
  if constexpr (sizeof(T) == 8) return (Reg<T>)__builtin_ia32_compressdf512_mask((Reg<double>)a, Reg<double>{}, (unsigned char)mask);
  else return (Reg<T>)__builtin_ia32_compresssf512_mask((Reg<float>)a, Reg<float>{}, (unsigned short)mask);
}
#elif RT_COMPRESSES
/// What a table moves at once: words of 32 bits in registers of 32 bytes, else bytes.
inline constexpr int MOVED = RT_WIDTH == 32 ? 4 : 1;

/// For every mask of WIDTH / Bytes lanes, what comes to the front, in order.
template <int Bytes>
struct Fronts {
  u8 places[1 << WIDTH / Bytes][WIDTH / MOVED] = {};
  constexpr Fronts() {
    for (int mask = 0; mask < 1 << WIDTH / Bytes; mask++)
      for (int lane = 0, next = 0; lane < WIDTH / Bytes; lane++)
        if (mask >> lane & 1)
          for (int part = 0; part < Bytes / MOVED; part++) places[mask][next++] = u8(lane * Bytes / MOVED + part);
  }
};
template <int Bytes>
alignas(64) static constexpr Fronts<Bytes> FRONTS;

/// The lanes of `mask` side by side at the front.
template <class T>
RT_INLINE Reg<T> compress(Reg<T> a, unsigned mask) {
  typename VectorOf<u8, WIDTH / MOVED>::type row;
  __builtin_memcpy(&row, FRONTS<sizeof(T)>.places[mask], sizeof row);
#if RT_WIDTH == 32 && RT_GCC_X86
  // g++ would widen them one by one.
  i64 eight;
  __builtin_memcpy(&eight, &row, sizeof eight);
  const Reg<int> words = __builtin_ia32_pmovzxbd256((VectorOf<char, 16>::type)VectorOf<i64, 16>::type{eight, 0});
  return (Reg<T>)__builtin_ia32_permvarsi256((Reg<int>)a, words);
#elif RT_WIDTH == 32
  return (Reg<T>)__builtin_ia32_permvarsi256((Reg<int>)a, __builtin_convertvector(row, Reg<int>));
#elif defined(__SSSE3__)
  return (Reg<T>)__builtin_ia32_pshufb128((Reg<char>)a, (Reg<char>)row);
#elif defined(__clang__)
  return (Reg<T>)__builtin_neon_vqtbl1q_v((Reg<signed char>)a, (Reg<signed char>)row, 48);
#else
  return (Reg<T>)__builtin_shuffle((Reg<u8>)a, row);
#endif
}
#endif

/// Stores the lanes in `live` from `to` on, and may overwrite up to G elements there; gives how many lanes there were.
template <class Out, int G>
RT_INLINE u64 store_live(Out* to, Pack<Loaded<Out>, G> a, Mask<G> live) {
  const unsigned bits = live.bits();
#if RT_COMPRESSES
  using T = Loaded<Out>;
  constexpr int N = Pack<T, G>::N, EACH = WIDTH / int(sizeof(T));
  const auto store_register = [&](Out* at, Reg<T> front) RT_BODY {
    if constexpr (sizeof(Out) >= 4) __builtin_memcpy(at, &front, WIDTH);
    else store_narrow<Out>(at, front);
  };
  if constexpr (EACH > 2) {  // two lanes are as well stored one by one
    Out* next = to;
    RT_REGISTERS(const unsigned mask = N == 1 ? bits : bits >> i * EACH & ((1u << EACH) - 1); store_register(next, compress<T>(a.r[i], mask));
                 next += bits_in<EACH>(mask))
    return u64(next - to);
  } else
#endif
  {
    Out values[G];
    store<Out, G>(values, a);
    u64 count = 0;
    for (int lane = 0; lane < G; lane++) {
      to[count] = values[lane];
      count += bits >> lane & 1;
    }
    return count;
  }
}

/// Whether sixteen bytes can be moved about as sixteen others say.
#if defined(__SSSE3__) || defined(__aarch64__)
#define RT_MOVES_BYTES 1
#else
#define RT_MOVES_BYTES 0
#endif

#if RT_MOVES_BYTES
using Sixteen = typename VectorOf<u8, 16>::type;

/// For every mask of eight lanes, their bytes that come to the front, in order.
template <int Bytes>
struct Eights {
  u8 places[256][8 * Bytes] = {};
  constexpr Eights() {
    for (int mask = 0; mask < 256; mask++)
      for (int lane = 0, next = 0; lane < 8; lane++)
        if (mask >> lane & 1)
          for (int part = 0; part < Bytes; part++) places[mask][next++] = u8(lane * Bytes + part);
  }
};
template <int Bytes>
alignas(64) static constexpr Eights<Bytes> EIGHTS;

RT_INLINE Sixteen moved(Sixteen a, Sixteen places) {
#if defined(__SSSE3__)
  return (Sixteen)__builtin_ia32_pshufb128((VectorOf<char, 16>::type)a, (VectorOf<char, 16>::type)places);
#elif defined(__clang__)
  return (Sixteen)__builtin_neon_vqtbl1q_v((VectorOf<signed char, 16>::type)a, (VectorOf<signed char, 16>::type)places, 48);
#else
  return __builtin_shuffle(a, places);
#endif
}

/// Stores the lanes of sixteen bytes from lane `First` on that `bits` tells, eight at a time. Where they go is counted from the beginning
/// each time: counts that need not wait for one another.
template <int Bytes, int First>
RT_INLINE void store_eights(char* to, Sixteen a, u64 bits) {
  const auto before = [=](int lane) RT_BODY { return to + Bytes * __builtin_popcountll(bits & ((1ull << lane) - 1)); };
  const u64 eight = bits >> First & 255;
  if constexpr (Bytes == 2) {
    Sixteen places;
    __builtin_memcpy(&places, EIGHTS<2>.places[eight], sizeof places);
    const Sixteen front = moved(a, places);
    __builtin_memcpy(before(First), &front, sizeof front);
  } else {
    // Both halves of the register are moved at once; the second one's places are eight further on.
    u64 low, high;
    __builtin_memcpy(&low, EIGHTS<1>.places[eight], sizeof low);
    __builtin_memcpy(&high, EIGHTS<1>.places[bits >> (First + 8) & 255], sizeof high);
    const auto fronts = (VectorOf<u64, 16>::type)moved(a, (Sixteen)VectorOf<u64, 16>::type{low, high + 0x0808080808080808ull});
    low = fronts[0], high = fronts[1];
    __builtin_memcpy(before(First), &low, sizeof low);
    __builtin_memcpy(before(First + 8), &high, sizeof high);
  }
}
#endif

/// Stores the lanes of a register, of one or two bytes each, that `bits` tells.
template <int Bytes>
RT_INLINE void store_small(char* to, Reg<char> a, u64 bits) {
#if RT_BITMASKS && defined(__AVX512VBMI2__)
  Reg<char> front;
  if constexpr (Bytes == 1) front = __builtin_ia32_compressqi512_mask(a, Reg<char>{}, bits);
  else front = (Reg<char>)__builtin_ia32_compresshi512_mask((Reg<short>)a, Reg<short>{}, u32(bits));
  __builtin_memcpy(to, &front, WIDTH);
#elif RT_MOVES_BYTES
  Sixteen parts[WIDTH / 16];
#if RT_WIDTH == 32
  const Half<char> low = low_half<char>(a), high = high_half<char>(a);
  parts[0] = (Sixteen)low, parts[1] = (Sixteen)high;
#else
  __builtin_memcpy(parts, &a, WIDTH);
#endif
  constexpr int each = 16 / Bytes;
  store_eights<Bytes, 0>(to, parts[0], bits);
  if constexpr (WIDTH > 16) store_eights<Bytes, each>(to, parts[1], bits);
  if constexpr (WIDTH > 32) {
    store_eights<Bytes, 2 * each>(to, parts[2], bits);
    store_eights<Bytes, 3 * each>(to, parts[3], bits);
  }
#else
  typename IntOfSize<Bytes>::type lanes[WIDTH / Bytes];
  __builtin_memcpy(lanes, &a, WIDTH);
  for (int lane = 0; lane < WIDTH / Bytes; lane++) {
    __builtin_memcpy(to, lanes + lane, Bytes);
    to += bits >> lane & 1 ? Bytes : 0;
  }
#endif
}

/// The same for elements that compute in lanes of 16 or 8 bits.
template <class Out, int G>
  requires is_as<Out>
RT_INLINE u64 store_live(Out* out, Pack<Loaded<Out>, G> a, Mask<G> live) {
  using T = Loaded<Out>;
  char* const to = (char*)out;
  const u64 bits = live.bits();
  if constexpr (sizeof(Out) < sizeof(T)) {
    Reg<char> bytes;
    store_bytes<T>(&bytes, a.r);
    store_small<1>(to, bytes, bits);
    return u64(__builtin_popcountll(bits));
  } else {
    constexpr bool bytes = sizeof(T) == 1;
    const u64 low = bytes ? bits : bits & ((1ull << G / 2) - 1), high = bytes ? live.bits(bytes) : bits >> G / 2;
    const u64 kept = u64(__builtin_popcountll(low));
    store_small<sizeof(T)>(to, (Reg<char>)a.r[0], low);
    store_small<sizeof(T)>(to + kept * sizeof(T), (Reg<char>)a.r[1], high);
    return kept + u64(__builtin_popcountll(high));
  }
}

}  // namespace dotcompute::rt
