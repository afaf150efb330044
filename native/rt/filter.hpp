// Array sinks of bodies that reject elements: what is left moves together, in order.
#pragma once

#include "compact.hpp"
#include "map.hpp"

namespace dotcompute::rt {

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

/// Room for what a block yields, and for what its last group overwrites behind that.
template <int G, class Out, class... More>
struct Rooms {
  Rooms<G, Out> first;
  Rooms<G, More...> rest;
  RT_MEMBER Outputs<G, Out, More...> instead_of(Outputs<G, Out, More...> out) {
    out.first = first.instead_of(out.first);
    out.rest = rest.instead_of(out.rest);
    return out;
  }
  RT_MEMBER void move(const Outputs<G, Out, More...>& out, u64 at, u64 count) const {
    first.move(out.first, at, count);
    rest.move(out.rest, at, count);
  }
};
template <int G, class Out>
struct Rooms<G, Out> {
  Out room[BLOCK + G];
  RT_MEMBER Outputs<G, Out> instead_of(Outputs<G, Out> out) {
    out.to = room;
    return out;
  }
  RT_MEMBER void move(const Outputs<G, Out>& out, u64 at, u64 count) const { __builtin_memcpy(out.to + at, room, count * sizeof(Out)); }
};

/// What is yielded, in order. A single output may be the source itself, if their elements are equally wide: no more is ever
/// stored than has been loaded.
template <int G, class In, Shape S, class... Out, class Body>
RT_INLINE Status filter(Call* call, Body body) {
  // Groups of narrow lanes are moved in several steps each: that is unrolled enough.
  constexpr int U = !UNROLLED<G, S> || Narrowed<G> ? 1 : LANES / G < 4 ? 4 : LANES / G, step = U * G;
  const Source<In, G> source(call);
  const auto out = outputs_of<G, Out...>(call);
  const u64 length = call->length;
  // Groups are stored whole, and what one stores too much the next one overwrites. Where what lies behind the results is somebody's, the last
  // of them come there by way of a room: those from where on enough is kept to cover that. A look at the end tells, for arrays that are long.
  Rooms<G, Out...> rooms;
  u64 at = call->from, kept = 0, straight = call->exact != 0 ? at : length;
  bool looking = call->exact != 0 && length - at >= u64(32 * BLOCK);
  const u64 last = looking ? at + (length - at - BLOCK) / u64(step) * u64(step) : at;
  Group<G> lanes(call);
  at = last;
  for (;;) {
    while (length - at >= u64(step)) {
      if (*call->stop) return Status::Stopped;
      const bool through = at >= straight;
      const u64 most = at + (through ? u64(BLOCK) : STRETCH), before = through || straight > length ? length : straight, end = most < before ? most : before;
      const auto to = through ? rooms.instead_of(out) : out;
      u64 count = through ? 0 : kept;
      for (; end - at >= u64(step); at += step) {
        source.template prefetch<step>(at);
#pragma GCC unroll 16
        for (int part = 0; part < U; part++) {
          const u64 place = at + u64(part * G);
          lanes.start(place, true);
          const Values<G, Loaded<Out>...> value = body(lanes, source.whole(lanes, place));
          if constexpr (S.fallible)
            if (lanes.status != Status::Done) {
              if (!looking) return ended(call, lanes);
              lanes.status = Status::Done;  // it is told when its turn comes
            }
          count += append(to, count, value, lanes.live);
        }
      }
      if (through && !looking) rooms.move(out, kept, count);
      kept = through ? kept + count : count;
    }
    if (!looking) break;
    looking = false;
    if (kept >= u64(G)) straight = last;
    at = call->from;
    kept = 0;
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
