// Array sinks of bodies that reject elements: what is left moves together, in order.
#pragma once

#include "map.hpp"

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
    RT_REGISTERS(const unsigned mask = bits >> i * EACH & ((1u << EACH) - 1); store_register(next, compress<T>(a.r[i], mask));
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

/// The same for each of several results, whose lanes are the same.
template <int G, class Out>
RT_INLINE u64 append(const Outputs<G, Out>& out, u64 at, const Values<G, Loaded<Out>>& values, Mask<G> live) {
  return store_live<Out, G>(out.to + at, values, live);
}
template <int G, class Out, class Next, class... More>
RT_INLINE u64 append(const Outputs<G, Out, Next, More...>& out, u64 at, const Values<G, Loaded<Out>, Loaded<Next>, Loaded<More>...>& values, Mask<G> live) {
  append(out.first, at, values.first, live);
  return append(out.rest, at, values.rest, live);
}

/// And overwrites nothing behind them.
template <int G, class Out>
RT_INLINE u64 append_exactly(const Outputs<G, Out>& out, u64 at, const Values<G, Loaded<Out>>& values, Mask<G> live) {
  Out kept[G];
  const u64 count = store_live<Out, G>(kept, values, live);
  __builtin_memcpy(out.to + at, kept, count * sizeof(Out));
  return count;
}
template <int G, class Out, class Next, class... More>
RT_INLINE u64 append_exactly(const Outputs<G, Out, Next, More...>& out, u64 at, const Values<G, Loaded<Out>, Loaded<Next>, Loaded<More>...>& values, Mask<G> live) {
  append_exactly(out.first, at, values.first, live);
  return append_exactly(out.rest, at, values.rest, live);
}

/// What is yielded, in order. A single output may be the source itself, if their elements are equally wide: no more is ever
/// stored than has been loaded.
template <int G, class In, Shape S, class... Out, class Body>
RT_INLINE Status filter(Call* call, Body body) {
  constexpr int U = UNROLLED<G, S> ? (LANES / G < 4 ? 4 : LANES / G) : 1, step = U * G;
  const Source<In, G> source(call);
  const auto out = outputs_of<G, Out...>(call);
  const u64 length = call->length;
  Group<G> lanes(call);
  u64 at = call->from, kept = 0;
  while (length - at >= u64(step)) {
    if (*call->stop) return Status::Stopped;
    const u64 end = length - at > u64(16 * BLOCK) ? at + 16 * BLOCK : length;
    for (; end - at >= u64(step); at += step) {
      source.template prefetch<step>(at);
#pragma GCC unroll 16
      for (int part = 0; part < U; part++) {
        const u64 place = at + u64(part * G);
        lanes.start(place, true);
        const Values<G, Loaded<Out>...> value = body(lanes, source.whole(lanes, place));
        if constexpr (S.fallible)
          if (lanes.status != Status::Done) return ended(call, lanes);
        kept += append(out, kept, value, lanes.live);
      }
    }
  }
  for (; at < length; at += G) {
    const u64 count = length - at < u64(G) ? length - at : u64(G);
    lanes.start(at, Mask<G>::first(count));
    const Values<G, Loaded<Out>...> value = body(lanes, source.some(lanes, at, count));
    if constexpr (S.fallible)
      if (lanes.status != Status::Done) return ended(call, lanes);
    kept += append_exactly(out, kept, value, lanes.live);
  }
  call->count = kept;
  return Status::Done;
}

}  // namespace dotcompute::rt
