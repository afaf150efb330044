// What a kernel's body sees of the element it runs on: its place, captured arrays, and the effects that can fail.
#pragma once

#include "device.cuh"

namespace dotcompute::rt {

template <class E>
struct LoadedOf {
  using type = int;
};
template <>
struct LoadedOf<u32> {
  using type = u32;
};
template <>
struct LoadedOf<i64> {
  using type = i64;
};
template <>
struct LoadedOf<u64> {
  using type = u64;
};
template <>
struct LoadedOf<float> {
  using type = float;
};
template <>
struct LoadedOf<double> {
  using type = double;
};
/// The type an element has once it is loaded: narrow integers are ints.
template <class E>
using Loaded = typename LoadedOf<E>::type;

/// A captured array.
template <class E>
struct Array {
  const E* data;
  u64 length;

  RT_MEMBER double size() const { return double(length); }
};

/// Whether `at` is a place in an array of this length; -0 is place 0.
RT_INLINE bool is_place(double at, u64 length) { return at >= 0.0 && at < double(length) && at == rt_trunc(at); }
RT_INLINE bool is_place(int at, u64 length) { return at >= 0 && u64(at) < length; }

/// One thread's run over elements, whose places ascend.
class Lane {
 public:
  u64 place = 0;
  /// For ranked searches: whether the element passed `visit`.
  bool visited = false;
  /// The element has failed, or the run is to stop: no other element runs on this thread.
  bool halted = false;

  /// With `searching`, elements behind the one that has been found are of no interest.
  RT_MEMBER Lane(State* state, const volatile int* stop, bool searching = false) : state(state), stop(stop), searching(searching) {}

  RT_MEMBER double index() const { return double(place); }

  /// The element at this place of an array as long as the source, or so many places further on.
  template <class E>
  RT_MEMBER Loaded<E> here(const Array<E>& array, u64 by = 0) const {
    return place + by < array.length ? Loaded<E>(array.data[place + by]) : Loaded<E>(0);
  }

  /// Runs `body` for an element; false if it yields nothing.
  template <class Body, class... Rest>
  RT_MEMBER bool run(const Body& body, u64 at, Rest&&... rest) {
    if (halted) return false;
    place = at;
    return body(*this, rest...);
  }

  /// Called once a turn by loops, which end early when nobody waits for their result.
  RT_MEMBER bool stopped() {
    if (++turns % 1024 != 0) return false;
    return poll() || decided();
  }

  /// Whether the caller wants the run to end.
  RT_MEMBER bool poll() {
    if (*stop == 0) return false;
    state->stopped = 1;
    halted = true;
    return true;
  }

  // Effects. Each says false when it fails.

  template <class E, class At>
  RT_MEMBER bool read(Loaded<E>& value, const Array<E>& array, At at) {
    if (!is_place(at, array.length)) return fail();
    value = Loaded<E>(array.data[i64(at)]);
    return true;
  }
  template <class T>
  RT_MEMBER bool div(T& value, T a, T b) {
    if (b == 0) return fail();
    value = rt_div(a, b);
    return true;
  }
  template <class T>
  RT_MEMBER bool rem(T& value, T a, T b) {
    if (b == 0) return fail();
    value = rt_rem(a, b);
    return true;
  }
  /// BigInt() of a number, which must be an integer; modulo 2^64.
  template <class T, class A>
  RT_MEMBER bool big(T& value, A number) {
    if (!rt_is_integer(number)) return fail();
    value = T(rt_to_u64(number));
    return true;
  }

 protected:
  State* const state;
  const volatile int* const stop;
  const bool searching;
  unsigned turns = 0;

  /// Later elements of this thread are behind the failing one: whether they fail or yield makes no difference.
  RT_MEMBER bool fail() {
    atomicMin(&state->failed, place);
    halted = true;
    return false;
  }

  /// Whether an element before this one has failed or been found: JavaScript would never have come here.
  RT_MEMBER bool decided() const {
    const volatile State* seen = state;
    return seen->failed < place || (searching && seen->position < place);
  }
};

/// Elements side by side: one load or store.
template <class E, int V>
struct alignas(sizeof(E) * V) Vector {
  E at[V];
};

/// The source of a range: its elements are their own places.
struct Range {};

template <class In>
struct Source {
  using Element = Loaded<In>;
  const In* data;

  template <int V>
  RT_MEMBER Vector<In, V> load(u64 at) const {
    return *(const Vector<In, V>*)(data + at);
  }
  RT_MEMBER Element one(u64 at) const { return Element(data[at]); }
};
template <>
struct Source<Range> {
  using Element = double;
  u64 base;

  template <int V>
  RT_MEMBER Vector<double, V> load(u64 at) const {
    Vector<double, V> places;
#pragma unroll
    for (int i = 0; i < V; i++) places.at[i] = double(base + at + i);
    return places;
  }
  RT_MEMBER double one(u64 at) const { return double(base + at); }
};

/// The tiles of a launch: U vectors of V elements for each of a block's threads.
template <int V, int U>
inline constexpr u64 TILE = u64(THREADS) * V * U;

/// Calls `each(at, vector)` for all elements, tile by tile, neighbouring threads on neighbouring vectors; the tile at the end,
/// if it is not full, element by element. A tile's loads all come before its first element runs. `more(at)` is asked before
/// every tile, by all threads of a warp together as long as it gives them one answer.
template <int V, int U, class In, class More, class Each>
RT_INLINE void sweep(const Source<In>& source, u64 length, More more, Each each) {
  using Vectors = decltype(source.template load<V>(0));
  constexpr u64 tile = TILE<V, U>;
  for (u64 start = blockIdx.x * tile; start < length; start += gridDim.x * tile) {
    if (!more(start)) return;
    if (V * U > 1 && length - start >= tile) {
      Vectors loaded[U];
#pragma unroll
      for (int u = 0; u < U; u++) loaded[u] = source.template load<V>(start + (u64(u) * THREADS + threadIdx.x) * V);
#pragma unroll
      for (int u = 0; u < U; u++) each(start + (u64(u) * THREADS + threadIdx.x) * V, loaded[u]);
    } else {
      const u64 end = length - start < tile ? length : start + tile;
#pragma unroll 1
      for (u64 at = start + threadIdx.x; at < end; at += THREADS) each(at, source.template load<1>(at));
    }
  }
}

/// Calls `each(at, element, present)` for the rows of 32 elements of the block that begins at `start`: lane j has elements
/// j, j + 32 …, in order, with U rows loaded at once. All lanes make each call together; `present` is false past the end.
template <int U, class In, class Each>
RT_INLINE void rows(const Source<In>& source, u64 start, u64 length, Each each) {
  using Element = typename Source<In>::Element;
  const u64 left = length - start, first = start + lane_id();
  if (U > 1 && left >= BLOCK) {
#pragma unroll 1
    for (u64 row = 0; row < BLOCK; row += U * LANES) {
      Element loaded[U];
#pragma unroll
      for (int u = 0; u < U; u++) loaded[u] = source.one(first + row + u * LANES);
#pragma unroll
      for (int u = 0; u < U; u++) each(first + row + u * LANES, loaded[u], true);
    }
    return;
  }
#pragma unroll 1
  for (u64 row = 0; row < BLOCK && row < left; row += LANES) {
    const u64 at = first + row;
    const bool present = at < length;
    each(at, present ? source.one(at) : Element(), present);
  }
}

}  // namespace dotcompute::rt
