// Applies one operator to all pairs of values in every form that emitted code uses, and stores what comes out.
#pragma once

#include "files.hpp"
#include "rt/loops.hpp"

namespace operators {

using namespace dotcompute::rt;

/// Booleans are stored as integers.
template <class T>
struct StoredAs {
  using type = T;
};
template <>
struct StoredAs<bool> {
  using type = int;
};
template <class T>
using Stored = typename StoredAs<T>::type;

template <class T, int G>
PackOf<T, G> load_lanes(const Stored<T>* from) {
  if constexpr (same<T, bool>) {
    unsigned bits = 0;
    for (int lane = 0; lane < G; lane++) bits |= unsigned(from[lane] != 0) << lane;
    Mask<G> mask = false;
    for (int lane = 0; lane < G; lane++)
      if (bits >> lane & 1) mask |= Mask<G>::only(lane);
    return mask;
  } else return Pack<T, G>::load(from);
}
template <class R, int G>
Stored<R>* store_lanes(Stored<R>* to, PackOf<R, G> value) {
  if constexpr (same<R, bool>)
    for (int lane = 0; lane < G; lane++) to[lane] = value.at(lane);
  else value.store(to);
  return to + G;
}

template <class R, int G>
Stored<R>* store_one(Stored<R>* to, PackOf<R, G> value) {
  Stored<R> lanes[G];
  store_lanes<R, G>(lanes, value);
  *to = lanes[G - 1];
  return to + 1;
}

/// Packs with packs, a scalar with packs, packs with a scalar (that table is transposed), and packs of one value alone: what
/// is quick for usual values and exact for the rest is quick only if all lanes are usual.
template <class T, class R, int G, class F>
Stored<R>* pairs_of_packs(F f, const Stored<T>* in, int n, Stored<R>* out) {
  using A = PackOf<T, G>;
  using B = PackOf<R, G>;
  for (int form = 0; form < 3; form++)
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j += G) {
        const T single = T(in[i]);
        const A many = load_lanes<T, G>(in + j);
        const B value = form == 0 ? B(f(A(single), many)) : form == 1 ? B(f(single, many)) : B(f(many, single));
        out = store_lanes<R, G>(out, value);
      }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) out = store_one<R, G>(out, B(f(A(T(in[i])), A(T(in[j])))));
  return out;
}
template <class T, class R, class F>
Stored<R>* pairs_of_scalars(F f, const Stored<T>* in, int n, Stored<R>* out) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) *out++ = Stored<R>(R(f(T(in[i]), T(in[j]))));
  return out;
}
template <class T, class R, int G, class F>
Stored<R>* packs(F f, const Stored<T>* in, int n, Stored<R>* out) {
  for (int j = 0; j < n; j += G) out = store_lanes<R, G>(out, PackOf<R, G>(f(load_lanes<T, G>(in + j))));
  for (int j = 0; j < n; j++) out = store_one<R, G>(out, PackOf<R, G>(f(PackOf<T, G>(T(in[j])))));
  return out;
}
template <class T, class R, class F>
Stored<R>* scalars(F f, const Stored<T>* in, int n, Stored<R>* out) {
  for (int j = 0; j < n; j++) *out++ = Stored<R>(R(f(T(in[j]))));
  return out;
}

inline constexpr int G32 = WIDTH / 4;
inline constexpr int G64 = WIDTH / 8;

/// All forms of an operator from T to R; 64-bit types alone also run in groups half as large.
template <class T, class R, class F>
char* pairs(F f, const char* values, int n, char* results) {
  const auto* in = (const Stored<T>*)values;
  auto* out = (Stored<R>*)results;
  out = pairs_of_scalars<T, R>(f, in, n, out);
  out = pairs_of_packs<T, R, G32>(f, in, n, out);
  constexpr bool wide = (sizeof(T) == 8 || same<T, bool>) && (sizeof(R) == 8 || same<R, bool>);
  if constexpr (wide) out = pairs_of_packs<T, R, G64>(f, in, n, out);
  return (char*)out;
}
template <class T, class R, class F>
char* singles(F f, const char* values, int n, char* results) {
  const auto* in = (const Stored<T>*)values;
  auto* out = (Stored<R>*)results;
  out = scalars<T, R>(f, in, n, out);
  out = packs<T, R, G32>(f, in, n, out);
  constexpr bool wide = (sizeof(T) == 8 || same<T, bool>) && (sizeof(R) == 8 || same<R, bool>);
  if constexpr (wide) out = packs<T, R, G64>(f, in, n, out);
  return (char*)out;
}

}  // namespace operators
