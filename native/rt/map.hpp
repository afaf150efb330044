// Array sinks: what is yielded, in order.
#pragma once

#include "results.hpp"

namespace dotcompute::rt {

/// Whether the groups of a row of 32 elements are unrolled: it pays for small bodies, and large ones would take long to compile.
template <int G, Shape S>
inline constexpr bool UNROLLED = S.size * (LANES / G) <= 256;

/// How many groups a turn of this loop takes. In a body of some size the loop's own work does not show, and several copies of
/// it would only take long to compile.
template <int G, Shape S>
inline constexpr int GROUPS = S.size > 16 ? 1 : LANES / G < 4 ? 4 : LANES / G;

/// Where the body failed, or that it was stopped.
template <class L>
RT_INLINE Status ended(Call* call, const L& lanes) {
  call->position = i64(lanes.base);
  return lanes.status;
}

/// One result for every element, or several. A single output may be the source itself, if their elements are equally wide.
template <int G, class In, Shape S, class... Out, class Body>
RT_INLINE Status map(Call* call, Body body) {
  constexpr int U = GROUPS<G, S>, step = U * G;
  // One copy of the body is compiled in half the time of two. One that may fail is better off knowing that all lanes run.
  constexpr bool one_copy = U == 1 && !S.fallible;
  const Source<In, G> source(call);
  const auto out = outputs_of<G, Out...>(call);
  const u64 length = call->length;
  Group<G> lanes(call);
  const auto group = [&](u64 at, u64 count) RT_BODY {
    const bool whole = count == u64(G);
    lanes.start(at, whole ? Mask<G>(true) : Mask<G>::first(count));
    const auto value = body(lanes, source.some(lanes, at, count));
    if constexpr (S.fallible)
      if (lanes.status != Status::Done) return false;
    if (whole) out.put(at, value);
    else out.put_some(at, value, count);
    return true;
  };
  const u64 head = call->from + out.head();
  const bool around = call->around != 0;
  u64 at = call->from;
  while (at < length) {
    if (*call->stop) return Status::Stopped;
    const u64 most = at < head ? head : at + STRETCH, end = most < length ? most : length;
    if constexpr (!one_copy)
      for (; end - at >= u64(step); at += step) {
        source.template prefetch<step>(at);
#pragma GCC unroll 16
        for (int part = 0; part < U; part++)
          if (!group(at + u64(part * G), u64(G))) return ended(call, lanes);
      }
    while (at < end) {
      if constexpr (one_copy) source.template prefetch<G>(at);
      const u64 count = end - at < u64(G) ? end - at : u64(G);
      if (!group(at, count)) return ended(call, lanes);
      at += count;
    }
  }
  if (around) settle_stores();
  call->count = length;
  return Status::Done;
}

}  // namespace dotcompute::rt
