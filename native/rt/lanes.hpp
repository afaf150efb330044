// What a kernel's body sees of the group of elements it runs on: which lanes run, their places, and the effects that can fail.
#pragma once

#include "convert.hpp"

namespace dotcompute::rt {

using dotcompute::Call;
using dotcompute::Status;

/// A captured array.
template <class E>
struct Array {
  const E* data;
  u64 length;

  RT_MEMBER explicit Array(const ArrayArgument& argument) : data((const E*)argument.data), length(argument.length) {}
  RT_MEMBER double size() const { return double(length); }
};

#if RT_BITMASKS
/// Four- and eight-byte elements by the machine's own gather.
template <class E, int G>
RT_INLINE Pack<E, G> gather_wide(const E* data, Pack<int, G> at) {
  Pack<E, G> values;
  constexpr int N = Pack<E, G>::N;
  RT_REGISTERS(values.r[i] = (Reg<E>)__builtin_ia32_gathersiv16sf(Reg<float>{}, (const float*)data, at.r[i], (unsigned short)-1, 4))
  return values;
}
template <class E, int G>
RT_INLINE Pack<E, G> gather_wide(const E* data, Pack<i64, G> at) {
  Pack<E, G> values;
  constexpr int N = Pack<E, G>::N;
  constexpr unsigned char every = -1;
  const auto half = [&](int part) RT_BODY {
    return (Half<E>)__builtin_ia32_gatherdiv16sf(Half<float>{}, (const float*)data, at.r[part], every, 4);
  };
  if constexpr (sizeof(E) == 4) RT_REGISTERS(values.r[i] = join<E>(half(2 * i), half(2 * i + 1)))
  else RT_REGISTERS(values.r[i] = (Reg<E>)__builtin_ia32_gatherdiv8df(Reg<double>{}, (const double*)data, at.r[i], every, 8))
  return values;
}
#endif

/// The elements at places that exist.
template <class E, class At, int G>
RT_INLINE Pack<Loaded<E>, G> gather(const E* data, Pack<At, G> at) {
#if RT_BITMASKS
  if constexpr (sizeof(E) == 4 && same<At, int>) return gather_wide(data, at);
  else if constexpr (sizeof(E) >= 4) return gather_wide(data, cast<i64>(at));
  else
#endif
  {
    At places[G];
    Loaded<E> values[G];
    at.store(places);
    for (int lane = 0; lane < G; lane++) values[lane] = data[i64(places[lane])];
    return Pack<Loaded<E>, G>::load(values);
  }
}

/// Out of cache, hardware alone does not keep up with these loops; about 1 KB ahead is best at all sizes.
template <int Bytes>
RT_INLINE void prefetch_lines(const void* from) {
  for (int line = 0; line < Bytes; line += 64) __builtin_prefetch((const char*)from + 1024 + line);
}

/// Whether `at` is a place in an array of this length; -0 is place 0.
RT_INLINE bool is_place(double at, u64 length) { return at >= 0.0 && at < double(length) && at == ::rt_trunc(at); }
RT_INLINE bool is_place(int at, u64 length) { return at >= 0 && u64(at) < length; }

/// Whether a captured number is an integer from `low` to `high`, and not -0.
RT_INLINE bool is_whole(double value, int low, int high) {
  return value >= low && value <= high && value == ::rt_trunc(value) && 1 / value != -RT_INFINITY;
}

/// One group of G elements, or the single element of a scalar kernel (G = 1).
template <int G>
struct Group {
  using mask = Mask<G>;

  /// The lanes that still run: a filter takes lanes away.
  mask live;
  /// For ranked searches: the lanes that passed `visit`.
  mask visited;
  /// The place of lane 0.
  u64 base = 0;
  Status status = Status::Done;
  unsigned turns = 0;
  const volatile int* stop;

  RT_MEMBER explicit Group(const Call* call) : stop(call->stop) {}

  RT_MEMBER void start(u64 place, mask lanes) {
    base = place;
    live = lanes;
  }

  RT_MEMBER Pack<double, G> index() const {
    Pack<double, G> places = double(base);
    constexpr int N = Pack<double, G>::N;
    constexpr int part = G / N;
    RT_REGISTERS(places.r[i] = places.r[i] + (iota<double>() + double(i * part)))
    return places;
  }

  /// Whether an array has elements at the places of all lanes, and so many places further on.
  template <class E>
  RT_MEMBER bool reaches(const Array<E>& array, u64 by = 0) const {
    return base + by + G <= array.length;
  }
  /// The elements at the lanes' own places of an array as long as the source, or so many places further on; zeros beyond its end.
  template <class E>
  RT_MEMBER Pack<Loaded<E>, G> here(const Array<E>& array, u64 by = 0) const {
    return here(array, by, reaches(array, by));
  }
  /// `inside`: whether it reaches at least that far.
  template <class E>
  RT_MEMBER Pack<Loaded<E>, G> here(const Array<E>& array, u64 by, bool inside) const {
    const u64 first = base + by;
    // One read of each array asks for all.
    if (RT_PREFETCHES && by == 0) prefetch_lines<G * sizeof(E)>(array.data + first);
    if (__builtin_expect(!inside, 0)) {
      const u64 left = first < array.length ? array.length - first : 0;
      return load_some<E, G>(array.data + first, left < u64(G) ? left : u64(G));
    }
    return load<E, G>(array.data + first);
  }

