// Index-space kernels: bodies that store into arrays, run for every place of a space of one to three axes.
#pragma once

#include "lane.cuh"

namespace dotcompute::rt {

/// One thread's run over places of the space, whose numbers ascend.
class Places : public Lane {
 public:
  /// Where the place is along each axis.
  double column = 0, row = 0, layer = 0;

  RT_MEMBER Places(State* state, const volatile int* stop) : Lane(state, stop) {}

  RT_MEMBER double index() const { return column; }

  /// False once no other place is to run on this thread.
  template <class Body>
  RT_MEMBER bool run(const Body& body, u64 number) {
    if (halted) return false;
    place = number;
    body(*this);
    return !halted;
  }

  template <class E, class At, class V>
  RT_MEMBER bool store(const Array<E>& array, At at, V value) {
    if (!is_place(at, array.length)) return fail();
    ((E*)array.data)[i64(at)] = E(value);
    return true;
  }
};

/// Neighbouring threads run neighbouring places.
template <class Body, class Locate>
RT_INLINE void places(u64 base, u64 length, State* state, const volatile int* stop, const Body& body, Locate locate) {
  Places lanes(state, stop);
  for (u64 at = u64(blockIdx.x) * THREADS + threadIdx.x; at < length; at += u64(gridDim.x) * THREADS) {
    locate(lanes, base + at);
    if (!lanes.run(body, base + at)) return;
  }
}

/// One axis.
template <class Body>
RT_INLINE void space(u64 base, u64 length, State* state, const volatile int* stop, const Body& body) {
  places(base, length, state, stop, body, [](Places& lanes, u64 number) { lanes.column = double(number); });
}
/// Two axes.
template <class Body>
RT_INLINE void space(u64 base, u64 length, State* state, const volatile int* stop, const Body& body, double width) {
  const u64 across = u64(width);
  places(base, length, state, stop, body, [=](Places& lanes, u64 number) {
    lanes.column = double(number % across);
    lanes.row = double(number / across);
  });
}
/// Three axes.
template <class Body>
RT_INLINE void space(u64 base, u64 length, State* state, const volatile int* stop, const Body& body, double width, double height) {
  const u64 across = u64(width), down = u64(height);
  places(base, length, state, stop, body, [=](Places& lanes, u64 number) {
    const u64 line = number / across;
    lanes.column = double(number % across);
    lanes.row = double(line % down);
    lanes.layer = double(line / down);
  });
}

}  // namespace dotcompute::rt
