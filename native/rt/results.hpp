// What a body yields, and the arrays that it is stored in. A loop is written once, for one result or several.
#pragma once

#include "lanes.hpp"

namespace dotcompute::rt {

/// The values of a body with two results or more.
template <class V, class W, class... More>
struct Yielded {
  V first;
  Yielded<W, More...> rest;
};
template <class V, class W>
struct Yielded<V, W> {
  V first;
  W rest;
};

/// What a body hands over for these types: a value, or several.
template <int G, class... T>
struct ValuesOf {
  using type = Yielded<PackOf<T, G>...>;
};
template <int G, class T>
struct ValuesOf<G, T> {
  using type = PackOf<T, G>;
};
template <int G, class... T>
using Values = typename ValuesOf<G, T...>::type;

/// Where the results of an array sink, or of several, go; past the caches, where that is asked for and a register begins.
template <int G, class Out, class... More>
struct Outputs {
  using All = Values<G, Loaded<Out>, Loaded<More>...>;
  Outputs<G, Out> first;
  Outputs<G, More...> rest;

  RT_MEMBER Outputs(void* const* outputs, bool around) : first(outputs, around && is_register(outputs[0])), rest(outputs + 1, around && is_register(outputs[1])) {}
  RT_MEMBER u64 head() const { return 0; }
  RT_MEMBER void put(u64 at, const All& values) const {
    first.put(at, values.first);
    rest.put(at, values.rest);
  }
  RT_MEMBER void put_some(u64 at, const All& values, u64 count) const {
    first.put_some(at, values.first, count);
    rest.put_some(at, values.rest, count);
  }
};
template <int G, class Out>
struct Outputs<G, Out> {
  using All = PackOf<Loaded<Out>, G>;
  Out* to;
  bool around;

  RT_MEMBER Outputs(void* const* outputs, bool goes_around) : to((Out*)outputs[0]), around(GOES_AROUND<Out> && goes_around) {}
  /// How many elements are stored before the first whole group, so that each begins with a register.
  RT_MEMBER u64 head() const { return around ? -u64(to) % WIDTH / sizeof(Out) : 0; }
  RT_MEMBER void put(u64 at, const All& values) const {
    if constexpr (GOES_AROUND<Out>)
      if (around) return store_around<Out, G>(to + at, values);
    store<Out, G>(to + at, values);
  }
  RT_MEMBER void put_some(u64 at, const All& values, u64 count) const { store_some<Out, G>(to + at, values, count); }
};

template <int G, class... Out>
RT_INLINE Outputs<G, Out...> outputs_of(const Call* call) {
  return Outputs<G, Out...>(sizeof...(Out) == 1 ? &call->output : call->outputs, call->around != 0);
}

}  // namespace dotcompute::rt
