// Array sinks: what is yielded, in order.
#pragma once

#include "lanes.hpp"

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

/// One result for every element. The output may be the source itself, if their elements are equally wide.
template <int G, class In, class Out, Shape S, class Body>
RT_INLINE Status map(Call* call, Body body) {
  constexpr int U = GROUPS<G, S>, step = U * G;
  const Source<In, G> source(call);
  Out* out = (Out*)call->output;
  const u64 length = call->length;
  Group<G> lanes(call);
  u64 at = 0;
  while (length - at >= u64(step)) {
    if (*call->stop) return Status::Stopped;
    const u64 end = length - at > u64(16 * BLOCK) ? at + 16 * BLOCK : length;
    for (; end - at >= u64(step); at += step) {
      source.template prefetch<step>(at);
#pragma GCC unroll 16
      for (int part = 0; part < U; part++) {
        const u64 place = at + u64(part * G);
        lanes.start(place, true);
        const auto value = body(lanes, source.whole(lanes, place));
        if constexpr (S.fallible)
          if (lanes.status != Status::Done) return ended(call, lanes);
        store<Out, G>(out + place, value);
      }
    }
  }
  for (; at < length; at += G) {
    const u64 count = length - at < u64(G) ? length - at : u64(G);
    lanes.start(at, Mask<G>::first(count));
    const auto value = body(lanes, source.some(lanes, at, count));
    if constexpr (S.fallible)
      if (lanes.status != Status::Done) return ended(call, lanes);
    if (count == u64(G)) store<Out, G>(out + at, value);
    else store_some<Out, G>(out + at, value, count);
  }
  call->count = length;
  return Status::Done;
}

}  // namespace dotcompute::rt
