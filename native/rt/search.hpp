// Counting what is yielded, and finding the first or last element that yields.
#pragma once

#include "reduce.hpp"

namespace dotcompute::rt {

template <int G, class In, Shape S, class Body>
RT_INLINE Status count(Call* call, Body body) {
  const Source<In, G> source(call);
  const u64 length = call->length;
  Group<G> lanes(call);
  u64 found = 0;
  for (u64 start = call->from; start < length; start += BLOCK) {
    if (*call->stop) return Status::Stopped;
    const u64 end = length - start < BLOCK ? length : start + BLOCK;
    u64 at = start;
    for (; end - at >= u64(G); at += G) {
      lanes.start(at, true);
      body(lanes, source.whole(lanes, at));
      if constexpr (S.fallible)
        if (lanes.status != Status::Done) return ended(call, lanes);
      found += u64(lanes.live.count());
    }
    if (at < end) {
      lanes.start(at, Mask<G>::first(end - at));
      body(lanes, source.some(lanes, at, end - at));
      if constexpr (S.fallible)
        if (lanes.status != Status::Done) return ended(call, lanes);
      found += u64(lanes.live.count());
    }
  }
  call->count = found;
  return Status::Done;
}

template <class T, int G>
RT_INLINE auto lane_of(Pack<T, G> a, int lane) {
  T values[G];
  a.store(values);
  if constexpr (sizeof(T) < sizeof(int)) return int(values[lane]);
  else return values[lane];
}
template <int G>
RT_INLINE bool lane_of(Mask<G> a, int lane) {
  return a.at(lane);
}

/// The first lane of a group that yields is what a search has found.
template <class Type, int G>
RT_INLINE Status found(Call* call, u64 at, PackOf<Type, G> value, Mask<G> live, u64 rank) {
  int lane;
  if constexpr (Narrowed<G>) lane = live.lowest();
  else lane = __builtin_ctz(live.bits());
  call->position = i64(at) + lane;
  call->rank = rank;
  call->value = scalar(lane_of(value, lane));
  return Status::Done;
}

/// The first element that yields, in a body that neither fails nor counts.
template <int G, class In, class Type, Shape S, class Body>
  requires(!S.fallible && !S.ranked)
RT_INLINE Status first(Call* call, Body body) {
  constexpr int U = S.size > 16 ? 1 : 4, step = U * G;
  const Source<In, G> source(call);
  const u64 length = call->length;
  Group<G> lanes(call);
  call->position = -1;
  call->rank = 0;
  call->count = 0;
  const auto group = [&](u64 at, u64 count) RT_BODY {
    lanes.start(at, count == u64(G) ? Mask<G>(true) : Mask<G>::first(count));
    return PackOf<Type, G>(body(lanes, source.some(lanes, at, count)));
  };
  u64 at = call->from;
  while (at < length) {
    if (*call->stop) return Status::Stopped;
    const u64 end = length - at > STRETCH ? at + STRETCH : length;
    // Several groups are asked at once whether any has it; then it is looked for in them.
    for (; end - at >= u64(step); at += step) {
      Mask<G> live = false;
#pragma GCC unroll 4
      for (int part = 0; part < U; part++) {
        group(at + u64(part * G), u64(G));
        live |= lanes.live;
      }
      if (any(live)) break;
    }
    for (const u64 stop = end - at < u64(step) ? end : at + step; at < stop; at += G) {
      const u64 count = stop - at < u64(G) ? stop - at : u64(G);
      const PackOf<Type, G> value = group(at, count);
      if (any(lanes.live)) return found<Type, G>(call, at, value, lanes.live, 0);
    }
  }
  return Status::Done;
}

/// The first element that yields. Elements after it in its group have run too, but whether they fail does not matter: when
/// a group fails its lanes run again one by one, in order, until one yields or fails.
template <int G, class In, class Type, Shape S, class Body>
  requires(S.fallible || S.ranked)
RT_INLINE Status first(Call* call, Body body) {
  const Source<In, G> source(call);
  const u64 length = call->length;
  Group<G> lanes(call);
  u64 visits = 0;
  call->position = -1;
  call->rank = 0;
  call->count = 0;
  u64 single = 0;  // the next lane to run alone; 0 while whole groups run
  bool alone = false;
  for (u64 at = call->from; at < length;) {
    if (at % BLOCK == 0 && *call->stop) return Status::Stopped;
    const u64 count = length - at < u64(G) ? length - at : u64(G);
    lanes.start(at, alone ? Mask<G>::only(int(single)) : Mask<G>::first(count));
    if constexpr (S.ranked) lanes.visited = false;
    const PackOf<Type, G> value = body(lanes, source.some(lanes, at, count));
    if constexpr (S.fallible) {
      if (lanes.status == Status::Stopped) return Status::Stopped;
      if (lanes.status == Status::Failed) {
        if (alone) {
          call->position = i64(at + single);
          return Status::Failed;
        }
        alone = true;
        lanes.status = Status::Done;
        continue;
      }
    }
    const unsigned live = lanes.live.bits();
    if (live != 0) {
      if constexpr (S.ranked) visits += u64(__builtin_popcount(lanes.visited.bits() & ((1u << __builtin_ctz(live)) - 1)));
      return found<Type, G>(call, at, value, lanes.live, visits);
    }
    if constexpr (S.ranked) visits += u64(lanes.visited.count());
    if (alone && ++single < count) continue;
    alone = false;
    single = 0;
    at += G;
  }
  call->rank = visits;
  return Status::Done;
}

/// The last element that yields. All elements run, from the front, since any of them may fail.
template <int G, class In, class Type, Shape S, class Body>
RT_INLINE Status last(Call* call, Body body) {
  const Source<In, G> source(call);
  const u64 length = call->length;
  Group<G> lanes(call);
  PackOf<Type, G> value;
  unsigned live = 0;
  u64 place = 0;
  call->position = -1;
  call->rank = 0;
  call->count = 0;
  for (u64 at = call->from; at < length; at += G) {
    if (at % BLOCK == 0 && *call->stop) return Status::Stopped;
    const u64 count = length - at < u64(G) ? length - at : u64(G);
    lanes.start(at, Mask<G>::first(count));
    const PackOf<Type, G> candidate = body(lanes, source.some(lanes, at, count));
    if constexpr (S.fallible)
      if (lanes.status != Status::Done) return ended(call, lanes);
    if (const unsigned bits = lanes.live.bits()) {
      live = bits;
      place = at;
      value = candidate;
    }
  }
  if (live != 0) {
    const int lane = 31 - __builtin_clz(live);
    call->position = i64(place) + lane;
    call->value = scalar(lane_of(value, lane));
  }
  return Status::Done;
}

}  // namespace dotcompute::rt
