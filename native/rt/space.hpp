// Index-space kernels: bodies that store into arrays, run for every place of a space of one to three axes.
#pragma once

#include "map.hpp"

namespace dotcompute::rt {

/// Places side by side along the first axis; `base` is the first one's.
template <int G>
struct Places : Group<G> {
  using mask = Mask<G>;
  using Group<G>::base;

  /// Where they are along the second axis and the third.
  double row = 0, layer = 0;
  /// All lanes were on when the group began: what lies behind one another in memory is this group's alone.
  bool whole = false;

  using Group<G>::Group;

  RT_MEMBER void start(u64 place, u64 count) {
    whole = count == u64(G);
    Group<G>::start(place, whole ? mask(true) : mask::first(count));
  }

  /// The sum of numbers that are added to a place one after the other; NaN where a sum on the way might be rounded.
  template <class... Terms>
  static RT_MEMBER double near(Terms... terms) {
    const bool exact = (... && (::rt_abs(double(terms)) < 0x1p48 && double(terms) == ::rt_trunc(double(terms))));
    return exact ? (... + double(terms)) : RT_NAN;
  }

  /// The elements so many places further on; `at` says where, if they do not lie side by side.
  template <class E, class At>
  RT_MEMBER bool read_beside(Pack<Loaded<E>, G>& value, const Array<E>& array, double by, At at, mask on) {
    u64 first;
    if (!beside(array.length, by, first)) return this->read(value, array, at, on);
    value = load<E, G>(array.data + first);
    return true;
  }

  /// Stores where each lane says.
  template <class E, class At, class V>
  RT_MEMBER bool store(const Array<E>& array, Pack<At, G> at, V value, mask on) {
    mask inside;
    if constexpr (is_float<At>) inside = (at >= At(0)) & (at < array.size()) & (at == rt_trunc(at));
    else inside = rename<u32>(at) < u32(array.length < 0x80000000ull ? array.length : 0x80000000ull);
    if (!this->fail_if(any(on & !inside))) return false;
    At places[G];
    E values[G];
    at.store(places);
    rt::store<E, G>(values, Pack<Loaded<E>, G>(value));
    E* const to = (E*)array.data;
    if (all(on)) {
      for (int lane = 0; lane < G; lane++) to[i64(places[lane])] = values[lane];
      return true;
    }
    for (unsigned bits = on.bits(); bits != 0; bits &= bits - 1) {
      const int lane = __builtin_ctz(bits);
      to[i64(places[lane])] = values[lane];
    }
    return true;
  }
  /// All lanes store into one place: there is but one lane on, or none.
  template <class E, class At, class V>
  RT_MEMBER bool store(const Array<E>& array, At at, V value, mask on) {
    return store(array, Pack<At, G>(at), value, on);
  }
  /// Stores into places side by side, where they are; what is between stays as it is.
  template <class E, class At, class V>
  RT_MEMBER bool store_beside(const Array<E>& array, double by, At at, V value, mask on) {
    u64 first;
    if (!whole || !beside(array.length, by, first)) return store(array, at, value, on);
    E* const to = (E*)array.data + first;
    const Pack<Loaded<E>, G> values = value;
    rt::store<E, G>(to, all(on) ? values : choose(on, values, load<E, G>(to)));
    return true;
  }

 private:
  /// Whether an array has the places so many further on than the lanes' own: where they begin.
  RT_MEMBER bool beside(u64 length, double by, u64& first) const {
    if (!(::rt_abs(by) < 0x1p52 && by == ::rt_trunc(by))) return false;
    first = base + u64(i64(by));
    return first <= length && length - first >= u64(G);
  }
};

/// One place, in kernels that run in order.
template <>
struct Places<1> : Group<1> {
  double row = 0, layer = 0;

  using Group<1>::Group;

  RT_MEMBER void start(u64 place, u64) { base = place; }

  template <class E, class At, class V>
  RT_MEMBER bool store(const Array<E>& array, At at, V value) {
    if (!fail_if(!is_place(at, array.length))) return false;
    ((E*)array.data)[i64(at)] = E(value);
    return true;
  }
};

/// Runs the body for the places from `at` to before `end` of a row, the first of which has the number `number` in the whole space.
template <int G, Shape S, class Lanes, class Body>
RT_INLINE bool places(Call* call, Lanes& lanes, Body body, u64 at, u64 end, u64 number) {
  for (; at < end; at += u64(G), number += u64(G)) {
    lanes.start(at, end - at < u64(G) ? end - at : u64(G));
    body(lanes);
    if constexpr (S.fallible)
      if (lanes.status != Status::Done) {
        call->position = i64(number);
        return false;
      }
  }
  return true;
}

/// One axis.
template <int G, Shape S, class Body>
RT_INLINE Status space(Call* call, Body body) {
  Places<G> lanes(call);
  const u64 length = call->length;
  for (u64 at = call->from; at < length;) {
    if (*call->stop) return Status::Stopped;
    const u64 end = length - at < STRETCH ? length : at + STRETCH;
    if (!places<G, S>(call, lanes, body, at, end, at)) return lanes.status;
    at = end;
  }
  call->count = length;
  return Status::Done;
}

/// Two or three axes, row by row: places side by side are of one row. `height` is that of all layers but the last.
template <int G, Shape S, class Body>
RT_INLINE Status space(Call* call, double width, double height, Body body) {
  Places<G> lanes(call);
  const u64 length = call->length, across = u64(width), down = u64(height);
  for (u64 number = call->from; number < length;) {
    if (*call->stop) return Status::Stopped;
    const u64 line = number / across, first = number % across;
    lanes.row = double(line % down);
    lanes.layer = double(line / down);
    u64 run = across - first;
    if (run > length - number) run = length - number;
    if (run > STRETCH) run = STRETCH;
    if (!places<G, S>(call, lanes, body, first, first + run, number)) return lanes.status;
    number += run;
  }
  call->count = length;
  return Status::Done;
}

}  // namespace dotcompute::rt