  /// Called once a turn by loops, which end early when the caller wants the kernel to stop.
  RT_MEMBER bool stopped() {
    if (__builtin_expect(++turns % 1024 != 0, 1)) return false;
    if (*stop == 0) return false;
    status = Status::Stopped;
    return true;
  }

  RT_MEMBER bool fail_if(bool failing) {
    if (__builtin_expect(failing, 0)) status = Status::Failed;
    return !failing;
  }

  // Effects. Each acts for the lanes in `on` alone, and says false when one of them fails.

  /// Elements `at` of an array.
  template <class E, class At>
  RT_MEMBER bool read(Pack<Loaded<E>, G>& value, const Array<E>& array, Pack<At, G> at, mask on) {
    mask inside;
    if constexpr (is_float<At>) inside = (at >= At(0)) & (at < array.size()) & (at == rt_trunc(at));
    else inside = rename<u32>(at) < u32(array.length < 0x80000000ull ? array.length : 0x80000000ull);
    if (!fail_if(any(on & !inside))) return false;
    if (array.length == 0) value = Loaded<E>(0);  // no lane is on
    else value = gather(array.data, rt_select(on, at, At(0)));
    return true;
  }
  /// The elements at the lanes' own places: they lie side by side.
  template <class E>
  RT_MEMBER bool read_here(Pack<Loaded<E>, G>& value, const Array<E>& array, mask on) {
    if (__builtin_expect(base + G > array.length, 0)) return read(value, array, index(), on);
    value = load<E, G>(array.data + base);
    return true;
  }
  /// The elements so many places further on, side by side where all of them exist.
  template <class E>
  RT_MEMBER bool read_near(Pack<Loaded<E>, G>& value, const Array<E>& array, double by, mask on) {
    const bool whole = ::rt_abs(by) < 0x1p52 && by == ::rt_trunc(by);
    const u64 first = whole ? base + u64(i64(by)) : ~0ull;
    if (__builtin_expect(first > array.length || array.length - first < u64(G), 0)) return read(value, array, index() + by, on);
    value = load<E, G>(array.data + first);
    return true;
  }
  /// One element for all lanes.
  template <class E, class At>
  RT_MEMBER bool read(Pack<Loaded<E>, G>& value, const Array<E>& array, At at, mask on) {
    const bool inside = is_place(at, array.length);
    if (!fail_if(!inside && any(on))) return false;
    value = inside ? Loaded<E>(array.data[i64(at)]) : Loaded<E>(0);
    return true;
  }

  template <class T, class A, class B>
  RT_MEMBER bool div(Pack<T, G>& value, A a, B b, mask on) {
    const mask zero = Pack<T, G>(b) == T(0);
    value = rt_div(Pack<T, G>(a), rt_select(zero, T(1), b));
    return fail_if(any(on & zero));
  }
  template <class T, class A, class B>
  RT_MEMBER bool rem(Pack<T, G>& value, A a, B b, mask on) {
    const mask zero = Pack<T, G>(b) == T(0);
    value = rt_rem(Pack<T, G>(a), rt_select(zero, T(1), b));
    return fail_if(any(on & zero));
  }

  /// BigInt() of numbers, which must be integers; modulo 2^64.
  template <class T, class A>
  RT_MEMBER bool big(Pack<T, G>& value, A number, mask on) {
    const Pack<ScalarOf<A>, G> a = number;
    const mask whole = rt_is_integer(a);
    value = each_lane<T>(rt_to_f64(rt_select(whole, a, ScalarOf<A>(0))), [](double x) { return T(::rt_to_u64(x)); });
    return fail_if(any(on & !whole));
  }
};

template <>
struct Group<1> {
  u64 base = 0;
  Status status = Status::Done;
  unsigned turns = 0;
  const volatile int* stop;

  RT_MEMBER explicit Group(const Call* call) : stop(call->stop) {}

  RT_MEMBER double index() const { return double(base); }

  template <class E>
  RT_MEMBER Loaded<E> here(const Array<E>& array, u64 by = 0) const {
    return base + by < array.length ? array.data[base + by] : Loaded<E>(0);
  }

  RT_MEMBER bool stopped() {
    if (__builtin_expect(++turns % 1024 != 0, 1)) return false;
    if (*stop == 0) return false;
    status = Status::Stopped;
    return true;
  }
  RT_MEMBER bool fail_if(bool failing) {
    if (__builtin_expect(failing, 0)) status = Status::Failed;
    return !failing;
  }

  template <class E, class At>
  RT_MEMBER bool read(Loaded<E>& value, const Array<E>& array, At at) {
    if (!fail_if(!is_place(at, array.length))) return false;
    value = array.data[i64(at)];
    return true;
  }
  template <class T>
  RT_MEMBER bool div(T& value, T a, T b) {
    if (!fail_if(b == 0)) return false;
    value = ::rt_div(a, b);
    return true;
  }
  template <class T>
  RT_MEMBER bool rem(T& value, T a, T b) {
    if (!fail_if(b == 0)) return false;
    value = ::rt_rem(a, b);
    return true;
  }
  template <class T, class A>
  RT_MEMBER bool big(T& value, A number) {
    if (!fail_if(!::rt_is_integer(number))) return false;
    value = T(::rt_to_u64(number));
    return true;
  }
};

/// The source of a range: its elements are their own places.
struct Range {};

template <class In, int G>
struct Source {
  const In* data;
  RT_MEMBER explicit Source(const Call* call) : data((const In*)call->source) {}
  RT_MEMBER Pack<Loaded<In>, G> whole(const Group<G>&, u64 at) const { return load<In, G>(data + at); }
  RT_MEMBER Pack<Loaded<In>, G> some(const Group<G>&, u64 at, u64 count) const {
    return count == u64(G) ? load<In, G>(data + at) : load_some<In, G>(data + at, count);
  }
  RT_MEMBER Loaded<In> one(u64 at) const { return data[at]; }
  template <int Count>
  RT_MEMBER void prefetch(u64 at) const {
    if (RT_PREFETCHES) prefetch_lines<Count * sizeof(In)>(data + at);
  }
};
template <int G>
struct Source<Range, G> {
  RT_MEMBER explicit Source(const Call*) {}
  RT_MEMBER Pack<double, G> whole(const Group<G>& lanes, u64) const { return lanes.index(); }
  RT_MEMBER Pack<double, G> some(const Group<G>& lanes, u64, u64) const { return lanes.index(); }
  RT_MEMBER double one(u64 at) const { return double(at); }
  template <int Count>
  RT_MEMBER void prefetch(u64) const {}
};

/// The source of a body that reads its columns only.
struct Unread {};
template <int G>
struct Source<Unread, G> {
  RT_MEMBER explicit Source(const Call*) {}
  RT_MEMBER Unread whole(const Group<G>&, u64) const { return {}; }
  RT_MEMBER Unread some(const Group<G>&, u64, u64) const { return {}; }
  template <int Count>
  RT_MEMBER void prefetch(u64) const {}
};

/// What a loop must know of the body it runs.
struct Shape {
  /// Some lanes may not yield.
  bool filtered = false;
  /// The body may fail or be stopped.
  bool fallible = false;
  /// A reduction counts what was yielded.
  bool counted = false;
  /// A search counts what passed `visit`.
  bool ranked = false;
  /// About how many operations it has: small bodies are unrolled.
  int size = 1;
};

/// How the types of a body are called: as many lanes as a register has elements of 64 or 32 bits, as two have of 16 or 8, or one.
#define RT_LANES(lanes)                   \
  inline constexpr int G = lanes;         \
  using Lanes = Group<G>;                 \
  using mask = Mask<G>;                   \
  using f64 = Pack<double, G>;            \
  using f32 = Pack<float, G>;             \
  using i32 = Pack<int, G>;               \
  using u32 = Pack<unsigned, G>;          \
  using i64 = Pack<dotcompute::i64, G>;   \
  using u64 = Pack<dotcompute::u64, G>;
namespace lanes64 {
RT_LANES(WIDTH / 8)
}
namespace lanes32 {
RT_LANES(WIDTH / 4)
}
/// For loops, whose turns wait for one another: registers side by side hide that.
namespace lanes16 {
RT_LANES(RT_BITMASKS || RT_WIDTH == 32 ? WIDTH / 2 : WIDTH / 4)
}
/// For elementary functions, whose operations wait for one another, too, where registers last: two of 32 bits side by side; two or four of 64.
namespace lanes32x2 {
RT_LANES(RT_BITMASKS ? WIDTH / 2 : WIDTH / 4)
}
namespace lanes64x2 {
RT_LANES(RT_BITMASKS ? WIDTH / 4 : WIDTH / 8)
}
namespace lanes64x4 {
RT_LANES(RT_BITMASKS ? WIDTH / 2 : WIDTH / 8)
}
#undef RT_LANES
#define RT_LANES(lanes, lane)    \
  inline constexpr int G = lanes; \
  using Lanes = Group<G>;        \
  using mask = Mask<G>;          \
  using i32 = Pack<lane, G>;
/// For integers that fit in 16 bits, signed or not.
namespace words {
RT_LANES(WORDS, short)
}
namespace unsigned_words {
RT_LANES(WORDS, unsigned short)
}
/// And in 8.
namespace bytes {
RT_LANES(BYTES, signed char)
}
namespace unsigned_bytes {
RT_LANES(BYTES, u8)
}
#undef RT_LANES
namespace lanes1 {
using Lanes = Group<1>;
using mask = bool;
using f64 = double;
using f32 = float;
using i32 = int;
using u32 = unsigned;
using i64 = dotcompute::i64;
using u64 = dotcompute::u64;
}  // namespace lanes1

/// The value of a body that yields none.
struct Nothing {};

}  // namespace dotcompute::rt
